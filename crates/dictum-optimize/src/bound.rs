//! Whether one program is worse than another by no more than so much: a one-sided paired test with a stated rate of error.
//!
//! The null hypothesis is that it is worse by the margin or more; its p value is the chance of rows like these if that were
//! so. Nothing is approximated by a normal distribution, which says too much just where it matters: when two programs differ
//! on few rows.
//!
//! Where scores are 0 and 1 a row is a win, a loss or a tie. The test is the exact unconditional one on the difference of
//! wins and losses. How often the two differ is not known: the p value is the largest over all shares that the data leave
//! possible at a level of 1 in 10,000, which is added (Berger and Boos 1994, P values maximized over a confidence set for the
//! nuisance parameter). For other scores between 0 and 1 it is Markov's bound on the mean of bets against the hypothesis
//! (Waudby-Smith and Ramdas 2024, Estimating means of bounded random variables by betting), which holds for any
//! distribution and needs more rows.

use dictum_core::evaluate::stats::is_binary;

/// The level the share of differing rows is bounded at.
const NUISANCE: f64 = 1e-4;
/// How many shares are tried between the bounds: the tail is smooth in the share.
const SHARES: usize = 32;

/// The p value of the hypothesis that the mean of these paired differences (the one program's score less the other's) is
/// `-margin` or less. `None` without rows, or when a difference is not between -1 and 1.
pub(crate) fn worse_by(differences: &[f64], margin: f64) -> Option<f64> {
    if differences.is_empty() || differences.iter().any(|d| !(-1.0..=1.0).contains(d)) {
        return None;
    }
    // A margin of no points still means something: better than equal has to be shown.
    let margin = margin.clamp(0.0, 1.0);
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    if mean <= -margin {
        // More than a half; how much more is of no interest.
        return Some(1.0);
    }
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    Some(if is_binary(&sizes) {
        let wins = differences.iter().filter(|d| **d > 0.0).count();
        let losses = differences.iter().filter(|d| **d < 0.0).count();
        exact(wins, losses, differences.len(), margin)
    } else {
        betting(differences, margin)
    })
}

/// About how many rows would show it, if differences went on like these; `None` when more rows would not help.
pub(crate) fn rows_needed(differences: &[f64], margin: f64, level: f64) -> Option<usize> {
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let slack = mean + margin;
    if slack <= 0.0 || differences.is_empty() {
        return None;
    }
    let variance = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / n;
    // A point of the normal distribution will do for an estimate: by the bound exp(-z^2 / 2) / 2 of its tail.
    let z = (2.0 * (0.5 / level).ln()).sqrt();
    // Two that never differed may yet, as often as the margin.
    let variance = variance.max(margin / 2.0);
    Some((z * z * variance / (slack * slack)).ceil() as usize)
}

/// Logarithms of factorials.
struct Factorials(Vec<f64>);

impl Factorials {
    fn up_to(n: usize) -> Self {
        let mut all = Vec::with_capacity(n + 1);
        let mut sum = 0.0;
        all.push(0.0);
        for k in 1..=n {
            sum += (k as f64).ln();
            all.push(sum);
        }
        Self(all)
    }

    fn ln(&self, n: usize) -> f64 {
        self.0.get(n).copied().unwrap_or(f64::INFINITY)
    }

    /// The chance of `k` successes of `n` at `p`.
    fn chance(&self, n: usize, k: usize, p: f64) -> f64 {
        let power = |base: f64, times: usize| if times == 0 { 0.0 } else { times as f64 * base.ln() };
        (self.ln(n) - self.ln(k) - self.ln(n - k) + power(p, k) + power(1.0 - p, n - k)).exp()
    }

    /// The chance of `k` successes or more of `n` at `p`.
    fn at_least(&self, n: usize, k: usize, p: f64) -> f64 {
        if k == 0 || p >= 1.0 {
            return 1.0;
        }
        if k > n || p <= 0.0 {
            return 0.0;
        }
        let odds = p / (1.0 - p);
        // From the term nearest to the middle outwards, until terms are too small to count.
        let upper = k as f64 > n as f64 * p;
        let from = if upper { k } else { k - 1 };
        let mut term = self.chance(n, from, p);
        let mut sum = term;
        let mut at = from;
        loop {
            if upper && at < n {
                term *= (n - at) as f64 / (at + 1) as f64 * odds;
                at += 1;
            } else if !upper && at > 0 {
                term *= at as f64 / ((n - at + 1) as f64 * odds);
                at -= 1;
            } else {
                break;
            }
            sum += term;
            if term <= sum * 1e-13 {
                break;
            }
        }
        if upper { sum.min(1.0) } else { (1.0 - sum).max(0.0) }
    }
}

