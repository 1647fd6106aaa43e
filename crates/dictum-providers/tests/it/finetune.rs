//! Fine-tuning, with requests and answers as OpenAI documents them.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use dictum_core::finetune::{FineTuning, Job, JobOrder, JobStatus, Polling, wait};
use dictum_core::lm::{Call, LmErrorKind, Message, Request};
use dictum_providers::finetune::{self, OpenAiTuning};
use dictum_testkit::{FakeTuner, TunerSeen};
use serde_json::{Value, json};

const KEY: &str = "sk-tune-0123456789";

fn service() -> (FakeTuner, OpenAiTuning) {
    let server = FakeTuner::new(|_| "no idea".to_owned());
    let tuning = finetune::openai()
        .base_url(server.url())
        .api_key(KEY)
        .build()
        .unwrap();
    (server, tuning)
}

/// As many chats, each with an answer of its own.
fn chats(count: usize) -> String {
    let line = |number: usize| {
        let messages = json!([
            { "role": "user", "content": format!("question {number}") },
            { "role": "assistant", "content": format!("answer {number}") },
        ]);
        json!({ "messages": messages }).to_string() + "\n"
    };
    (0..count).map(line).collect()
}

fn order(file: &str) -> JobOrder {
    JobOrder {
        model: "gpt-4.1-mini-2025-04-14".to_owned(),
        training_file: file.to_owned(),
        ..JobOrder::default()
    }
}

fn quick() -> Polling {
    Polling {
        first: Duration::from_millis(1),
        most: Duration::from_millis(3),
        ..Polling::default()
    }
}

async fn started(tuning: &OpenAiTuning, examples: usize) -> Job {
    let file = tuning
        .upload("train.jsonl", chats(examples).as_bytes())
        .await
        .unwrap();
    tuning.create(&order(&file.id)).await.unwrap()
}

fn header<'a>(seen: &'a TunerSeen, name: &str) -> Option<&'a str> {
    let find = |(own, value): &'a (String, String)| (own == name).then_some(value.as_str());
    seen.headers.iter().find_map(find)
}

