//! A training as a step of a sequence: what was ordered and paid for is ordered once, wherever the sequence ends.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dictum_core::Result;
use dictum_core::finetune::FineTuning;
use dictum_core::program::{Context, PredictorState};
use dictum_optimize::{BootstrapFewShot, BootstrapFinetune, LabeledFewShot, Sequence, Sequenced, Stop};
use dictum_providers::finetune::OpenAiTuning;
use dictum_testkit::FakeTuner;

use super::{
    COLOURS, MODEL, TwoSteps, context, exact, examples, loaded, quick, server, service, service_at, tuner,
    wants,
};
use crate::killed;
use crate::simulated::{folder, program};

/// Demonstrations, weights, demonstrations.
fn three(
    tuning: OpenAiTuning,
    dir: &Path,
    more: impl FnOnce(BootstrapFinetune) -> BootstrapFinetune,
) -> Sequence {
    let own = BootstrapFinetune::new().train(tuning, MODEL).polling(quick());
    Sequence::new()
        .then(LabeledFewShot::new().k(2))
        .then_finetune(more(own))
        .then(BootstrapFewShot::new().max_bootstrapped(2).max_labeled(2))
        .seed(3)
        .concurrency(8)
        .confirm_on(&examples("test", 40, &COLOURS))
        .run_dir(dir.join("run"))
}

async fn run(sequence: Sequence, ctx: &Context) -> Result<Sequenced> {
    let (train, val) = (examples("train", 60, &COLOURS), examples("val", 30, &COLOURS));
    sequence.compile(ctx, &program(), &train, &val, exact()).await
}

fn saved(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("run/program.json")).unwrap()
}

#[tokio::test]
async fn the_state_that_was_saved_is_bound_to_the_model_of_the_step() {
    let server = server();
    let tuning = service(&server);
    let ctx = context(&tuning);
    let dir = folder("tuned-sequence-saved");
    let found = run(three(tuning, &dir, |own| own), &ctx).await.unwrap();
    let report = &found.compiled.report;
    assert_eq!(
        report.test.as_ref().unwrap().best.mean(),
        Some(1.0),
        "untrained it knows half: {report}"
    );
    for file in ["train.jsonl", "tuning.json"] {
        assert!(dir.join("run/2-BootstrapFinetune").join(file).exists(), "{file}");
    }
    let (name, _) = found.lms().next().unwrap();
    wants(&loaded(program(), &dir), &found.context(&ctx), &ctx, name).await;
}

#[tokio::test]
async fn a_stop_while_the_job_is_waited_for_leaves_it_and_the_sequence_goes_on_with_it() {
    let whole = {
        let server = server();
        let dir = folder("tuned-sequence-whole");
        run(
            three(service(&server), &dir, |own| own),
            &context(&service(&server)),
        )
        .await
        .unwrap();
        saved(&dir)
    };
    let server = server();
    server.steps(&["running"; 6]);
    let ctx = context(&service(&server));
    let dir = folder("tuned-sequence-stopped");
    let stop = Stop::new();
    let (handle, looks) = (stop.clone(), Arc::new(AtomicUsize::new(0)));
    let stopped = three(service(&server), &dir, |own| {
        own.on_job(move |_| {
            if looks.fetch_add(1, Ordering::SeqCst) == 2 {
                handle.stop();
            }
        })
    });
    let found = run(stopped.stop_with(&stop), &ctx).await.unwrap();
    assert_eq!((found.steps.len(), found.models.len()), (1, 0));
    let notes = found.compiled.report.notes.join("\n");
    assert!(
        notes.contains("the last 2 steps were not done: the run was stopped") && notes.contains("ftjob-1"),
        "{notes}"
    );
    assert_eq!(server.statuses(), ["running"]);

    let calls = server.count("POST", "/chat/completions");
    let found = run(three(service(&server), &dir, |own| own), &ctx).await.unwrap();
    assert_eq!(
        (found.models[0].job.as_str(), server.jobs().len()),
        ("ftjob-1", 1)
    );
    assert!(
        saved(&dir) == whole,
        "other bytes than a run that was not stopped"
    );
    assert!(server.count("POST", "/chat/completions") > calls);
}

