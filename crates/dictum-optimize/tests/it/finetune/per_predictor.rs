//! A model for each predictor: each is asked for its own, and nothing else.

use dictum_core::evaluate::Evaluate;
use dictum_core::finetune::FineTuning;
use dictum_core::program::Context;
use dictum_optimize::Outcome;
use serde_json::Value;

use super::{COLOURS, TwoSteps, context, exact, examples, loaded, server, service, tuner, wants};
use crate::simulated::folder;

#[tokio::test]
async fn each_model_answers_for_its_own_predictor_and_the_program_gains() {
    let server = server();
    let tuning = service(&server);
    let ctx = context(&tuning);
    let dir = folder("finetune-each");
    let (train, test) = (examples("train", 60, &COLOURS), examples("test", 40, &COLOURS));
    let tuned = tuner(&server)
        .per_predictor()
        .run_dir(dir.join("run"))
        .confirm_on(&test)
        .compile(&ctx, &TwoSteps::new(), &train, &[], exact())
        .await
        .unwrap();
    let report = &tuned.compiled.report;
    assert_eq!(tuned.compiled.outcome, Outcome::Improved, "{report}");
    let pair = report.test.as_ref().unwrap();
    assert!(pair.baseline.mean().unwrap() < 0.7 && pair.best.mean().unwrap() > 0.95);
    assert_eq!((server.files().len(), server.jobs().len()), (2, 2));

    // Each state names the model that was trained on the calls of its predictor.
    let mut bound = Vec::new();
    for (path, state) in tuned.compiled.overlay.iter() {
        let own = tuned
            .models
            .iter()
            .find(|model| model.predictors == [path])
            .unwrap();
        assert_eq!(state.lm, Some(format!("openai/{}", own.model)));
        bound.push((path.to_owned(), own.model.clone()));
    }
    assert_ne!(bound[0].1, bound[1].1);
    let told = report.notes.join("\n");
    assert!(
        told.contains("for `topic`") && told.contains("for `answer`"),
        "{told}"
    );

    // And no tuned model was ever asked for what another is for, in the run or afterwards.
    let program = loaded(TwoSteps::new(), &dir);
    let roster = tuned.models.iter().map(|model| {
        let lm = tuning.lm(&model.model).unwrap();
        (lm.name().to_owned(), lm)
    });
    let fresh = Context::new(tuning.lm("gpt-4.1-nano").unwrap()).with_lms(roster);
    // One model of the two is not enough, and the base model alone is another program.
    let first = tuned.lms().next().map(|(name, lm)| (name.to_owned(), lm.clone()));
    let half = ctx.with_lms(first);
    let second = format!("openai/{}", tuned.models[1].model);
    wants(&program, &fresh, &half, &second).await;
    let mut seen = [0, 0];
    for request in server
        .seen()
        .iter()
        .filter(|seen| seen.path.ends_with("/chat/completions"))
    {
        let body: Value = serde_json::from_slice(&request.bytes).unwrap();
        let turns = body["messages"].as_array().unwrap();
        let wants_topic = turns.last().unwrap().to_string().contains("`[[ ## topic ## ]]`");
        for (place, (path, model)) in bound.iter().enumerate() {
            if body["model"] == model.as_str() {
                assert_eq!(wants_topic, path == "topic", "{body}");
                seen[place] += 1;
            }
        }
    }
    assert_eq!(
        seen,
        [42, 41],
        "the first once more, before the second was missed"
    );

    let again = Evaluate::new(&test, exact())
        .run(&tuned.context(&ctx), &program)
        .await
        .unwrap();
    assert_eq!(again.mean(), pair.best.mean());
}

/// What is learned by one is not shown to the other: the same files as `write` makes.
#[tokio::test]
async fn the_files_are_those_that_are_written() {
    let server = server();
    let ctx = context(&service(&server));
    let train = examples("train", 40, &COLOURS);
    let own = || tuner(&server).per_predictor();
    let data = own()
        .write(&ctx, &TwoSteps::new(), &train, exact())
        .await
        .unwrap();
    own()
        .compile(&ctx, &TwoSteps::new(), &train, &[], exact())
        .await
        .unwrap();
    let stored: Vec<String> = server.files().into_iter().map(|(_, content)| content).collect();
    let written: Vec<String> = data.files.into_iter().map(|file| file.training.content).collect();
    assert_eq!(stored, written);
}