#[tokio::test]
async fn a_file_and_a_job_go_out_to_the_byte() {
    let (server, tuning) = service();
    let content = chats(10);
    let file = tuning.upload("train.jsonl", content.as_bytes()).await.unwrap();
    assert_eq!((file.id.as_str(), file.name.as_str()), ("file-1", "train.jsonl"));
    assert_eq!(file.bytes, Some(content.len() as u64));

    let seen = &server.seen()[0];
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/files"));
    assert_eq!(
        header(seen, "authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    let kind = header(seen, "content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let wanted = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nfine-tune\r\n--{boundary}\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"train.jsonl\"\r\nContent-Type: \
         application/jsonl\r\n\r\n{content}\r\n--{boundary}--\r\n"
    );
    assert_eq!(String::from_utf8(seen.bytes.to_vec()).unwrap(), wanted);

    let mut all = JobOrder {
        validation_file: Some(file.id.clone()),
        suffix: Some("triage".to_owned()),
        seed: Some(7),
        ..order(&file.id)
    };
    all.hyperparameters.insert("n_epochs".to_owned(), json!(3));
    all.extra.insert("metadata".to_owned(), json!({ "team": "a" }));
    tuning.create(&all).await.unwrap();
    tuning.create(&order(&file.id)).await.unwrap();
    all.extra.insert("method".to_owned(), Value::Null);
    all.extra
        .insert("hyperparameters".to_owned(), json!({ "n_epochs": 3 }));
    tuning.create(&all).await.unwrap();
    let bodies: Vec<String> = server.seen()[1..]
        .iter()
        .map(|seen| {
            assert_eq!(
                (seen.method.as_str(), seen.path.as_str()),
                ("POST", "/v1/fine_tuning/jobs")
            );
            assert_eq!(header(seen, "content-type"), Some("application/json"));
            String::from_utf8(seen.bytes.to_vec()).unwrap()
        })
        .collect();
    assert_eq!(
        bodies,
        [
            r#"{"model":"gpt-4.1-mini-2025-04-14","training_file":"file-1","validation_file":"file-1","method":{"type":"supervised","supervised":{"hyperparameters":{"n_epochs":3}}},"seed":7,"suffix":"triage","metadata":{"team":"a"}}"#,
            r#"{"model":"gpt-4.1-mini-2025-04-14","training_file":"file-1"}"#,
            r#"{"model":"gpt-4.1-mini-2025-04-14","training_file":"file-1","validation_file":"file-1","seed":7,"suffix":"triage","metadata":{"team":"a"},"hyperparameters":{"n_epochs":3}}"#,
        ]
    );
}

#[tokio::test]
async fn a_job_is_waited_for_through_refusals_that_pass() {
    let (server, tuning) = service();
    server.steps(&["validating_files", "queued", "running", "running"]);
    let job = started(&tuning, 12).await;
    assert_eq!(job.status, JobStatus::ValidatingFiles);
    server.refuse(
        "GET",
        "/jobs/",
        429,
        &[("retry-after-ms", "40")],
        "Rate limit reached",
    );
    server.refuse("GET", "/jobs/", 500, &[], "The server had an error");
    let mut seen = Vec::new();
    let begun = Instant::now();
    let done = wait(&tuning, &job.id, &quick(), |job| {
        seen.push(job.status.to_string());
        ControlFlow::Continue(())
    })
    .await
    .unwrap();
    assert!(
        begun.elapsed() >= Duration::from_millis(40),
        "the wait that was asked for"
    );
    assert_eq!(
        seen,
        ["validating_files", "queued", "running", "running", "succeeded"]
    );
    assert_eq!(server.count("GET", "/jobs/ftjob-1"), 7);
    let model = done.tuned_model.unwrap();
    assert_eq!(done.trained_tokens, Some(5_768));

    // The model that was made knows its file, and is called where it was made.
    let lm = tuning.lm(&model).unwrap();
    let ask = Request::new(vec![Message::user("question 7")]);
    let said = lm.complete(&ask, &Call::default()).await.unwrap().to_text();
    assert_eq!(said, "answer 7");
    let base = tuning.lm("gpt-4.1-mini-2025-04-14").unwrap();
    assert_eq!(
        base.complete(&ask, &Call::default()).await.unwrap().to_text(),
        "no idea"
    );
}

#[tokio::test]
async fn a_job_that_fails_says_why() {
    let (server, tuning) = service();
    let few = started(&tuning, 9).await;
    let over = |id: String| {
        let tuning = &tuning;
        async move { wait(tuning, &id, &quick(), |_| ControlFlow::Continue(())).await }
    };
    let done = over(few.id).await.unwrap();
    assert_eq!((done.status, done.tuned_model), (JobStatus::Failed, None));
    assert_eq!(
        done.error.unwrap(),
        "Training file has 9 example(s), but must have at least 10 examples (invalid_training_file)"
    );
    server.fail(
        "exceeded_quota",
        "Creating this fine-tuning job would exceed your hard limit",
    );
    let done = over(started(&tuning, 12).await.id).await.unwrap();
    assert_eq!(
        done.error.unwrap(),
        "Creating this fine-tuning job would exceed your hard limit (exceeded_quota)"
    );
    let events = tuning.events(&done.id).await.unwrap();
    let told: Vec<&str> = events.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(
        told,
        ["Created fine-tuning job", "The job failed"],
        "oldest first"
    );
    assert_eq!(events[1].level, "error");
}

#[tokio::test]
async fn waiting_ends_at_its_deadline_by_its_watcher_or_by_too_many_failures_and_the_job_goes_on() {
    let (server, tuning) = service();
    server.steps(&["running"; 1000]);
    let job = started(&tuning, 10).await;
    let late = Polling {
        deadline: Some(Duration::from_millis(50)),
        ..quick()
    };
    let error = wait(&tuning, &job.id, &late, |_| ControlFlow::Continue(()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Timeout);
    assert!(error.message().contains("ftjob-1") && error.message().contains("running"));

    let mut looks = 0;
    let error = wait(&tuning, &job.id, &quick(), |_| {
        looks += 1;
        if looks == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .await
    .unwrap_err();
    assert_eq!((error.kind(), looks), (LmErrorKind::Cancelled, 3));

    for _ in 0..3 {
        server.refuse("GET", "/jobs/", 503, &[], "overloaded");
    }
    let few = Polling {
        failures: 2,
        ..quick()
    };
    let error = wait(&tuning, &job.id, &few, |_| ControlFlow::Continue(()))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (LmErrorKind::Server, 3));
    assert_eq!(server.statuses(), ["running"]);

    assert_eq!(tuning.cancel(&job.id).await.unwrap().status, JobStatus::Cancelled);
    let last = server.seen().pop().unwrap();
    assert_eq!(last.path, "/v1/fine_tuning/jobs/ftjob-1/cancel");
    assert!(last.bytes.is_empty());
    let done = wait(&tuning, &job.id, &quick(), |_| ControlFlow::Continue(())).await;
    assert_eq!(done.unwrap().status, JobStatus::Cancelled);
}

#[tokio::test]
async fn what_passes_not_is_not_waited_for() {
    let (server, tuning) = service();
    server.refuse(
        "GET",
        "/jobs/",
        401,
        &[],
        &format!("Incorrect API key provided: {KEY}"),
    );
    let looked = wait(&tuning, "ftjob-1", &quick(), |_| ControlFlow::Continue(())).await;
    let error = looked.unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::Auth);
    assert!(
        !error.to_string().contains(KEY) && error.to_string().contains("[redacted]"),
        "{error}"
    );
    assert!(!format!("{tuning:?}").contains(KEY));
    let error = tuning.job("ftjob-9").await.unwrap_err();
    assert_eq!(error.status(), Some(404));
    assert!(error.to_string().contains("Could not find fine tune"), "{error}");
    assert!(
        !error.to_string().contains("model's name"),
        "no advice on models: {error}"
    );
    let error = tuning.create(&order("file-9")).await.unwrap_err();
    assert_eq!(error.kind(), LmErrorKind::InvalidRequest);
    // An id is one part of the path, whatever it holds.
    assert!(tuning.job("../../files").await.is_err());
    assert_eq!(
        server.seen().pop().unwrap().path,
        "/v1/fine_tuning/jobs/..%2F..%2Ffiles"
    );
}

#[tokio::test]
async fn files_and_jobs_are_found_again_page_by_page() {
    let (server, tuning) = service();
    assert_eq!(tuning.find_job("file-1").await.unwrap(), None);
    let first = started(&tuning, 10).await;
    for number in 0..130 {
        let name = format!("other-{number}.jsonl");
        let file = tuning.upload(&name, b"{}\n").await.unwrap();
        tuning.create(&order(&file.id)).await.unwrap();
    }
    let before = server.seen().len();
    let found = tuning.find_job("file-1").await.unwrap().unwrap();
    assert_eq!(found.id, first.id);
    let paths: Vec<String> = server.seen()[before..]
        .iter()
        .map(|seen| seen.path.clone())
        .collect();
    assert_eq!(
        paths,
        [
            "/v1/fine_tuning/jobs?limit=100",
            "/v1/fine_tuning/jobs?limit=100&after=ftjob-32"
        ]
    );
    assert_eq!(tuning.find_job("file-999").await.unwrap(), None);
    let found = tuning.find_file("other-5.jsonl").await.unwrap().unwrap();
    assert_eq!(found.id, "file-7");
    assert_eq!(
        server.seen().pop().unwrap().path,
        "/v1/files?purpose=fine-tune&limit=10000&order=desc"
    );
    assert_eq!(tuning.find_file("train").await.unwrap(), None, "whole names only");
    server.without_lists();
    assert_eq!(tuning.find_job("file-1").await.unwrap_err().status(), Some(404));
}
