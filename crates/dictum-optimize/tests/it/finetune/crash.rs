//! A run that ends anywhere: what was uploaded, ordered and paid for is neither lost nor done twice.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use dictum_core::finetune::{DataLimits, FineTuning, Job, JobEvent, JobOrder, StoredFile};
use dictum_core::lm::{Lm, LmError};
use dictum_optimize::{BootstrapFinetune, Rng};
use dictum_testkit::FakeTuner;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::{COLOURS, MODEL, context, exact, examples, quick, server, service, service_at, tuner};
use crate::killed;
use crate::simulated::{folder, program};

/// Where a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the request is sent.
    Before(&'static str),
    /// After the service has done it and before its answer is read.
    After(&'static str),
}

const STEPS: [&str; 3] = ["upload", "create", "job"];

/// A service whose caller ends at a step: from there on nothing comes back.
#[derive(Debug)]
struct Ending<S> {
    inner: S,
    at: At,
    ended: Arc<Notify>,
}

impl<S: FineTuning> Ending<S> {
    async fn step<T>(
        &self,
        name: &'static str,
        request: BoxFuture<'_, Result<T, LmError>>,
    ) -> Result<T, LmError> {
        if self.at == At::Before(name) {
            self.ended.notify_one();
            std::future::pending::<()>().await;
        }
        let answer = request.await;
        if self.at == At::After(name) {
            self.ended.notify_one();
            std::future::pending::<()>().await;
        }
        answer
    }
}

impl<S: FineTuning> FineTuning for Ending<S> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn limits(&self) -> DataLimits {
        self.inner.limits()
    }

    fn upload<'a>(&'a self, name: &'a str, content: &'a [u8]) -> BoxFuture<'a, Result<StoredFile, LmError>> {
        Box::pin(self.step("upload", self.inner.upload(name, content)))
    }

    fn find_file<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<StoredFile>, LmError>> {
        self.inner.find_file(name)
    }

    fn create<'a>(&'a self, order: &'a JobOrder) -> BoxFuture<'a, Result<Job, LmError>> {
        Box::pin(self.step("create", self.inner.create(order)))
    }

    fn find_job<'a>(&'a self, file: &'a str) -> BoxFuture<'a, Result<Option<Job>, LmError>> {
        self.inner.find_job(file)
    }

    fn job<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Job, LmError>> {
        Box::pin(self.step("job", self.inner.job(id)))
    }

    fn events<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Vec<JobEvent>, LmError>> {
        self.inner.events(id)
    }

    fn cancel<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Job, LmError>> {
        self.inner.cancel(id)
    }

    fn lm(&self, model: &str) -> Result<Lm, LmError> {
        self.inner.lm(model)
    }
}

/// Runs until the process would end there, and drops the run.
async fn run_to(server: &FakeTuner, dir: &Path, at: At) {
    let ended = Arc::new(Notify::new());
    let ending = Ending {
        inner: service(server),
        at,
        ended: ended.clone(),
    };
    let ctx = context(&service(server));
    let train = examples("train", 40, &COLOURS);
    let own = tuner(server).train(ending, MODEL).run_dir(dir.join("run"));
    let program = program();
    let run = own.compile(&ctx, &program, &train, &[], exact());
    tokio::select! {
        result = run => panic!("ended by itself: {result:?}"),
        () = ended.notified() => {}
    }
}

#[tokio::test]
async fn a_run_that_ended_at_any_step_uploads_and_trains_once() {
    for at in STEPS.map(At::Before).into_iter().chain(STEPS.map(At::After)) {
        let server = server();
        let dir = folder(&format!("finetune-ended-{at:?}").replace(['"', '(', ')'], "-"));
        run_to(&server, &dir, at).await;
        let calls = server.count("POST", "/chat/completions");
        let ctx = context(&service(&server));
        let tuned = tuner(&server)
            .run_dir(dir.join("run"))
            .compile(&ctx, &program(), &examples("train", 40, &COLOURS), &[], exact())
            .await
            .unwrap();
        assert_eq!(tuned.models[0].job, "ftjob-1", "{at:?}");
        assert_eq!((server.files().len(), server.jobs().len()), (1, 1), "{at:?}");
        assert_eq!(server.count("POST", "/chat/completions"), calls, "{at:?}");
        // What the service was asked for: once, or once more where it had not come through.
        let uploads = server.count("POST", "/files");
        let orders = server.count("POST", "/fine_tuning/jobs");
        assert_eq!((uploads, orders), (1, 1), "{at:?}");
        // And a third run asks for nothing at all.
        let seen = server.seen().len();
        tuner(&server)
            .run_dir(dir.join("run"))
            .compile(&ctx, &program(), &examples("train", 40, &COLOURS), &[], exact())
            .await
            .unwrap();
        assert_eq!(server.seen().len(), seen, "{at:?}");
    }
}

