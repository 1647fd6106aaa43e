//! Which candidates are worth their price, and which of them to take.

use dictum_core::error::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::bound::{rows_needed, worse_by};
use crate::compiled::Ranked;
use crate::cost::Objective;

/// Which of these no other beats: none has a score at least as high at a cost at most as high, and one of them better.
/// Scores first, costs second; of equals all are.
pub(crate) fn on_front(points: &[(f64, f64)]) -> Vec<bool> {
    let beaten = |(score, cost): &(f64, f64)| {
        let beats = |(s, c): &(f64, f64)| s >= score && c <= cost && (s > score || c < cost);
        points.iter().any(beats)
    };
    points.iter().map(|point| !beaten(point)).collect()
}

/// A rule by which to pick a candidate: see [`Compiled::pick`](crate::Compiled::pick).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Pick {
    rule: Rule,
    by: Option<Objective>,
    level: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Rule {
    BestUnder(f64),
    CheapestWithin(f64),
}

impl Pick {
    /// The best score at a cost of at most this per example: US dollars, or what [`Pick::by`] says. Among equals the cheaper.
    #[must_use]
    pub fn best_under(per_example: f64) -> Self {
        Self {
            rule: Rule::BestUnder(per_example),
            by: None,
            level: 0.05,
        }
    }

    /// The lowest cost among those whose score is within so many points (hundredths) of the best of all, shown by a
    /// one-sided paired test with 95 % confidence, corrected for their number: see
    /// [`CheapestWithin`](crate::CheapestWithin). Where that can be shown of none it is the best.
    #[must_use]
    pub fn cheapest_within(points: f64) -> Self {
        Self {
            rule: Rule::CheapestWithin(points / 100.0),
            by: None,
            level: 0.05,
        }
    }

    /// What the cost is; money if not set, for [`Pick::cheapest_within`] tokens or else calls where a price is not known.
    #[must_use]
    pub fn by(mut self, objective: Objective) -> Self {
        self.by = Some(objective);
        self
    }

    /// How sure [`Pick::cheapest_within`] has to be, from 0 to 1; 0.95 if not set.
    #[must_use]
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.level = 1.0 - confidence;
        self
    }

    /// The candidate it picks.
    pub(crate) fn of<'a>(&self, ranked: &'a [Ranked]) -> Result<&'a Ranked> {
        match self.rule {
            Rule::BestUnder(most) => {
                let by = self.by.unwrap_or(Objective::Money);
                let known: Vec<(&Ranked, f64)> = ranked
                    .iter()
                    .filter_map(|known| Some((known, known.cost.get(by)?)))
                    .collect();
                let Some((cheapest, least)) = known.iter().min_by(|(_, a), (_, b)| a.total_cmp(b)) else {
                    return Err(Error::input(
                        "pick",
                        format!(
                            "by {}: it is not known of any candidate; pick by something else",
                            by.name()
                        ),
                    ));
                };
                // A mean of equal prices is that price but for its last digits.
                let affordable = known.iter().filter(|(_, cost)| *cost <= most * (1.0 + 1e-9));
                // Of equal ones the first is the cheapest, then the one tried first.
                let mut best: Option<&(&Ranked, f64)> = None;
                for one in affordable {
                    if best.is_none_or(|(known, cost)| {
                        one.0.mean > known.mean || (one.0.mean == known.mean && one.1 < *cost)
                    }) {
                        best = Some(one);
                    }
                }
                best.map(|(known, _)| *known).ok_or_else(|| {
                    Error::input(
                        "pick",
                        format!(
                            "under {}: no candidate is so cheap; the cheapest, `{}`, takes {} per example",
                            by.show(most),
                            cheapest.label,
                            by.show(*least)
                        ),
                    )
                })
            }
            Rule::CheapestWithin(margin) => {
                let by = self
                    .by
                    .unwrap_or_else(|| Objective::common(ranked.iter().map(|known| &known.cost)));
                let rivals: Vec<Rival<'_>> = ranked
                    .iter()
                    .map(|known| Rival {
                        mean: known.mean,
                        cost: known.cost.get(by),
                        scores: &known.scores,
                    })
                    .collect();
                let chosen = cheapest_within(&rivals, margin, self.level, rivals.len())
                    .and_then(|found| ranked.get(found.place));
                chosen
                    .ok_or_else(|| Error::input("pick", "has nothing to pick from: no candidate was scored"))
            }
        }
    }
}

