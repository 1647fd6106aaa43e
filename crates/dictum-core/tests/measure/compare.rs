use std::time::Duration;

use dictum_core::data::Example;
use dictum_core::evaluate::{Evaluation, Row, RowOutcome, Score, Test, Verdict, compare};
use dictum_core::lm::Usage;
use dictum_core::{Record, record};

fn row(id: usize, score: Option<f64>) -> Row {
    Row {
        example: Example::new(record! { q: id }, Record::new()),
        outcome: match score {
            Some(value) => RowOutcome::Scored {
                prediction: Record::new(),
                score: Score::from(value),
            },
            None => RowOutcome::NotRun { after: None },
        },
        took: Duration::ZERO,
        calls: 0,
        usage: Usage::default(),
    }
}

fn evaluation(scores: &[f64]) -> Evaluation {
    let rows = scores.iter().enumerate().map(|(id, score)| row(id, Some(*score)));
    Evaluation::from_rows("m", rows.collect(), 0.0)
}

/// `n` rows of which these many are 1.
fn shares(both: usize, only_first: usize, only_second: usize, neither: usize) -> (Evaluation, Evaluation) {
    let cells = [
        (1.0, 1.0, both),
        (1.0, 0.0, only_first),
        (0.0, 1.0, only_second),
        (0.0, 0.0, neither),
    ];
    let (a, b): (Vec<f64>, Vec<f64>) = cells
        .into_iter()
        .flat_map(|(a, b, n)| std::iter::repeat_n((a, b), n))
        .unzip();
    (evaluation(&a), evaluation(&b))
}

#[test]
fn right_and_wrong_rows_are_compared_by_mcnemar() {
    let (a, b) = shares(8, 1, 13, 13);
    let comparison = compare(&a, &b);
    assert_eq!(comparison.test, Test::McNemar);
    // 2 * (C(14, 0) + C(14, 1)) / 2^14
    assert!((comparison.p_value - 30.0 / 16_384.0).abs() < 1e-12);
    assert_eq!((comparison.wins, comparison.losses, comparison.ties), (13, 1, 21));
    assert_eq!(comparison.verdict(), Verdict::Improved);
    assert_eq!(comparison.verdict_at(0.001), Verdict::NoDifference);
    let interval = comparison.interval.unwrap();
    assert!(
        interval.low > 0.0 && interval.low < 12.0 / 35.0 && interval.high < 1.0,
        "{interval:?}"
    );
    let text = comparison.to_string();
    assert!(
        text.starts_with("improved: from 25.7 % to 60.0 % on 35 rows, +34.3 points ["),
        "{text}"
    );
    assert!(
        text.ends_with("p = 0.0018 (exact McNemar test), 13 rows better and 1 worse"),
        "{text}"
    );

    let back = compare(&b, &a);
    assert_eq!(back.verdict(), Verdict::Worse);
    assert!((back.p_value - comparison.p_value).abs() < 1e-15);
}

#[test]
fn a_gain_within_noise_is_no_gain() {
    let (a, b) = shares(20, 4, 7, 9);
    assert_eq!(compare(&a, &b).verdict(), Verdict::NoDifference);
    let same = compare(&a, &a);
    assert_eq!((same.verdict(), same.p_value), (Verdict::NoDifference, 1.0));
}

#[test]
fn graded_scores_are_compared_by_permutation_and_always_the_same() {
    let first: Vec<f64> = (0..40).map(|i| f64::from(i % 7) / 10.0).collect();
    let second: Vec<f64> = first
        .iter()
        .enumerate()
        .map(|(i, score)| score + if i % 3 == 0 { 0.2 } else { 0.05 })
        .collect();
    let (a, b) = (evaluation(&first), evaluation(&second));
    let comparison = compare(&a, &b);
    assert_eq!(comparison.test, Test::Permutation);
    assert_eq!(comparison.verdict(), Verdict::Improved);
    assert_eq!(comparison, compare(&a, &b));
    let interval = comparison.interval.unwrap();
    assert!(interval.low < comparison.difference && comparison.difference < interval.high);
}

#[test]
fn rows_are_paired_by_example_and_by_the_how_manieth_time() {
    let a = Evaluation::from_rows(
        "m",
        vec![
            row(1, Some(1.0)),
            row(2, Some(0.0)),
            row(2, Some(1.0)),
            row(3, None),
        ],
        0.0,
    );
    let b = Evaluation::from_rows(
        "m",
        vec![
            row(2, Some(0.0)),
            row(3, Some(1.0)),
            row(2, Some(0.0)),
            row(1, Some(1.0)),
            row(9, Some(1.0)),
        ],
        0.0,
    );
    let comparison = compare(&a, &b);
    assert_eq!(
        (
            comparison.rows,
            comparison.wins,
            comparison.losses,
            comparison.ties
        ),
        (3, 0, 1, 2)
    );
    assert_eq!(comparison.unpaired, 3);
    let apart = compare(
        &evaluation(&[1.0]),
        &Evaluation::from_rows("m", vec![row(7, Some(1.0))], 0.0),
    );
    assert_eq!((apart.rows, apart.verdict()), (0, Verdict::NoDifference));
    assert!(apart.to_string().starts_with("nothing to compare"));
}
