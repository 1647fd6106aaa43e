//! Choosing the next token from the logits, with a seeded generator of its own for every request.
//!
//! The engine doesn't use llama.cpp's samplers: what a request draws must depend on its own seed and logits alone, never on
//! which other requests share the batch.

use super::request::Sampling;

/// SplitMix64: one 64-bit state, full period, good enough to draw tokens and trivially reproducible.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub(crate) fn uniform(&mut self) -> f64 {
        // 53 bits are what an f64's mantissa can hold.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Draws one token id. `allowed` lists the ids that the grammar permits, `None` means all. Returns `None` when nothing may
/// be chosen (an empty list, or only NaN and minus infinity).
pub(crate) fn choose(
    logits: &[f32],
    allowed: Option<&[u32]>,
    sampling: &Sampling,
    rng: &mut Rng,
) -> Option<u32> {
    match allowed {
        Some(ids) => {
            let candidates = ids.iter().filter_map(|&id| Some((id, *logits.get(id as usize)?)));
            draw(candidates, sampling, rng)
        }
        None => draw((0_u32..).zip(logits.iter().copied()), sampling, rng),
    }
}

fn draw(
    candidates: impl Iterator<Item = (u32, f32)> + Clone,
    sampling: &Sampling,
    rng: &mut Rng,
) -> Option<u32> {
    let finite = candidates.filter(|(_, logit)| *logit > f32::NEG_INFINITY);
    // Ties go to the lower id, so that equal logits give an equal answer.
    let (best, top) = finite.clone().reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    if sampling.temperature <= 0.0 {
        return Some(best);
    }
    let scale = 1.0 / f64::from(sampling.temperature);
    let weight = |logit: f32| (f64::from(logit - top) * scale).exp();
    if sampling.top_p >= 1.0 {
        let total: f64 = finite.clone().map(|(_, logit)| weight(logit)).sum();
        return Some(pick(finite.map(|(id, logit)| (id, weight(logit))), total, rng).unwrap_or(best));
    }
    let nucleus = nucleus(
        finite.map(|(id, logit)| (id, weight(logit))),
        f64::from(sampling.top_p),
    );
    let total: f64 = nucleus.iter().map(|(_, weight)| weight).sum();
    Some(pick(nucleus.into_iter(), total, rng).unwrap_or(best))
}

/// The smallest set of the likeliest candidates whose weight reaches `top_p` of the whole, likeliest first.
fn nucleus(weights: impl Iterator<Item = (u32, f64)> + Clone, top_p: f64) -> Vec<(u32, f64)> {
    let (count, total) = weights
        .clone()
        .fold((0_usize, 0.0), |(n, sum), (_, w)| (n + 1, sum + w));
    // A candidate lighter than the tail's share spread over everyone can't be in the nucleus: all that are as light together
    // weigh less than the tail. This leaves a handful to sort instead of the vocabulary.
    let floor = (1.0 - top_p) * total / count.max(1) as f64;
    let mut kept: Vec<_> = weights.filter(|(_, w)| *w >= floor).collect();
    kept.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut sum = 0.0;
    let end = kept.iter().position(|(_, w)| {
        sum += w;
        sum >= top_p * total
    });
    kept.truncate(end.map_or(kept.len(), |last| last + 1));
    kept
}

fn pick(weights: impl Iterator<Item = (u32, f64)>, total: f64, rng: &mut Rng) -> Option<u32> {
    let mut left = rng.uniform() * total;
    let mut last = None;
    for (id, weight) in weights {
        last = Some(id);
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(temperature: f32, top_p: f32) -> Sampling {
        Sampling {
            temperature,
            top_p,
            seed: 0,
        }
    }

    /// How often each of four tokens is drawn in 10,000 draws.
    fn counts(logits: &[f32], allowed: Option<&[u32]>, sampling: &Sampling) -> Vec<i32> {
        let mut rng = Rng::new(7);
        let mut counts = vec![0; logits.len()];
        for _ in 0..10_000 {
            counts[choose(logits, allowed, sampling, &mut rng).unwrap() as usize] += 1;
        }
        counts
    }

    #[test]
    fn greedy_takes_the_likeliest_allowed_and_the_lower_id_of_equals() {
        let mut rng = Rng::new(0);
        let greedy = sampling(0.0, 1.0);
        assert_eq!(choose(&[0.0, 3.0, 3.0, 1.0], None, &greedy, &mut rng), Some(1));
        assert_eq!(
            choose(&[0.0, 3.0, 3.0, 1.0], Some(&[0, 3]), &greedy, &mut rng),
            Some(3)
        );
        assert_eq!(
            choose(&[f32::NEG_INFINITY, f32::NAN], None, &greedy, &mut rng),
            None
        );
        assert_eq!(choose(&[1.0], Some(&[]), &greedy, &mut rng), None);
    }

    #[test]
    fn draws_follow_the_softmax() {
        // Probabilities 0.1, 0.2, 0.3, 0.4; three standard deviations are under 150 draws.
        let logits: Vec<f32> = [0.1_f32, 0.2, 0.3, 0.4].iter().map(|p| p.ln() + 5.0).collect();
        for (count, expected) in counts(&logits, None, &sampling(1.0, 1.0))
            .iter()
            .zip([1000, 2000, 3000, 4000])
        {
            assert!((count - expected).abs() < 150, "{count} of {expected}");
        }
        // At temperature 0.5 probabilities are squared: 1, 4, 9, 16 of 30.
        for (count, expected) in counts(&logits, None, &sampling(0.5, 1.0))
            .iter()
            .zip([333, 1333, 3000, 5333])
        {
            assert!((count - expected).abs() < 150, "{count} of {expected}");
        }
    }

    #[test]
    fn top_p_keeps_the_smallest_set_that_reaches_it() {
        let logits: Vec<f32> = [0.1_f32, 0.2, 0.3, 0.4].iter().map(|p| p.ln()).collect();
        let drawn = counts(&logits, None, &sampling(1.0, 0.6));
        assert_eq!((drawn[0], drawn[1]), (0, 0));
        assert!((drawn[3] - 5714).abs() < 150, "{drawn:?}");
        assert_eq!(counts(&logits, None, &sampling(1.0, 0.3)), [0, 0, 0, 10_000]);
    }

    #[test]
    fn a_seed_repeats_itself_and_another_differs() {
        let logits = [0.0_f32; 50];
        let draw = |seed| {
            let mut rng = Rng::new(seed);
            (0..20)
                .map(|_| choose(&logits, None, &sampling(1.0, 1.0), &mut rng).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
