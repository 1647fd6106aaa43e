//! The run folder: resumed for nothing, repaired when torn, refused when it holds another run.

use std::fs;

use dictum_core::evaluate::metric_fn;
use dictum_core::lm::{Digest, LmErrorKind};
use dictum_core::modules::Predict;
use dictum_core::program::{Context, Module, Parameter, ParameterMut, ParameterPath, Parameters};
use dictum_core::{Error, Record, Result};
use dictum_optimize::BootstrapRandomSearch;

use crate::simulated::{Simulated, exact, examples, folder, program};

/// A program that gives its own errors for those of the model.
struct Wrapping(Predict);

impl Parameters for Wrapping {
    fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
        self.0.visit(path, visit);
    }

    fn visit_mut(
        &mut self,
        path: &mut ParameterPath,
        visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>),
    ) {
        self.0.visit_mut(path, visit);
    }
}

impl Module for Wrapping {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
        let answer = self.0.call(ctx, input).await;
        answer.map_err(|_| Error::program("the answer step failed"))
    }
}

fn search(dir: &std::path::Path) -> BootstrapRandomSearch {
    BootstrapRandomSearch::new()
        .candidates(3)
        .max_labeled(4)
        .seed(7)
        .run_dir(dir)
}

macro_rules! compile {
    ($optimizer:expr, $lm:expr) => {
        $optimizer
            .compile(
                &$lm.context(),
                &program(),
                &examples("train", 20),
                &examples("val", 15),
                exact(),
            )
            .await
    };
}

#[tokio::test]
async fn a_finished_run_is_resumed_without_a_call() {
    let dir = folder("finished");
    let lm = Simulated::new();
    let first = compile!(search(&dir), lm).unwrap();
    let calls = lm.calls();
    let bytes = fs::read(dir.join("program.json")).unwrap();
    fs::remove_file(dir.join("program.json")).unwrap();
    let second = compile!(search(&dir), lm).unwrap();
    assert_eq!(lm.calls(), calls);
    assert_eq!(fs::read(dir.join("program.json")).unwrap(), bytes);
    assert_eq!(second.report.spent, first.report.spent);
    assert_eq!(
        (second.report.comparison, second.outcome),
        (first.report.comparison, first.outcome)
    );
    let phase = &second.report.phases[0];
    assert_eq!(phase.replayed, phase.rollouts);
}

#[tokio::test]
async fn scores_come_back_from_the_journal_to_the_last_bit() {
    let dir = folder("bits");
    let metric = metric_fn("fraction", |example, prediction| {
        let seed = Digest::of(&(example.id(), prediction)).to_u64();
        (seed >> 11) as f64 / (1_u64 << 53) as f64
    });
    let mut scores = Vec::new();
    for _ in 0..2 {
        let (train, val) = (examples("train", 20), examples("val", 200));
        let lm = Simulated::new();
        let compiled = search(&dir)
            .compile(&lm.context(), &program(), &train, &val, metric.clone())
            .await
            .unwrap();
        let pair = compiled.report.validation.unwrap();
        scores.push((pair.baseline.scores(), pair.best.scores()));
    }
    assert!(
        scores[0] == scores[1],
        "a score changed on its way through the journal"
    );
}

