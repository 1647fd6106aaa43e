//! Merging two candidates: from each predictor, the instructions of the one that changed them.

use std::collections::{BTreeSet, HashSet};

use crate::rng::Rng;

/// A candidate as merging sees it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    /// The instructions of each predictor.
    pub(super) texts: Vec<String>,
    pub(super) parents: Vec<usize>,
    pub(super) mean: f64,
}

/// A merge to try.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Merge {
    /// The two candidates, the earlier one first.
    pub(super) of: (usize, usize),
    pub(super) ancestor: usize,
    pub(super) texts: Vec<String>,
}

/// What was merged already.
#[derive(Debug, Default)]
pub(super) struct Merged {
    triplets: HashSet<(usize, usize, usize)>,
    results: HashSet<(usize, usize, Vec<String>)>,
}

/// How often pairs are drawn, and how often a pair that gives nothing new is let go for another.
const ATTEMPTS: usize = 10;

impl Merged {
    /// A merge of two of the candidates at `places`: neither descends from the other, they have a common ancestor that is no
    /// better than either, and at least one predictor was changed since by one of them only. `None` when none was found.
    pub(super) fn find(&mut self, known: &[Known], places: &[usize], rng: &mut Rng) -> Option<Merge> {
        for _ in 0..ATTEMPTS {
            let Some((one, two, ancestor)) = self.pair(known, places, rng) else {
                continue;
            };
            let (Some(a), Some(b), Some(old)) = (known.get(one), known.get(two), known.get(ancestor)) else {
                continue;
            };
            let texts = combine(old, a, b, rng);
            if self.results.insert((one, two, texts.clone())) {
                self.triplets.insert((one, two, ancestor));
                return Some(Merge {
                    of: (one, two),
                    ancestor,
                    texts,
                });
            }
        }
        None
    }

    fn pair(&self, known: &[Known], places: &[usize], rng: &mut Rng) -> Option<(usize, usize, usize)> {
        for _ in 0..ATTEMPTS {
            let first = rng.below(places.len());
            let second = rng.below(places.len().saturating_sub(1));
            let second = second + usize::from(second >= first);
            let (Some(a), Some(b)) = (places.get(first), places.get(second)) else {
                return None;
            };
            let (one, two) = (*a.min(b), *a.max(b));
            let (above_one, above_two) = (ancestors(known, one), ancestors(known, two));
            if above_one.contains(&two) || above_two.contains(&one) {
                continue;
            }
            let common = above_one.intersection(&above_two).copied();
            let fit: Vec<usize> = common
                .filter(|ancestor| self.fits(known, one, two, *ancestor))
                .collect();
            let weights: Vec<f64> = fit.iter().map(|place| mean(known, *place)).collect();
            // Where all have a mean of 0, any will do.
            let picked = match rng.weighted(&weights) {
                Some(place) => fit.get(place),
                None => fit.first(),
            };
            if let Some(ancestor) = picked {
                return Some((one, two, *ancestor));
            }
        }
        None
    }

    fn fits(&self, known: &[Known], one: usize, two: usize, ancestor: usize) -> bool {
        let old = mean(known, ancestor);
        if self.triplets.contains(&(one, two, ancestor)) || old > mean(known, one) || old > mean(known, two) {
            return false;
        }
        let text = |of: usize, place: usize| known.get(of).and_then(|known| known.texts.get(place));
        let predictors = known.get(ancestor).map_or(0, |known| known.texts.len());
        (0..predictors).any(|place| {
            let (old, a, b) = (text(ancestor, place), text(one, place), text(two, place));
            a != b && (old == a || old == b)
        })
    }
}

fn mean(known: &[Known], place: usize) -> f64 {
    known.get(place).map_or(f64::NEG_INFINITY, |known| known.mean)
}

fn ancestors(known: &[Known], place: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open = vec![place];
    while let Some(place) = open.pop() {
        for parent in known.get(place).map_or(&[][..], |known| &known.parents) {
            if found.insert(*parent) {
                open.push(*parent);
            }
        }
    }
    found
}

/// For each predictor the text that one of them changed; where both did, that of the better one, of equals either.
fn combine(old: &Known, a: &Known, b: &Known, rng: &mut Rng) -> Vec<String> {
    let texts = old.texts.iter().zip(a.texts.iter().zip(&b.texts));
    let pick = |(old, (one, two)): (&String, (&String, &String))| {
        let first = if old == one {
            false
        } else if old == two || one == two {
            true
        } else if a.mean == b.mean {
            rng.below(2) == 0
        } else {
            a.mean > b.mean
        };
        if first { one.clone() } else { two.clone() }
    };
    texts.map(pick).collect()
}

