//! [`KnnFewShot`]: compiled once, near examples shown.

use dictum_core::data::Example;
use dictum_core::embed::{Embedder, Embeddings};
use dictum_core::evaluate::Evaluate;
use dictum_core::lm::{Budget, Call, LmError};
use dictum_core::modules::NearestDemos;
use dictum_core::program::Module;
use dictum_core::record;
use dictum_optimize::{BootstrapFewShot, KnnFewShot, LabeledFewShot};
use futures_util::future::BoxFuture;

use crate::facts::{self, TwoSteps, World};
use crate::simulated::{Simulated, exact, examples, folder, program, question, shown, unit};

/// Sees only how good a demonstration the question makes: good ones are near to every question.
#[derive(Debug, Clone)]
pub struct Quality;

impl Embedder for Quality {
    fn name(&self) -> &str {
        "test/quality"
    }

    fn embed<'a>(&'a self, texts: &'a [String], _: &'a Call) -> BoxFuture<'a, Result<Embeddings, LmError>> {
        let vector = |text: &String| {
            let asked = text.strip_prefix("question: ").unwrap();
            let quality = if asked.contains("of train") {
                unit(&("quality", asked))
            } else {
                1.0
            };
            vec![quality as f32, 1.0 - quality as f32]
        };
        let vectors = texts.iter().map(vector).collect();
        Box::pin(async move {
            Ok(Embeddings {
                vectors,
                ..Embeddings::default()
            })
        })
    }
}

async fn near(seed: u64, train: &[Example], lm: &Simulated) -> NearestDemos<dictum_core::modules::Predict> {
    let knn = KnnFewShot::new(3, Quality).bootstrap(BootstrapFewShot::new().max_labeled(4).seed(seed));
    let found = knn
        .compile(&lm.context(), &program(), train, exact())
        .await
        .unwrap();
    assert_eq!(found.index.len(), train.len());
    assert!(found.bootstrapped > 5 && found.bootstrapped < train.len());
    NearestDemos::new(program(), found.index, Quality).unwrap()
}

#[tokio::test]
async fn near_demonstrations_beat_any_demonstrations() {
    let (mut nearest, mut any) = (0.0, 0.0);
    for seed in 0..6 {
        let lm = Simulated::new();
        let train = examples("train", 40 + seed as usize);
        let near = near(seed, &train, &lm).await;
        let labeled = LabeledFewShot::new().k(3).seed(seed);
        let compiled = labeled
            .compile(&lm.context(), &program(), &train, &[], exact())
            .await
            .unwrap();
        let mut other = program();
        compiled.apply(&mut other).unwrap();
        let data = examples(&format!("unseen {seed}"), 150);
        let evaluate = Evaluate::new(&data, exact());
        let before = lm.calls();
        nearest += evaluate.run(&lm.context(), &near).await.unwrap().mean().unwrap() / 6.0;
        assert_eq!(lm.calls() - before, 150, "a call takes one call");
        any += evaluate.run(&lm.context(), &other).await.unwrap().mean().unwrap() / 6.0;
    }
    eprintln!("nearest {nearest:.3}, any {any:.3}");
    assert!(nearest > any + 0.15, "{nearest} {any}");
}

#[tokio::test]
async fn no_call_shows_the_example_it_asks() {
    let lm = Simulated::new();
    let train = examples("train", 20);
    let near = near(1, &train, &lm).await;
    for example in &train {
        near.call(&lm.context(), example.inputs().clone()).await.unwrap();
    }
    let prompts = lm.prompts();
    assert!(prompts.len() >= 40);
    for messages in prompts {
        assert!(!shown(&messages).contains(&question(messages.last().unwrap())));
    }
}

#[tokio::test]
async fn every_predictor_has_demonstrations_of_its_own_and_runs_resume() {
    let world = World {
        seed: 2,
        demos: false,
    };
    let dir = folder("knn");
    let train = facts::examples("train", 30);
    let mut first = None;
    for calls in [20, 1_000, 1_000] {
        let lm = Simulated::new().facts(world);
        let bootstrap = BootstrapFewShot::new()
            .max_labeled(4)
            .run_dir(dir.join(calls.to_string()))
            .budget(Budget::calls(calls));
        let found = KnnFewShot::new(2, Quality)
            .bootstrap(bootstrap)
            .compile(&lm.context(), &TwoSteps::new(), &train, facts::judged(world))
            .await
            .unwrap();
        assert!(lm.calls() <= calls);
        if calls == 20 {
            // What the budget had no room for is shown as it is labelled.
            assert!(found.bootstrapped < 10 && found.index.len() == 30);
            continue;
        }
        let near = NearestDemos::new(TwoSteps::new(), found.index.clone(), Quality).unwrap();
        let ctx = lm.context().for_program(&near);
        near.call(&ctx, record! { question: "question 1 of unseen" })
            .await
            .unwrap();
        let steps = ctx.trace().steps();
        for (step, path) in steps.iter().zip(["topic", "answer"]) {
            let messages: Vec<_> = step.calls[0].request.messages().cloned().collect();
            assert_eq!((&*step.path, shown(&messages).len()), (path, 2));
        }
        if let Some(first) = &first {
            assert_eq!(first, &found.index);
            assert_eq!(lm.calls(), 2, "a finished run was asked again");
        }
        first = Some(found.index);
    }
}