#[tokio::test]
async fn a_torn_last_line_is_cut_off_and_a_damaged_one_left_out() {
    let dir = folder("torn");
    let lm = Simulated::new();
    compile!(search(&dir), lm).unwrap();
    let journal = fs::read_to_string(dir.join("journal.jsonl")).unwrap();
    let bytes = fs::read(dir.join("program.json")).unwrap();

    // The last rollout's line torn: its call is in the line before.
    let torn = &journal[..journal.len() - 20];
    fs::write(dir.join("journal.jsonl"), torn).unwrap();
    let lm = Simulated::new();
    compile!(search(&dir), lm).unwrap();
    assert_eq!(lm.calls(), 0);
    assert_eq!(fs::read(dir.join("program.json")).unwrap(), bytes);
    // The times in the line that was written again differ.
    let again = fs::read_to_string(dir.join("journal.jsonl")).unwrap();
    let (whole, last): (Vec<&str>, Vec<&str>) = (journal.lines().collect(), again.lines().collect());
    assert_eq!(whole.len(), last.len());
    assert_eq!(whole[..whole.len() - 1], last[..last.len() - 1]);

    // A call and its rollout damaged in the middle: both are done again.
    let lines: Vec<&str> = journal.lines().collect();
    let rollout = lines
        .iter()
        .position(|line| line.contains("\"kind\":\"rollout\""))
        .unwrap();
    let key = lines[rollout]
        .split("\"rollout\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let damaged: Vec<String> = lines
        .iter()
        .map(|line| {
            if line.contains(key) {
                line.replace(key, "x")
            } else {
                (*line).to_owned()
            }
        })
        .collect();
    fs::write(dir.join("journal.jsonl"), damaged.join("\n") + "\n").unwrap();
    let lm = Simulated::new();
    let compiled = compile!(search(&dir), lm).unwrap();
    assert_eq!(lm.calls(), 1);
    assert!(
        compiled.report.notes[0].contains("2 damaged lines"),
        "{:?}",
        compiled.report.notes
    );
    assert_eq!(fs::read(dir.join("program.json")).unwrap(), bytes);
}

#[tokio::test]
async fn another_run_in_the_folder_is_an_error_that_lists_the_differences() {
    let dir = folder("mismatch");
    let lm = Simulated::new();
    compile!(search(&dir), lm).unwrap();
    let calls = lm.calls();
    let error = compile!(search(&dir).seed(8).candidates(4), lm)
        .unwrap_err()
        .to_string();
    assert!(error.contains("settings.candidates: was 3, is 4"), "{error}");
    assert!(
        error.contains("- seed: was 7, is 8") && error.contains("another folder"),
        "{error}"
    );
    assert_eq!(
        error.lines().filter(|line| line.starts_with("- ")).count(),
        2,
        "{error}"
    );
    let error = search(&dir)
        .compile(
            &lm.context(),
            &program(),
            &examples("other", 20),
            &examples("val", 15),
            exact(),
        )
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("trainset.ids: was"), "{error}");
    assert_eq!(lm.calls(), calls);
    let warm = Simulated::new().temperature(0.5);
    let error = compile!(search(&dir), warm).unwrap_err().to_string();
    assert!(
        error.contains("context.settings.temperature: was null, is 0.5"),
        "{error}"
    );
    assert_eq!(warm.calls(), 0);
    // How many run at once is no part of what a run is.
    compile!(search(&dir).concurrency(3), lm).unwrap();
    assert_eq!(lm.calls(), calls);
}

#[tokio::test]
async fn a_folder_is_used_by_one_run_at_a_time() {
    let dir = folder("lock");
    let lm = Simulated::new().jitter();
    let (a, b) = tokio::join!(async { compile!(search(&dir), lm) }, async {
        compile!(search(&dir), lm)
    });
    let error = match (a, b) {
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(
        error.contains("another process is using this run folder"),
        "{error}"
    );
}

#[tokio::test]
async fn dropping_the_future_leaves_a_folder_to_resume() {
    let whole = folder("whole");
    let lm = Simulated::new();
    compile!(search(&whole), lm).unwrap();
    let all = lm.calls();

    let dir = folder("dropped");
    let lm = Simulated::new().jitter();
    let run = async { compile!(search(&dir).concurrency(4), lm) };
    let wait = tokio::time::sleep(std::time::Duration::from_millis(20));
    tokio::select! { _ = run => panic!("it was over before it was dropped"), () = wait => {} }
    let before = lm.calls();
    assert!(before < all);
    compile!(search(&dir), lm).unwrap();
    assert!(lm.calls() <= all + 4, "{} calls in place of {all}", lm.calls());
    let saved = |dir: &std::path::Path| fs::read(dir.join("program.json")).unwrap();
    assert_eq!(saved(&dir), saved(&whole));
}

#[tokio::test]
async fn a_run_that_lost_the_network_goes_on_where_it_stopped() {
    let whole = folder("network-whole");
    let lm = Simulated::new();
    compile!(search(&whole), lm).unwrap();
    let all = lm.calls();

    let dir = folder("network");
    let down = Simulated::new().failing_after(40, LmErrorKind::Transport);
    let error = compile!(search(&dir), down).unwrap_err().to_string();
    assert!(
        error.contains("11 x transport") && error.contains("simulated failure"),
        "{error}"
    );
    let up = Simulated::new();
    compile!(search(&dir), up).unwrap();
    assert_eq!(up.calls(), all - 40);
    let saved = |dir: &std::path::Path| fs::read(dir.join("program.json")).unwrap();
    assert_eq!(saved(&dir), saved(&whole));

    // Nor are failures kept that a program wraps in errors of its own.
    let dir = folder("network-wrapped");
    let down = Simulated::new().failing_after(40, LmErrorKind::Server);
    let wrapped = search(&dir)
        .compile(
            &down.context(),
            &Wrapping(program()),
            &examples("train", 20),
            &examples("val", 15),
            exact(),
        )
        .await;
    assert!(wrapped.unwrap_err().to_string().contains("11 x server"));
    let up = Simulated::new();
    search(&dir)
        .compile(
            &up.context(),
            &Wrapping(program()),
            &examples("train", 20),
            &examples("val", 15),
            exact(),
        )
        .await
        .unwrap();
    assert_eq!(up.calls(), all - 40);

    // A wrong key is not tried eleven times.
    let dir = folder("key");
    let wrong = Simulated::new().failing_after(0, LmErrorKind::Auth);
    compile!(search(&dir).concurrency(1), wrong).unwrap_err();
    assert_eq!(wrong.calls(), 1);
}
