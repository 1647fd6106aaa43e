//! Which numbers are worth trying for a threshold.

/// A number between two neighbouring values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    pub(super) value: f64,
    /// How far the neighbours are apart.
    pub(super) gap: f64,
}

/// The numbers halfway between neighbouring values, from the lowest; at most so many, at least one where there are two values.
pub(super) fn between(mut values: Vec<f64>, most: usize) -> Vec<Cut> {
    values.sort_by(f64::total_cmp);
    // By `==`: 0.0 and -0.0 are one value.
    values.dedup();
    let cuts: Vec<Cut> = values
        .iter()
        .zip(values.iter().skip(1))
        .map(|(low, high)| {
            // In halves, for the sum may be too large.
            let middle = low / 2.0 + high / 2.0;
            Cut {
                // Nothing may lie between two values: then the higher one tells them apart.
                value: if middle > *low { middle } else { *high },
                gap: high - low,
            }
        })
        .collect();
    if cuts.len() <= most {
        return cuts;
    }
    let share = |n: usize| n * cuts.len() / most;
    (0..most)
        .filter_map(|n| widest(cuts.get(share(n)..share(n + 1))?))
        .collect()
}

/// The first with the widest gap.
fn widest(cuts: &[Cut]) -> Option<Cut> {
    let wider = |a: Cut, b: &Cut| if b.gap > a.gap { *b } else { a };
    let (first, rest) = cuts.split_first()?;
    Some(rest.iter().fold(*first, wider))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(cuts: &[Cut]) -> Vec<f64> {
        cuts.iter().map(|cut| cut.value).collect()
    }

    #[test]
    fn each_cut_lies_between_two_values() {
        assert_eq!(values(&between(vec![0.9, 0.1, 0.5, 0.5], 40)), [0.3, 0.7]);
        assert_eq!(between(vec![0.4], 40), []);
        assert_eq!(between(Vec::new(), 40), []);
        assert_eq!(between(vec![0.0, -0.0], 40), []);
        let next = f64::from_bits(0.3_f64.to_bits() + 1);
        assert_eq!(values(&between(vec![0.3, next], 40)), [next]);
        assert_eq!(
            values(&between(vec![f64::MAX, f64::MAX / 2.0], 40)),
            [f64::MAX * 0.75]
        );
    }

    #[test]
    fn too_many_are_thinned_evenly_and_keep_the_widest_gaps() {
        let all: Vec<f64> = (0..100).map(|n| f64::from(n * n)).collect();
        let cuts = between(all, 9);
        assert_eq!(cuts.len(), 9);
        // Gaps grow: the last of each eleven is the widest.
        assert_eq!(cuts[0].gap, 21.0);
        assert_eq!(cuts[8].gap, 197.0);
        assert!(cuts.windows(2).all(|two| two[0].value < two[1].value));
    }
}