/// A candidate scored on the same rows as the others.
pub(crate) struct Rival<'a> {
    pub(crate) mean: f64,
    /// `None` where it is not known: it is then never the cheaper one.
    pub(crate) cost: Option<f64>,
    /// A score per row; `None` where the row doesn't count.
    pub(crate) scores: &'a [Option<f64>],
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) place: usize,
    /// Whether it was shown to be within the margin of all others. If not, it is the best.
    pub(crate) shown: bool,
    /// Whether it differs from the best so little, or costs so little, that more rows could have shown a cheaper one: about
    /// how many, and which.
    pub(crate) more_rows: Option<(usize, usize)>,
}

/// The cheapest rival of which it can be shown that it is worse by less than the margin than each of the others, and so
/// than the best of them, whichever that is; else the best by its mean. All claims together hold but for the level:
/// each of the `tried` candidates that could be claimed gets its share of it. That all comparisons of one candidate must
/// succeed needs no correction (an intersection-union test).
pub(crate) fn cheapest_within(rivals: &[Rival<'_>], margin: f64, level: f64, tried: usize) -> Option<Found> {
    let mut best: Option<(usize, &Rival<'_>)> = None;
    for (place, rival) in rivals.iter().enumerate() {
        let better = |(_, known): (usize, &Rival<'_>)| {
            rival.mean > known.mean
                || (rival.mean == known.mean
                    && rival.cost.is_some_and(|cost| known.cost.is_none_or(|c| cost < c)))
        };
        if best.is_none_or(better) {
            best = Some((place, rival));
        }
    }
    let (best, leader) = best?;
    let level = level / tried.saturating_sub(1).max(1) as f64;
    let mut order: Vec<(usize, f64)> = rivals
        .iter()
        .enumerate()
        .filter_map(|(place, rival)| Some((place, rival.cost?)))
        .filter(|(place, cost)| *place == best || leader.cost.is_none_or(|most| *cost < most))
        .collect();
    order.sort_by(|(a, x), (b, y)| {
        let mean = |place: &usize| rivals.get(*place).map_or(0.0, |rival| rival.mean);
        x.total_cmp(y)
            .then_with(|| mean(b).total_cmp(&mean(a)))
            .then_with(|| a.cmp(b))
    });
    let mut more_rows = None;
    for (place, _) in order {
        let Some(rival) = rivals.get(place) else { continue };
        // The best first: it is what most fail at.
        let others = std::iter::once((best, leader)).chain(rivals.iter().enumerate());
        let mut against = others.filter(|(other, _)| *other != place);
        let shown = against.all(|(_, other)| {
            let differences = paired(rival.scores, other.scores);
            let shown = worse_by(&differences, margin).is_some_and(|p| p < level);
            if !shown && more_rows.is_none() {
                more_rows = rows_needed(&differences, margin, level).map(|rows| (rows, place));
            }
            shown
        });
        if shown {
            return Some(Found {
                place,
                shown,
                more_rows,
            });
        }
    }
    Some(Found {
        place: best,
        shown: false,
        more_rows,
    })
}

fn paired(first: &[Option<f64>], second: &[Option<f64>]) -> Vec<f64> {
    let pairs = first.iter().zip(second);
    pairs.filter_map(|(a, b)| Some((*a)? - (*b)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_has_what_nothing_beats() {
        let points = [(0.8, 1.0), (0.9, 3.0), (0.7, 1.0), (0.9, 4.0), (0.8, 1.0)];
        assert_eq!(on_front(&points), [true, true, false, false, true]);
    }

    #[test]
    fn what_costs_an_unknown_amount_is_never_the_cheaper() {
        let scores = vec![Some(1.0); 400];
        let rival = |cost| Rival {
            mean: 1.0,
            cost,
            scores: &scores,
        };
        let found = |rivals: &[Rival<'_>]| cheapest_within(rivals, 0.02, 0.05, rivals.len()).unwrap();
        assert_eq!(found(&[rival(None), rival(Some(2.0)), rival(Some(1.0))]).place, 2);
        assert!(found(&[rival(Some(1.0)), rival(Some(2.0))]).shown);
        let none = found(&[rival(None), rival(None)]);
        assert_eq!((none.place, none.shown), (0, false));
    }
}