fn exact(wins: usize, losses: usize, n: usize, margin: f64) -> f64 {
    let logs = Factorials::up_to(n);
    let differing = wins + losses;
    // Where the chance of as many (few) differing rows falls to half of the level.
    let bound = |beyond: &dyn Fn(f64) -> bool| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = (low + high) / 2.0;
            if beyond(middle) {
                high = middle
            } else {
                low = middle
            }
        }
        low
    };
    let least = match differing {
        0 => 0.0,
        m => bound(&|p| logs.at_least(n, m, p) > NUISANCE / 2.0),
    };
    let most = match differing {
        m if m == n => 1.0,
        m => bound(&|p| 1.0 - logs.at_least(n, m + 1, p) < NUISANCE / 2.0),
    };
    // Programs that differ by the margin differ on at least so many rows.
    let least = least.max(margin);
    if most < least {
        return NUISANCE;
    }
    let ahead = wins as i64 - losses as i64;
    let tails = (0..=SHARES).map(|step| {
        let share = least + (most - least) * step as f64 / SHARES as f64;
        tail(&logs, n, ahead, share, margin)
    });
    (tails.fold(0.0, f64::max) + NUISANCE).min(1.0)
}

/// The chance that wins less losses come to `ahead` or more on `n` rows, when a share of all rows differ and losses are
/// more likely than wins by the margin.
fn tail(logs: &Factorials, n: usize, ahead: i64, share: f64, margin: f64) -> f64 {
    if share <= 0.0 {
        return if ahead <= 0 { 1.0 } else { 0.0 };
    }
    let win = ((share - margin) / 2.0 / share).clamp(0.0, 1.0);
    let centre = n as f64 * share;
    let spread = 9.0 * (n as f64 * share * (1.0 - share)).sqrt() + 9.0;
    let from = (centre - spread).max(0.0) as usize;
    let to = ((centre + spread) as usize).min(n);
    let mut sum = 0.0;
    for differing in from..=to {
        // wins - (differing - wins) >= ahead
        let needed = (differing as i64 + ahead).max(0).unsigned_abs().div_ceil(2) as usize;
        if needed <= differing {
            sum += logs.chance(n, differing, share) * logs.at_least(differing, needed, win);
        }
    }
    sum.min(1.0)
}

/// Each bet puts a share of its capital on the mean being above `-margin`, on every row anew. Its capital stays at 1 in the
/// mean if that is not so, and the mean of several bets does too.
fn betting(differences: &[f64], margin: f64) -> f64 {
    const BETS: usize = 20;
    // A bet may not lose all it has: on a difference of -1 it loses `share * (1 - margin)`.
    let most = 0.95 / (1.0 - margin).max(0.05);
    let capital = (1..=BETS).map(|bet| {
        // Closer together where they are small: a small difference wants a small bet.
        let share = most * (bet as f64 / BETS as f64).powi(2);
        let growth = differences.iter().map(|d| (share * (d + margin)).ln_1p());
        growth.sum::<f64>().exp()
    });
    let mean = capital.sum::<f64>() / BETS as f64;
    (1.0 / mean).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;

    #[test]
    fn binomial_tails_sum_up() {
        let logs = Factorials::up_to(10);
        for k in 0..=10 {
            let by_hand: f64 = (k..=10).map(|k| logs.chance(10, k, 0.3)).sum();
            assert!((logs.at_least(10, k, 0.3) - by_hand).abs() < 1e-12, "{k}");
        }
        assert!((logs.chance(4, 2, 0.5) - 6.0 / 16.0).abs() < 1e-12);
        // Two rows, one of two differ, the loss is certain where they do: ahead of -1 unless both do.
        assert!((tail(&Factorials::up_to(2), 2, -1, 0.5, 0.5) - 0.75).abs() < 1e-12);
    }

    /// Of programs that are worse by the margin just so, no more are called good enough than the level says, whatever the
    /// share of rows they differ on; of equal ones many are.
    #[test]
    fn the_level_is_kept() {
        let (n, margin, runs) = (150, 0.06, 400);
        for binary in [true, false] {
            for share in [0.06, 0.1, 0.3, 0.8] {
                let mut passed = [0; 2];
                for run in 0..runs {
                    let mut rng = Rng::of(&("bound", run, binary, (share * 100.0) as u64));
                    for (place, worse) in [margin, 0.0].into_iter().enumerate() {
                        let win = (share - worse) / 2.0;
                        let differences: Vec<f64> = (0..n)
                            .map(|_| match rng.unit() {
                                unit if unit < win => 1.0,
                                unit if unit < share => -1.0,
                                _ if binary => 0.0,
                                _ => (rng.unit() - 0.5) / 10.0,
                            })
                            .collect();
                        passed[place] += u32::from(worse_by(&differences, margin).unwrap() < 0.05);
                    }
                }
                let [wrong, right] = passed.map(|count| f64::from(count) / runs as f64);
                // 0.05 and three standard errors of 400 runs.
                assert!(wrong < 0.083, "{wrong} at {share}, binary {binary}");
                assert!(!binary || share > 0.2 || right > 0.4, "{right} at {share}");
            }
        }
    }

    #[test]
    fn no_difference_on_few_rows_shows_nothing() {
        // That 20 rows agree is likely enough when 1 in 20 goes wrong: 0.95^20 is 0.36, and with wins beside losses a draw is
        // likelier still.
        let p = worse_by(&[0.0; 20], 0.05).unwrap();
        assert!(p > 0.95_f64.powi(20) && p < 0.5, "{p}");
        assert!(worse_by(&[0.0; 200], 0.05).unwrap() < 0.001);
        assert_eq!(worse_by(&[2.0], 0.1), None);
        assert_eq!(worse_by(&[], 0.1), None);
        assert_eq!(worse_by(&[-1.0, 0.0], 0.1), Some(1.0));
    }
}
