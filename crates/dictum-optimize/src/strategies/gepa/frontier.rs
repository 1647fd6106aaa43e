//! The front: who is best at what.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// What candidates must be best at to stand on the front.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Frontier {
    /// An example of the validation set.
    #[default]
    Instance,
    /// An objective of the metric ([`Score::objectives`](dictum_core::evaluate::Score::objectives)), in the mean over the
    /// validation set.
    Objective,
    /// Either of them.
    Hybrid,
    /// An objective on an example.
    Cartesian,
}

/// Something to be best at: an example, an objective, or an objective on an example.
pub(super) type Key = (Option<usize>, Option<String>);

/// One row of a candidate: its score, if it counts, and its objectives.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    pub(super) score: Option<f64>,
    pub(super) objectives: BTreeMap<String, f64>,
}

impl Frontier {
    /// Whether the metric must give objectives.
    pub(super) fn needs_objectives(self) -> bool {
        self != Self::Instance
    }

    /// How good a candidate with these rows is at everything that counts.
    pub(super) fn values(self, rows: &[Marks]) -> BTreeMap<Key, f64> {
        let mut values = BTreeMap::new();
        let mut totals: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (place, row) in rows.iter().enumerate() {
            if let (Some(score), Self::Instance | Self::Hybrid) = (row.score, self) {
                values.insert((Some(place), None), score);
            }
            for (name, value) in &row.objectives {
                if self == Self::Cartesian {
                    values.insert((Some(place), Some(name.clone())), *value);
                }
                let total = totals.entry(name).or_default();
                *total = (total.0 + value, total.1 + 1.0);
            }
        }
        if matches!(self, Self::Objective | Self::Hybrid) {
            let means = totals.into_iter();
            values.extend(means.map(|(name, (sum, rows))| ((None, Some(name.to_owned())), sum / rows)));
        }
        values
    }
}

/// Who is best at each thing, ties together. Candidates are known by their place.
pub(super) type Fronts = BTreeMap<Key, BTreeSet<usize>>;

/// The fronts of candidates with these values.
pub(super) fn fronts<'a>(candidates: impl IntoIterator<Item = (usize, &'a BTreeMap<Key, f64>)>) -> Fronts {
    let mut best: BTreeMap<Key, (f64, BTreeSet<usize>)> = BTreeMap::new();
    for (place, values) in candidates {
        for (key, value) in values {
            let front = best
                .entry(key.clone())
                .or_insert_with(|| (f64::NEG_INFINITY, BTreeSet::new()));
            if *value > front.0 {
                *front = (*value, BTreeSet::new());
            }
            if *value == front.0 {
                front.1.insert(place);
            }
        }
    }
    best.into_iter().map(|(key, (_, front))| (key, front)).collect()
}

/// The fronts without dominated candidates: those that on each of their fronts have another beside them which stays. The
/// worst in the mean are looked at first.
pub(super) fn without_dominated(fronts: &Fronts, mean: impl Fn(usize) -> f64) -> Fronts {
    let mut stay: BTreeSet<usize> = fronts.values().flatten().copied().collect();
    let mut order: Vec<usize> = stay.iter().copied().collect();
    order.sort_by(|a, b| mean(*a).total_cmp(&mean(*b)));
    // Taking one away can only make others needed, never free: one pass is enough.
    for place in order {
        let mine = fronts.values().filter(|front| front.contains(&place));
        let covered =
            |front: &BTreeSet<usize>| front.iter().any(|other| *other != place && stay.contains(other));
        if mine.into_iter().all(covered) {
            stay.remove(&place);
        }
    }
    let keep = |front: &BTreeSet<usize>| front.intersection(&stay).copied().collect();
    fronts
        .iter()
        .map(|(key, front)| (key.clone(), keep(front)))
        .collect()
}

/// On how many fronts each candidate stands.
pub(super) fn wins(fronts: &Fronts) -> BTreeMap<usize, usize> {
    let mut wins = BTreeMap::new();
    for place in fronts.values().flatten() {
        *wins.entry(*place).or_insert(0) += 1;
    }
    wins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(scores: &[f64]) -> BTreeMap<Key, f64> {
        let rows: Vec<Marks> = scores
            .iter()
            .map(|score| Marks {
                score: Some(*score),
                ..Marks::default()
            })
            .collect();
        Frontier::Instance.values(&rows)
    }

    #[test]
    fn the_dominated_are_taken_from_the_front() {
        let values = [
            scores(&[0.0, 0.0, 0.0, 0.0]), // best at nothing
            scores(&[1.0, 0.0, 0.0, 0.5]), // alone at the first
            scores(&[0.0, 1.0, 0.0, 0.5]), // ties at the second
            scores(&[0.0, 1.0, 1.0, 0.5]), // beats the one before
        ];
        let fronts = fronts(values.iter().enumerate());
        let at = |place: usize| fronts[&(Some(place), None)].iter().copied().collect::<Vec<_>>();
        assert_eq!(
            (at(0), at(1), at(2), at(3)),
            (vec![1], vec![2, 3], vec![3], vec![1, 2, 3])
        );
        let means = [0.0, 0.375, 0.375, 0.625];
        let rest = without_dominated(&fronts, |place| means[place]);
        assert_eq!(wins(&fronts), BTreeMap::from([(1, 2), (2, 2), (3, 3)]));
        assert_eq!(wins(&rest), BTreeMap::from([(1, 2), (3, 3)]));
    }

    #[test]
    fn of_equals_one_stays() {
        let values = [scores(&[1.0, 1.0]), scores(&[1.0, 1.0])];
        let rest = without_dominated(&fronts(values.iter().enumerate()), |_| 1.0);
        assert_eq!(wins(&rest), BTreeMap::from([(1, 2)]));
    }

    #[test]
    fn objectives_make_fronts_of_their_own() {
        let row = |score, right, brief| Marks {
            score,
            objectives: BTreeMap::from([("brief".into(), brief), ("right".into(), right)]),
        };
        let rows = [
            row(Some(0.5), 1.0, 0.0),
            row(None, 0.0, 1.0),
            row(Some(1.0), 1.0, 0.5),
        ];
        let keys = |frontier: Frontier| frontier.values(&rows);
        assert_eq!(
            keys(Frontier::Instance),
            BTreeMap::from([((Some(0), None), 0.5), ((Some(2), None), 1.0)])
        );
        let means = BTreeMap::from([
            ((None, Some("brief".to_owned())), 0.5),
            ((None, Some("right".to_owned())), 2.0 / 3.0),
        ]);
        assert_eq!(keys(Frontier::Objective), means);
        assert_eq!(keys(Frontier::Hybrid).len(), 4);
        let cells = keys(Frontier::Cartesian);
        assert_eq!(cells.len(), 6);
        assert_eq!(cells[&(Some(1), Some("brief".to_owned()))], 1.0);
    }
}
