//! When a candidate can no longer win: racing, with a stated rate of error.
//!
//! A candidate's rows are run in a random order that all candidates share, in four parts. After each part but the last it is
//! asked how likely it is that a candidate which would beat the leader in the end stands where this one does. The rows run
//! so far are a sample without replacement of its final rows, so the answer is exact for scores of 0 and 1 (the tail of the
//! hypergeometric distribution) and Serfling's bound for others (Serfling 1974, Probability inequalities for the sum in
//! sampling without replacement). Each look may err with a third of the rate asked for, so all three together don't exceed it.

/// In how many parts a candidate's rows are run.
pub(crate) const PARTS: usize = 4;

/// Whether a candidate with these scores so far, of `rows` in all, can be dropped: that it would end with a sum above
/// `leader` has become less likely than `error_rate` allows at one look. Scores outside of 0 to 1 are never judged.
pub(crate) fn hopeless(scores: &[f64], rows: usize, leader: f64, error_rate: f64) -> bool {
    let seen = scores.len();
    if seen == 0 || seen >= rows || scores.iter().any(|score| !(0.0..=1.0).contains(score)) {
        return false;
    }
    let level = error_rate / (PARTS - 1) as f64;
    let sum: f64 = scores.iter().sum();
    if sum + (rows - seen) as f64 <= leader {
        return true;
    }
    if scores.iter().all(|score| *score == 0.0 || *score == 1.0) {
        // The fewest hits that win.
        let needed = leader.floor() as usize + 1;
        hits_at_most(sum as usize, seen, needed, rows) < level
    } else {
        let missing = leader / rows as f64 - sum / seen as f64;
        let left = 1.0 - (seen - 1) as f64 / rows as f64;
        missing > 0.0 && (-2.0 * seen as f64 * missing * missing / left).exp() < level
    }
}

/// The probability of at most `hits` hits among `seen` rows, drawn without replacement from `rows` with `all` hits.
fn hits_at_most(hits: usize, seen: usize, all: usize, rows: usize) -> f64 {
    if all > rows {
        return 0.0;
    }
    // Fewer are not possible when there are not enough misses.
    let least = (seen + all).saturating_sub(rows);
    let chance =
        |k: usize| (ln_choose(all, k) + ln_choose(rows - all, seen - k) - ln_choose(rows, seen)).exp();
    (least..=hits.min(seen).min(all)).map(chance).sum()
}

fn ln_choose(n: usize, k: usize) -> f64 {
    let k = k.min(n - k);
    (0..k)
        .map(|i| ((n - i) as f64).ln() - ((i + 1) as f64).ln())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn hypergeometric_tails_sum_up() {
        // Of 5 cards with 2 hits, 3 are drawn: no hit in 1 of 10, one in 6, two in 3.
        for (hits, share) in [(0, 0.1), (1, 0.7), (2, 1.0), (3, 1.0)] {
            assert!((hits_at_most(hits, 3, 2, 5) - share).abs() < 1e-12);
        }
    }

    /// Of candidates that do win, no more are dropped than the rate allows; of hopeless ones most are, early.
    #[test]
    fn winners_are_dropped_no_more_often_than_stated() {
        let (rows, leader, rate) = (60, 36.0, 0.05);
        for binary in [true, false] {
            let (mut winners, mut dropped_winners, mut bad, mut dropped_bad) = (0, 0, 0, 0);
            for trial in 0..20_000_u64 {
                let mut rng = Rng::of(&("race", trial, binary));
                let good = trial % 2 == 0;
                let level = if good { 0.63 } else { 0.3 };
                let scores: Vec<f64> = (0..rows)
                    .map(|_| match (rng.unit() < level, binary) {
                        (hit, true) => f64::from(u8::from(hit)),
                        (true, false) => 0.9 + rng.unit() / 10.0,
                        (false, false) => rng.unit() / 10.0,
                    })
                    .collect();
                let dropped =
                    (1..PARTS).any(|part| hopeless(&scores[..rows * part / PARTS], rows, leader, rate));
                if scores.iter().sum::<f64>() > leader {
                    winners += 1;
                    dropped_winners += u32::from(dropped);
                } else if !good {
                    bad += 1;
                    dropped_bad += u32::from(dropped);
                }
            }
            let wrong = f64::from(dropped_winners) / f64::from(winners);
            let caught = f64::from(dropped_bad) / f64::from(bad);
            assert!(wrong <= rate, "{wrong} of the winners were dropped");
            assert!(caught > 0.8, "only {caught} of the hopeless were dropped");
        }
    }
}
