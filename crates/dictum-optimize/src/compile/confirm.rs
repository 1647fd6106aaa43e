//! Confirming a winner on data the search never saw.

use std::sync::Arc;

use dictum_core::data::Example;
use dictum_core::error::Result;

use crate::candidate::Candidate;
use crate::engine::Engine;
use crate::strategy::{Batch, Considered, Job};

/// Runs both on the test set, row by row in turn, so that a budget that ends early leaves pairs. `None` without data.
pub(super) async fn confirm(
    engine: &mut Engine<'_>,
    baseline: &Arc<Candidate>,
    best: &Arc<Candidate>,
    testset: &[Arc<Example>],
) -> Result<Option<(Considered, Considered)>> {
    if testset.is_empty() {
        return Ok(None);
    }
    let jobs = testset
        .iter()
        .flat_map(|example| [baseline, best].map(|candidate| Job::new(candidate.clone(), example.clone())));
    let batch = Batch {
        phase: "confirm",
        jobs: jobs.collect(),
    };
    let done = engine.run(&batch).await?;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for pair in done.chunks(2) {
        if let [a, b] = pair {
            first.push(a.clone());
            second.push(b.clone());
        }
    }
    Ok(Some((
        Considered::of(baseline, first),
        Considered::of(best, second),
    )))
}
