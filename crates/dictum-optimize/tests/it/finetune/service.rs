//! What the provider does, and what it refuses.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dictum_core::Error;
use dictum_core::finetune::FineTuning;
use dictum_core::lm::LmErrorKind;
use dictum_optimize::{BootstrapFinetune, Stop};

use super::{COLOURS, TwoSteps, context, exact, examples, server, service, tuner};
use crate::simulated::{folder, program};

#[tokio::test]
async fn too_few_examples_are_told_before_anything_is_uploaded() {
    let server = server();
    let ctx = context(&service(&server));
    let dir = folder("finetune-few");
    let few = examples("train", 12, &COLOURS);
    let error = tuner(&server)
        .run_dir(dir.join("run"))
        .compile(&ctx, &program(), &few, &[], exact())
        .await
        .unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("openai wants at least 10") && words.contains("train.jsonl"),
        "{words}"
    );
    assert_eq!(server.count("POST", "/files"), 0);
    assert!(
        dir.join("run/train.jsonl").exists(),
        "what there is can be looked at"
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_told_before_the_first_call() {
    let server = server();
    let ctx = context(&service(&server));
    let train = examples("train", 20, &COLOURS);
    let long = "s".repeat(65);
    let wrong: [(BootstrapFinetune, &str); 4] = [
        (BootstrapFinetune::new(), "service"),
        (tuner(&server).train(service(&server), " "), "model"),
        (tuner(&server).suffix(long), "suffix"),
        (tuner(&server).validation_share(1.0), "validation_share"),
    ];
    for (wrong, field) in wrong {
        let error = wrong
            .compile(&ctx, &TwoSteps::new(), &train, &[], exact())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(field), "{field}: {error}");
    }
    // The test set stands in the trainset: said before money is spent on a training.
    let error = tuner(&server)
        .confirm_on(&train)
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("testset"), "{error}");
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_failed_job_is_told_and_begun_anew_on_the_same_file() {
    let server = server();
    let ctx = context(&service(&server));
    let dir = folder("finetune-failed");
    let train = examples("train", 40, &COLOURS);
    let run = || {
        let own = tuner(&server).run_dir(dir.join("run"));
        let (ctx, train) = (&ctx, &train);
        async move { own.compile(ctx, &program(), train, &[], exact()).await }
    };
    server.fail("exceeded_quota", "the account has no credit");
    let error = run().await.unwrap_err().to_string();
    assert!(error.contains("ftjob-1 ended as `failed`"), "{error}");
    assert!(
        error.contains("the account has no credit (exceeded_quota)"),
        "{error}"
    );
    let calls = server.count("POST", "/chat/completions");
    server.fail("still", "no credit");
    let error = run().await.unwrap_err().to_string();
    assert!(error.contains("ftjob-2"), "{error}");
    assert_eq!(server.files().len(), 1, "stored once");
    assert_eq!(
        server.count("POST", "/chat/completions"),
        calls,
        "nothing is asked twice"
    );
    let files: Vec<String> = server
        .jobs()
        .iter()
        .map(|job| job["training_file"].to_string())
        .collect();
    assert_eq!(files, ["\"file-1\"", "\"file-1\""]);
}

#[tokio::test]
async fn requests_that_pass_later_are_made_again_and_no_job_twice() {
    let server = server();
    let ctx = context(&service(&server));
    server.refuse("POST", "/files", 500, &[], "oops");
    server.refuse("POST", "/jobs", 429, &[("retry-after-ms", "5")], "slow down");
    server.refuse("POST", "/jobs", 503, &[], "overloaded");
    server.refuse("GET", "/jobs/ftjob-1", 429, &[], "slow down");
    server.refuse("GET", "/jobs?", 500, &[], "oops");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let tuned = tuner(&server)
        .hyperparameter("n_epochs", 2)
        .job_parameter("metadata", serde_json::json!({ "owner": "us" }))
        .on_job(move |job| told.lock().unwrap().push(job.status.to_string()))
        .compile(&ctx, &program(), &examples("train", 40, &COLOURS), &[], exact())
        .await
        .unwrap();
    assert_eq!(tuned.models.len(), 1);
    assert_eq!((server.files().len(), server.jobs().len()), (1, 1));
    assert_eq!(
        *seen.lock().unwrap(),
        ["validating_files", "queued", "running", "succeeded"]
    );
    let job = &server.jobs()[0];
    assert_eq!(job["method"]["supervised"]["hyperparameters"]["n_epochs"], 2);
    assert_eq!(job["metadata"]["owner"], "us");
    // After the answer that left it open, the job was looked for before it was ordered again.
    assert_eq!(server.count("GET", "/fine_tuning/jobs"), 2);
}

#[tokio::test]
async fn a_validation_file_goes_with_the_job() {
    let server = server();
    let ctx = context(&service(&server));
    let train = examples("train", 60, &COLOURS);
    let tuned = tuner(&server)
        .validation_share(0.2)
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap();
    let job = &server.jobs()[0];
    assert_eq!(
        (&job["training_file"], &job["validation_file"]),
        (&"file-1".into(), &"file-2".into())
    );
    let files = server.files();
    let file = &tuned.data.files[0];
    assert_eq!(files[0].1, file.training.content);
    assert_eq!(files[1].1, file.validation.as_ref().unwrap().content);
    assert!(files[1].0.ends_with("-validation.jsonl"));
}

#[tokio::test]
async fn a_run_that_is_stopped_leaves_the_job_and_goes_on_with_it_or_ends_it() {
    let server = server();
    let tuning = service(&server);
    let ctx = context(&tuning);
    let dir = folder("finetune-stopped");
    let train = examples("train", 40, &COLOURS);
    server.steps(&["running"; 6]);
    let stop = Stop::new();
    let (handle, looks) = (stop.clone(), Arc::new(AtomicUsize::new(0)));
    let error = tuner(&server)
        .run_dir(dir.join("run"))
        .stop_with(&stop)
        .on_job(move |_| {
            if looks.fetch_add(1, Ordering::SeqCst) == 2 {
                handle.stop();
            }
        })
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap_err();
    let Error::Lm(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.kind(), LmErrorKind::Cancelled);
    assert!(error.message().contains("ftjob-1"), "{error}");
    assert_eq!(server.statuses(), ["running"]);

    let tuned = tuner(&server)
        .run_dir(dir.join("run"))
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap();
    assert_eq!(
        (tuned.models[0].job.as_str(), server.jobs().len()),
        ("ftjob-1", 1)
    );

    // Another run is ended at the provider too.
    let dir = folder("finetune-cancelled");
    let own = || tuner(&server).run_dir(dir.join("run"));
    let stop = Stop::new();
    let handle = stop.clone();
    let stopped = own().stop_with(&stop).on_job(move |_| handle.stop());
    stopped
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap_err();
    let ended = own().cancel().await.unwrap();
    assert_eq!((ended.len(), ended[0].id.as_str()), (1, "ftjob-2"));
    assert_eq!(server.statuses()[1], "cancelled");
    let error = own()
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("ended as `cancelled`"), "{error}");

    // Stopped before the training: nothing is begun, and the program stays.
    let stop = Stop::new();
    stop.stop();
    let left = tuner(&server).stop_with(&stop);
    let left = left
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap();
    assert!(!left.kept() && left.models.is_empty());
    let words = left.compiled.report.notes.join("\n");
    assert!(
        words.contains("nothing was trained") && words.contains("the run was stopped"),
        "{words}"
    );
    assert_eq!(tuning.find_job("file-3").await.unwrap(), None);
}