#[tokio::test]
async fn without_lists_a_lost_job_is_asked_for_and_a_lost_file_stored_again() {
    let server = server();
    server.without_lists();
    let ctx = context(&service(&server));
    let train = examples("train", 40, &COLOURS);
    let dir = folder("finetune-no-lists");
    let own = || tuner(&server).run_dir(dir.join("run"));
    run_to(&server, &dir, At::After("upload")).await;
    run_to(&server, &dir, At::After("create")).await;
    assert_eq!((server.files().len(), server.jobs().len()), (2, 1));
    let error = own()
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("file-2") && error.contains("adopt_job") && error.contains("tuning.json"),
        "{error}"
    );
    assert_eq!(server.jobs().len(), 1, "nothing is ordered on a guess");
    let tuned = own()
        .adopt_job("ftjob-1")
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap();
    assert_eq!(tuned.models[0].job, "ftjob-1");
    assert_eq!(server.jobs().len(), 1);
}

#[tokio::test]
async fn a_folder_is_of_one_training() {
    let server = server();
    let ctx = context(&service(&server));
    let train = examples("train", 40, &COLOURS);
    let dir = folder("finetune-other");
    let own = || tuner(&server).run_dir(dir.join("run"));
    own()
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap();
    for other in [
        own().train(service(&server), "another-model"),
        own().hyperparameter("n_epochs", 1),
        own().suffix("others"),
    ] {
        let error = other
            .compile(&ctx, &program(), &train, &[], exact())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("choose another folder"), "{error}");
    }
    let error = own()
        .validation_share(0.1)
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("validation_share"), "{error}");
    assert_eq!(server.jobs().len(), 1);
}

#[tokio::test]
async fn files_that_were_only_written_can_be_trained_on_afterwards() {
    let server = server();
    let ctx = context(&service(&server));
    let train = examples("train", 40, &COLOURS);
    let dir = folder("finetune-afterwards");
    let own = || BootstrapFinetune::new().seed(3).run_dir(dir.join("run"));
    let data = own().write(&ctx, &program(), &train, exact()).await.unwrap();
    let calls = server.seen().len();
    assert_eq!(calls, 40);
    let tuned = own()
        .train(service(&server), MODEL)
        .polling(quick())
        .compile(&ctx, &program(), &train, &[], exact())
        .await
        .unwrap();
    assert_eq!(server.count("POST", "/chat/completions"), calls);
    assert_eq!(server.files()[0].1, data.files[0].training.content);
    assert_eq!(tuned.models[0].examples, data.files[0].training.examples);
}

/// The run that is killed: does nothing unless started by the test below.
#[test]
fn child() {
    let Some((dir, url)) = killed::told() else {
        return;
    };
    let tuning = service_at(&url);
    let ctx = context(&tuning);
    let own = BootstrapFinetune::new()
        .train(tuning, MODEL)
        .polling(quick())
        .seed(3)
        .concurrency(8)
        .validation_share(0.2)
        .confirm_on(&examples("test", 60, &COLOURS))
        .run_dir(dir.join("run"));
    let train = examples("train", 120, &COLOURS);
    killed::run(own.compile(&ctx, &program(), &train, &[], exact())).unwrap();
}

/// Kills such runs of `test` at random moments: one job each, and `files` as a run that was never killed leaves them.
pub fn trains_once_however_often_killed(test: &str, name: &str, files: &[&str]) {
    const LOOKS: [&str; 40] = ["running"; 40];
    const RUNS: u64 = 6;
    let waiting = || {
        let server = server();
        server.steps(&LOOKS);
        server
    };
    let left = |dir: &Path| -> Vec<_> {
        let read = |file| fs::read(dir.join("run").join(file)).unwrap();
        files.iter().map(read).collect()
    };
    let whole = folder(&format!("{name}-uncut"));
    let server = waiting();
    let mut uncut = killed::start(test, &whole, &server.url());
    assert!(uncut.wait().unwrap().success());
    let requests = server.seen().len();
    let mut kills = 0;
    for number in 0..RUNS {
        let server = waiting();
        let dir = folder(&format!("{name}-killed-{number}"));
        kills += killed::until_done(
            &mut Rng::of(&(name, number)),
            requests / 2,
            || killed::start(test, &dir, &server.url()),
            || server.seen().len(),
        );
        assert!(left(&dir) == left(&whole), "other files in {}", dir.display());
        assert_eq!(
            (server.files().len(), server.jobs().len()),
            (2, 1),
            "run {number}"
        );
    }
    eprintln!("{kills} kills of {RUNS} runs of {requests} requests");
    assert!(kills >= RUNS as usize);
}

#[test]
fn killed_runs_train_once_and_end_with_the_same_files() {
    trains_once_however_often_killed(
        "finetune::crash::child",
        "finetune",
        &["train.jsonl", "validation.jsonl", "program.json"],
    );
}