/// The rows a merge is tried on, `most` at most: as many as can be of those on which the first is better, the second is, and
/// neither. Only rows that count for both.
pub(super) fn rows(one: &[Option<f64>], two: &[Option<f64>], most: usize, rng: &mut Rng) -> Vec<usize> {
    let mut kinds: [Vec<usize>; 3] = Default::default();
    for (place, pair) in one.iter().zip(two).enumerate() {
        let [first, second, same] = &mut kinds;
        match pair {
            (Some(a), Some(b)) if a > b => first.push(place),
            (Some(a), Some(b)) if a < b => second.push(place),
            (Some(_), Some(_)) => same.push(place),
            _ => {}
        }
    }
    let each = most.div_ceil(3).max(1);
    let (mut picked, mut rest) = (Vec::new(), Vec::new());
    for kind in &mut kinds {
        rng.shuffle(kind);
        let now = each.min(kind.len()).min(most - picked.len());
        rest.extend(kind.split_off(now));
        picked.append(kind);
    }
    rng.shuffle(&mut rest);
    rest.truncate(most - picked.len());
    picked.append(&mut rest);
    picked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(texts: &[&str], parents: &[usize], mean: f64) -> Known {
        Known {
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
            parents: parents.to_vec(),
            mean,
        }
    }

    fn find(merged: &mut Merged, known: &[Known], places: &[usize]) -> Option<Merge> {
        merged.find(known, places, &mut Rng::of("merge"))
    }

    #[test]
    fn each_predictor_is_taken_from_the_one_that_changed_it() {
        let history = [
            known(&["a", "b", "c"], &[], 0.4),
            known(&["a1", "b", "c1"], &[0], 0.6),
            known(&["a", "b1", "c2"], &[0], 0.5),
        ];
        let mut merged = Merged::default();
        let merge = find(&mut merged, &history, &[1, 2]).unwrap();
        assert_eq!((merge.of, merge.ancestor), ((1, 2), 0));
        // The third was changed by both: the better one's.
        assert_eq!(merge.texts, ["a1", "b1", "c1"]);
        assert_eq!(find(&mut merged, &history, &[1, 2]), None, "the same merge twice");
    }

    #[test]
    fn what_makes_no_sense_is_not_merged() {
        let merge = |history: &[Known], places: &[usize]| find(&mut Merged::default(), history, places);
        // One descends from the other.
        let line = [
            known(&["a", "b"], &[], 0.4),
            known(&["a1", "b"], &[0], 0.5),
            known(&["a1", "b1"], &[1], 0.6),
        ];
        assert_eq!(merge(&line, &[1, 2]), None);
        // The ancestor is better than one of them.
        let worse = [
            known(&["a", "b"], &[], 0.5),
            known(&["a1", "b"], &[0], 0.6),
            known(&["a", "b1"], &[0], 0.4),
        ];
        assert_eq!(merge(&worse, &[1, 2]), None);
        // Both changed the same predictor, and nothing else.
        let same = [
            known(&["a", "b"], &[], 0.4),
            known(&["a1", "b"], &[0], 0.6),
            known(&["a2", "b"], &[0], 0.5),
        ];
        assert_eq!(merge(&same, &[1, 2]), None);
        assert_eq!(merge(&worse, &[1]), None);
        assert_eq!(merge(&worse, &[]), None);
    }

    #[test]
    fn a_common_ancestor_may_be_far_above() {
        let history = [
            known(&["a", "b"], &[], 0.2),
            known(&["a1", "b"], &[0], 0.3),
            known(&["a", "b1"], &[0], 0.3),
            known(&["a2", "b"], &[1], 0.5),
            known(&["a", "b2"], &[2], 0.5),
        ];
        let merge = find(&mut Merged::default(), &history, &[3, 4]).unwrap();
        assert_eq!(
            (merge.ancestor, merge.texts.as_slice()),
            (0, &["a2".to_owned(), "b2".to_owned()][..])
        );
    }

    #[test]
    fn rows_are_spread_over_who_is_better() {
        let row = |score: f64| Some(score);
        let one = [
            row(1.0),
            row(1.0),
            row(1.0),
            row(0.0),
            row(1.0),
            row(0.0),
            None,
            row(1.0),
        ];
        let two = [
            row(0.0),
            row(0.0),
            row(0.0),
            row(1.0),
            row(1.0),
            row(0.0),
            row(1.0),
            None,
        ];
        for seed in 0..50 {
            let picked = rows(&one, &two, 5, &mut Rng::of(&("rows", seed)));
            let distinct: BTreeSet<usize> = picked.iter().copied().collect();
            assert_eq!((picked.len(), distinct.len()), (5, 5), "{picked:?}");
            let of = |places: &[usize]| picked.iter().filter(|place| places.contains(place)).count();
            // Two of each kind where there are so many; row 3 is the only one of its kind, and 6 and 7 don't count.
            assert!(
                of(&[0, 1, 2]) >= 2 && of(&[3]) == 1 && of(&[4, 5]) >= 1 && of(&[6, 7]) == 0,
                "{picked:?}"
            );
        }
        assert_eq!(rows(&one[..2], &two[..2], 5, &mut Rng::of("few")).len(), 2);
        assert!(rows(&[], &[], 5, &mut Rng::of("none")).is_empty());
    }
}
