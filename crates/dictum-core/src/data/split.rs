//! Keeping train, validation and test apart.

use std::collections::HashMap;

use super::Example;
use crate::lm::Digest;

/// Splits examples into parts of these sizes, relative to their sum:
/// `let [train, val, test] = split(&all, 7, [0.6, 0.2, 0.2]);`
///
/// The parts, and the order in them, follow from the seed and what the examples hold, never from their order: a file
/// sorted otherwise splits the same. Examples with the same inputs always fall into the same part, so that no part leaks
/// into another; parts may be a little larger or smaller for that. Sizes that are negative or no numbers count as 0; when
/// all are 0, the parts are equal.
#[must_use]
pub fn split<const N: usize>(examples: &[Example], seed: u64, sizes: [f64; N]) -> [Vec<Example>; N] {
    let mut weights = sizes.map(|size| if size.is_finite() { size.max(0.0) } else { 0.0 });
    if weights.iter().sum::<f64>() <= 0.0 {
        weights = [1.0; N];
    }
    let total: f64 = weights.iter().sum();
    let mut keyed: Vec<(Digest, &Example)> = examples
        .iter()
        .map(|example| (Digest::of(&(seed, example.inputs())), example))
        .collect();
    keyed.sort_by_key(|(key, example)| (*key, example.id()));

    let mut parts = std::array::from_fn(|_| Vec::new());
    let mut keyed = keyed.into_iter().peekable();
    let mut placed = 0_usize;
    let mut share = 0.0;
    for (index, (part, weight)) in parts.iter_mut().zip(weights).enumerate() {
        share += weight / total;
        let last = index + 1 == N;
        let end = if last {
            usize::MAX
        } else {
            (share * examples.len() as f64).round() as usize
        };
        while placed < end
            && let Some((key, example)) = keyed.next()
        {
            part.push(example.clone());
            placed += 1;
            while let Some((_, twin)) = keyed.next_if(|(next, _)| *next == key) {
                part.push(twin.clone());
                placed += 1;
            }
        }
    }
    parts
}

/// Examples of `a` whose inputs stand in `b` too, as places in both: each of `a` at most once, with the first of `b`.
/// Labels don't count: the same question with another answer is still the same question.
#[must_use]
pub fn overlap(a: &[Example], b: &[Example]) -> Vec<(usize, usize)> {
    let mut places: HashMap<Digest, usize> = HashMap::with_capacity(b.len());
    for (place, example) in b.iter().enumerate() {
        places.entry(Digest::of(example.inputs())).or_insert(place);
    }
    let twin =
        |(place, example): (usize, &Example)| Some((place, *places.get(&Digest::of(example.inputs()))?));
    a.iter().enumerate().filter_map(twin).collect()
}
