//! One search along the thresholds, one at a time, on some of the rows.

use std::collections::HashMap;

use super::cuts::Cut;

/// Where the thresholds are, each by its place among its choices: 0 is as the program has it, the others are cuts.
pub(super) type Point = Vec<usize>;

/// The score of each row at the points that were run; `None` for a row that could not be judged.
pub(super) type Scores = HashMap<Point, Vec<Option<f64>>>;

/// A search on some rows.
#[derive(Debug)]
pub(super) struct Descent {
    rows: Vec<usize>,
    at: Point,
    axis: usize,
    /// How many axes in a row gave no better point.
    still: usize,
}

impl Descent {
    pub(super) fn new(rows: Vec<usize>, axes: usize) -> Self {
        Self {
            rows,
            at: vec![0; axes],
            axis: 0,
            still: 0,
        }
    }

    /// The best point so far; in the end the one that no change of one threshold makes better.
    pub(super) fn at(&self) -> &Point {
        &self.at
    }

    pub(super) fn is_over(&self) -> bool {
        self.still >= self.at.len()
    }

    /// The points it goes by next.
    pub(super) fn wanted(&self, axes: &[Vec<Cut>]) -> Vec<Point> {
        if self.is_over() {
            return Vec::new();
        }
        let choices = axes.get(self.axis).map_or(0, Vec::len);
        (0..=choices).map(|choice| self.with(choice)).collect()
    }

    fn with(&self, choice: usize) -> Point {
        let mut point = self.at.clone();
        if let Some(place) = point.get_mut(self.axis) {
            *place = choice;
        }
        point
    }

    /// Takes the best choice of the axis, and goes to the next.
    pub(super) fn advance(&mut self, axes: &[Vec<Cut>], scores: &Scores) {
        let mean = |point: &Point| mean(scores.get(point), &self.rows);
        let mut best = (self.at.clone(), mean(&self.at), f64::INFINITY);
        for (place, cut) in axes.get(self.axis).into_iter().flatten().enumerate() {
            let point = self.with(place + 1);
            let score = mean(&point);
            if score > best.1 || (score == best.1 && cut.gap > best.2) {
                best = (point, score, cut.gap);
            }
        }
        if best.0 == self.at {
            self.still += 1;
        } else {
            self.at = best.0;
            // The axis that was changed has its best choice: the round is over when the others have theirs.
            self.still = 1;
        }
        self.axis = (self.axis + 1) % self.at.len().max(1);
    }
}

/// The mean of these rows; negative infinity where none could be judged.
pub(super) fn mean(scores: Option<&Vec<Option<f64>>>, rows: &[usize]) -> f64 {
    let known = |row: &usize| scores?.get(*row).copied().flatten();
    let all: Vec<f64> = rows.iter().filter_map(known).collect();
    dictum_core::evaluate::stats::mean(&all).unwrap_or(f64::NEG_INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(gaps: &[f64]) -> Vec<Cut> {
        let cut = |(place, gap): (usize, &f64)| Cut {
            value: place as f64,
            gap: *gap,
        };
        gaps.iter().enumerate().map(cut).collect()
    }

    fn run(axes: &[Vec<Cut>], score: impl Fn(&[usize]) -> f64) -> (Point, usize) {
        let mut scores = Scores::new();
        let mut descent = Descent::new(vec![0], axes.len());
        while !descent.is_over() {
            for point in descent.wanted(axes) {
                let value = score(&point);
                scores.insert(point, vec![Some(value)]);
            }
            descent.advance(axes, &scores);
        }
        (descent.at().clone(), scores.len())
    }

    #[test]
    fn a_tie_leaves_things_as_they_are_and_the_widest_gap_wins_among_better_ones() {
        let axes = [axis(&[1.0, 3.0, 2.0, 3.0])];
        assert_eq!(run(&axes, |_| 0.5).0, [0]);
        // All cuts are better, and equal: the second has the widest gap, as the fourth does, which is higher.
        assert_eq!(run(&axes, |point| f64::from(u8::from(point[0] > 0))).0, [2]);
        assert_eq!(run(&axes, |point| if point[0] == 3 { 0.7 } else { 0.5 }).0, [3]);
    }

    #[test]
    fn rounds_go_on_until_no_single_change_is_better() {
        let axes = [axis(&[1.0; 4]), axis(&[1.0; 4])];
        // Each step of one opens a step of the other.
        let ladder = |point: &[usize]| match point[0].abs_diff(point[1]) {
            0 | 1 => (point[0] + point[1]) as f64,
            _ => 0.0,
        };
        let (found, tried) = run(&axes, ladder);
        assert_eq!(found, [4, 4]);
        assert!(tried < 25, "{tried}");
        assert_eq!(run(&axes, |_| f64::NEG_INFINITY).0, [0, 0]);
    }
}
