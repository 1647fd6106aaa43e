//! What a call costs without the model: `Predict` on a model that answers at once.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use dictum_core::modules::Predict;
use dictum_core::program::{Context, Demo, PredictorState};
use dictum_core::{Record, record};
use dictum_testkit::CannedLm;

fn predict(c: &mut Criterion) {
    let ctx = Context::new(
        CannedLm::text("[[ ## team ## ]]\nbilling\n\n[[ ## urgency ## ]]\n3\n\n[[ ## completed ## ]]").lm(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut group = c.benchmark_group("predict");
    for demos in [0, 4, 64] {
        let mut program = Predict::parse("message -> team, urgency: int").unwrap();
        let demo = |n: usize| {
            let message =
                format!("The invoice number {n} was charged twice and nobody answers my mails about it.");
            Demo::labeled(record! { message: message, team: "billing", urgency: 4 })
        };
        let demos_list = (0..demos).map(demo).collect();
        program.predictor_mut().set_state(PredictorState {
            demos: demos_list,
            ..PredictorState::default()
        });
        let input: Record =
            record! { message: "I was charged twice for the same month, please give the money back." };
        group.bench_function(format!("{demos} demos"), |b| {
            b.iter(|| {
                runtime
                    .block_on(program.call(&ctx, black_box(input.clone())))
                    .unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, predict);
criterion_main!(benches);
