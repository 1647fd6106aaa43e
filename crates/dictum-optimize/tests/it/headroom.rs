//! What a small sample says beforehand is what happens afterwards.

use dictum_core::evaluate::stats::mcnemar;
use dictum_core::lm::LmErrorKind;
use dictum_optimize::{Headroom, Rng};

use crate::simulated::{BASE, Simulated, exact, examples, program};

#[tokio::test]
async fn noise_and_score_are_the_models() {
    for (lm, right) in [(Simulated::new(), BASE), (Simulated::new().noise_only(), 0.5)] {
        let data = examples("headroom", 400);
        let headroom = Headroom::measure(&lm.context(), &program(), &data, exact())
            .await
            .unwrap();
        assert_eq!((lm.calls(), headroom.calls, headroom.examples), (800, 800, 400));
        assert!((headroom.score - right).abs() < 0.06, "{headroom:?}");
        // Two samples that are right by chance differ in 2 p (1 - p) of the cases.
        assert!(
            (headroom.noise - 2.0 * right * (1.0 - right)).abs() < 0.08,
            "{headroom:?}"
        );
    }
}

/// A gain as large as said is found by the exact McNemar test in some 4 of 5 cases, one half as large much less often.
#[test]
fn gains_of_the_size_said_are_found() {
    for (rows, right) in [(60, 0.5), (150, 0.5), (300, 0.3)] {
        let headroom = Headroom {
            score: right,
            interval: None,
            examples: 30,
            noise: 2.0 * right * (1.0 - right),
            calls: 60,
        };
        let gain = headroom.smallest_gain(rows);
        assert_eq!(headroom.rows_for(gain), Some(rows));
        let found = |gain: f64| {
            let trials = 2_000;
            let hits = (0..trials).filter(|trial| {
                let mut rng = Rng::of(&("power", rows, trial, (gain * 1e6) as u64));
                let (mut better, mut worse) = (0, 0);
                for _ in 0..rows {
                    let (before, after) = (rng.unit() < right, rng.unit() < right + gain);
                    better += usize::from(after && !before);
                    worse += usize::from(before && !after);
                }
                better > worse && mcnemar(worse, better) < 0.05
            });
            hits.count() as f64 / f64::from(trials)
        };
        let (whole, half) = (found(gain), found(gain / 2.0));
        assert!((0.7..0.97).contains(&whole), "{whole} on {rows} rows");
        assert!(half < whole - 0.25, "{half} on {rows} rows");
    }
}

#[tokio::test]
async fn what_can_not_be_measured_is_an_error() {
    let lm = Simulated::new();
    let none = Headroom::measure(&lm.context(), &program(), &[], exact()).await;
    assert!(none.unwrap_err().to_string().contains("nothing to measure"));
    let broken = Simulated::new().failing_after(0, LmErrorKind::Auth);
    let failed = Headroom::measure(&broken.context(), &program(), &examples("x", 3), exact()).await;
    assert!(failed.unwrap_err().to_string().contains("simulated failure"));
}