#[tokio::test]
async fn what_can_not_be_trained_is_told_before_the_first_step() {
    let server = server();
    let ctx = context(&service(&server));
    for (own, word) in [
        (BootstrapFinetune::new(), "service"),
        (tuner(&server).suffix(""), "suffix"),
        (tuner(&server).validation_share(1.0), "validation_share"),
    ] {
        let sequence = Sequence::new().then(LabeledFewShot::new()).then_finetune(own);
        let error = run(sequence, &ctx).await.unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    assert_eq!(server.seen().len(), 0);
}

/// What each job was ordered to begin with.
fn began(server: &FakeTuner) -> Vec<String> {
    let jobs = server.jobs().into_iter();
    jobs.map(|job| job["model"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_second_training_begins_with_what_the_first_made_only_if_asked_to() {
    for further in [false, true] {
        let server = server();
        let ctx = context(&service(&server));
        let second = match further {
            true => tuner(&server).train_further(),
            false => tuner(&server),
        };
        let sequence = Sequence::new()
            .then_finetune(tuner(&server))
            .then_finetune(second);
        let found = run(sequence, &ctx).await.unwrap();
        let from = match further {
            true => found.models[0].model.as_str(),
            false => MODEL,
        };
        assert_eq!(began(&server), [MODEL, from]);
        assert_eq!(found.models[1].from, from);
        let notes = found.steps[1].notes.join("\n");
        assert!(
            notes.contains(&format!("`{}` was made of `{from}`", found.models[1].model)),
            "{notes}"
        );
    }
}

#[tokio::test]
async fn each_predictor_s_model_is_trained_further_and_two_are_not_made_one() {
    let server = server();
    let ctx = context(&service(&server));
    let two = |second: BootstrapFinetune| {
        let first = tuner(&server).per_predictor();
        Sequence::new().then_finetune(first).then_finetune(second)
    };
    let (train, val) = (examples("train", 60, &COLOURS), examples("val", 30, &COLOURS));
    let further = || tuner(&server).train_further();
    let run = async |sequence: Sequence| {
        sequence
            .compile(&ctx, &TwoSteps::new(), &train, &val, exact())
            .await
    };
    let error = run(two(further())).await.unwrap_err().to_string();
    assert!(
        error.contains("train_further")
            && error.contains("`topic`, `answer`")
            && error.contains("per_predictor"),
        "{error}"
    );
    let asked = server.count("POST", "/chat/completions");
    assert_eq!((server.jobs().len(), server.files().len()), (2, 2));

    let found = run(two(further().per_predictor())).await.unwrap();
    let made: Vec<&str> = found.models.iter().map(|model| model.model.as_str()).collect();
    assert_eq!(began(&server)[2..], [MODEL, MODEL, made[0], made[1]]);
    for (first, second) in [(0, 2), (1, 3)] {
        assert_eq!(found.models[first].predictors, found.models[second].predictors);
    }
    assert!(server.count("POST", "/chat/completions") > asked);
}

#[tokio::test]
async fn a_model_of_another_provider_is_not_trained_further() {
    let server = server();
    let elsewhere = (
        "other/model".to_owned(),
        service(&server).lm("gpt-4.1-nano").unwrap(),
    );
    let ctx = context(&service(&server)).with_lms([elsewhere]);
    let mut program = program();
    program.predictor_mut().set_state(PredictorState {
        lm: Some("other/model".into()),
        ..PredictorState::default()
    });
    let train = examples("train", 60, &COLOURS);
    let own = tuner(&server).train_further();
    let error = own
        .compile(&ctx, &program, &train, &[], exact())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`other/model`, which is no model of openai"),
        "{error}"
    );
    assert_eq!(server.seen().len(), 0, "nothing was spent");
}

/// Which model a teacher is follows from its own context, not from the model the student was bound to meanwhile.
#[tokio::test]
async fn a_teacher_in_its_own_context_is_asked_there() {
    let (server, large) = (server(), self::server());
    let ctx = context(&service(&server));
    let teacher = context(&service(&large));
    let sequence = Sequence::new().then_finetune(tuner(&server)).then(
        BootstrapFewShot::new()
            .max_bootstrapped(3)
            .max_labeled(0)
            .teacher_context(&teacher),
    );
    let found = run(sequence, &ctx).await.unwrap();
    let asked = large.count("POST", "/chat/completions");
    assert!(asked >= 3, "{asked}");
    // The student itself stays with the tuned model.
    let (_, state) = found.compiled.overlay.iter().next().unwrap();
    assert_eq!(state.lm.as_deref(), found.lms().next().map(|(name, _)| name));
}

/// The run that is killed: does nothing unless started by the test below.
#[test]
fn child() {
    let Some((dir, url)) = killed::told() else {
        return;
    };
    let tuning = service_at(&url);
    let ctx = context(&tuning);
    let sequence = three(tuning, &dir, |own| own.validation_share(0.2));
    killed::run(run(sequence, &ctx)).unwrap();
}

#[test]
fn killed_sequences_train_once_and_end_with_the_same_files() {
    super::crash::trains_once_however_often_killed(
        "finetune::sequence::child",
        "tuned-sequence",
        &[
            "2-BootstrapFinetune/train.jsonl",
            "2-BootstrapFinetune/validation.jsonl",
            "program.json",
        ],
    );
}
