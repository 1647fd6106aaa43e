use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dictum_core::data::Example;
use dictum_core::evaluate::{
    Evaluate, Evaluation, MetricError, Row, RowOutcome, metric_async, try_metric_fn,
};
use dictum_core::lm::layers::Retry;
use dictum_core::lm::{Budget, LmError, LmErrorKind};
use dictum_core::metrics::exact_match;
use dictum_core::modules::{ChainOfThought, Predict};
use dictum_core::{Error, Record, record};

use crate::support::{Plain, canned, chat};

fn devset(n: usize) -> Vec<Example> {
    (0..n)
        .map(|i| {
            Example::new(
                record! { question: format!("q{i}.") },
                record! { answer: format!("a{i}") },
            )
        })
        .collect()
}

/// Right for even numbers, `timeout` on 3, without the field on 5.
fn answer(prompt: &str) -> Result<String, LmError> {
    let number: usize = prompt
        .split('q')
        .filter_map(|rest| rest.split('.').next()?.parse().ok())
        .next_back()
        .unwrap();
    match number {
        3 => Err(LmError::new(LmErrorKind::Timeout, "no answer within 5 s")),
        n if n % 2 == 0 => Ok(chat("answer", &format!("a{n}"))),
        _ => Ok(chat("answer", "?")),
    }
}

fn program() -> Predict {
    Predict::parse("question -> answer").unwrap()
}

/// What must not depend on the concurrency.
fn essence(evaluation: &Evaluation) -> Vec<(String, RowOutcome, u64)> {
    evaluation
        .rows()
        .iter()
        .map(|row| (row.example.id().to_owned(), row.outcome.clone(), row.calls))
        .collect()
}

#[tokio::test]
async fn rows_stand_in_the_order_of_the_data_whatever_the_concurrency() {
    let (devset, ctx) = (devset(50), canned(answer));
    let evaluate = Evaluate::new(&devset, exact_match("answer"));
    let one = evaluate
        .clone()
        .concurrency(1)
        .run(&ctx, &program())
        .await
        .unwrap();
    let many = evaluate.concurrency(64).run(&ctx, &program()).await.unwrap();
    assert_eq!(essence(&one), essence(&many));
    let ids: Vec<&str> = one.rows().iter().map(|row| row.example.id()).collect();
    assert_eq!(ids, devset.iter().map(Example::id).collect::<Vec<_>>());
    assert_eq!(
        (one.mean(), one.failed(), one.counted(), one.calls()),
        (Some(0.5), 1, 50, 50)
    );
    // 25 of 50: Wilson gives 50 % +- 13.4. The failed call has no usage.
    assert_eq!(one.to_string(), "50.0 % [36.6, 63.4], 1 error, 588 tokens");
}

#[tokio::test]
async fn the_concurrency_is_a_bound() {
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    struct Slow<'a>(&'a AtomicUsize, &'a AtomicUsize);
    impl dictum_core::program::Parameters for Slow<'_> {
        fn visit<'a>(
            &'a self,
            _: &mut dictum_core::program::ParameterPath,
            _: &mut dyn FnMut(&dictum_core::program::ParameterPath, dictum_core::program::Parameter<'a>),
        ) {
        }
        fn visit_mut(
            &mut self,
            _: &mut dictum_core::program::ParameterPath,
            _: &mut dyn FnMut(&dictum_core::program::ParameterPath, dictum_core::program::ParameterMut<'_>),
        ) {
        }
    }
    impl dictum_core::program::Module for Slow<'_> {
        type Input = Record;
        type Output = Record;
        async fn forward(&self, _: &dictum_core::program::Context, _: Record) -> dictum_core::Result<Record> {
            let now = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            self.1.fetch_max(now, Ordering::SeqCst);
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            self.0.fetch_sub(1, Ordering::SeqCst);
            Ok(record! { answer: "x" })
        }
    }
    let devset = devset(40);
    let evaluate = Evaluate::new(&devset, exact_match("answer")).concurrency(7);
    evaluate
        .run(&canned(answer), &Slow(&running, &most))
        .await
        .unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 7);
}

#[tokio::test]
async fn failures_of_the_program_count_and_failures_of_the_metric_do_not() {
    let mut devset = devset(8);
    devset[2] = Example::new(record! { question: "q2." }, record! {});
    let evaluate = Evaluate::new(&devset, exact_match("answer"));
    let evaluation = evaluate.run(&canned(answer), &program()).await.unwrap();
    assert_eq!(
        (evaluation.counted(), evaluation.failed(), evaluation.unjudged()),
        (7, 1, 1)
    );
    // 0, 4 and 6 are right, of seven that count.
    assert!((evaluation.mean().unwrap() - 3.0 / 7.0).abs() < 1e-12);
    let errors = evaluation.errors();
    let causes: Vec<&str> = errors.iter().map(|group| group.cause.as_str()).collect();
    assert_eq!(causes, ["metric", "timeout"]);
    assert_eq!(errors[1].examples[0].0, devset[3].id());
    assert!(errors[1].examples[0].1.contains("no answer within 5 s"));
    assert!(evaluation.to_string().contains("1 error, 1 row not judged"));

    let lenient = evaluate
        .failure_score(0.5)
        .run(&canned(answer), &program())
        .await
        .unwrap();
    assert!((lenient.mean().unwrap() - 3.5 / 7.0).abs() < 1e-12);
}

#[tokio::test]
async fn a_panic_is_one_row() {
    let program = Plain(|input: Record| match input.text("question") {
        Some("q1.") => panic!("index out of bounds"),
        _ => Ok(record! { answer: "a0" }),
    });
    let metric = try_metric_fn("picky", |example: &Example, prediction: &Record| {
        assert_ne!(example.labels().text("answer"), Some("a2"), "can't judge a2");
        Ok::<bool, MetricError>(example.labels().get("answer") == prediction.get("answer"))
    });
    let devset = devset(4);
    let evaluation = Evaluate::new(&devset, metric)
        .run(&canned(answer), &program)
        .await
        .unwrap();
    let (cause, message) = evaluation.rows()[1].error().unwrap();
    assert_eq!(
        (cause, message),
        ("program", "the program panicked: index out of bounds")
    );
    assert!(
        evaluation.rows()[2]
            .error()
            .unwrap()
            .1
            .contains("the metric panicked")
    );
    assert_eq!((evaluation.counted(), evaluation.failed()), (3, 1));
}

#[tokio::test]
async fn a_spent_budget_stops_the_run_and_keeps_what_was_done() {
    let devset = devset(30);
    let ctx = canned(answer).with_budget(Budget::calls(10));
    let evaluation = Evaluate::new(&devset, exact_match("answer"))
        .concurrency(4)
        .run(&ctx, &program())
        .await
        .unwrap();
    assert_eq!((evaluation.counted(), evaluation.not_run()), (10, 20));
    assert_eq!(evaluation.rows().len(), 30);
    assert_eq!(ctx.meter().unwrap().spent().calls, 10);
    assert_eq!(
        evaluation.failed(),
        1,
        "only the timeout is a failure of the program"
    );

    // Also when the program wraps the error in its own.
    #[derive(Debug, thiserror::Error)]
    #[error("the retriever failed")]
    struct Wrapped(#[source] Error);
    let program = Plain(|_: Record| {
        let spent = LmError::new(LmErrorKind::Budget, "spent");
        Err(Error::program(Wrapped(spent.into())))
    });
    let evaluation = Evaluate::new(&devset, exact_match("answer"))
        .run(&ctx, &program)
        .await
        .unwrap();
    assert_eq!((evaluation.not_run(), evaluation.mean()), (30, None));
    assert_eq!(evaluation.to_string(), "no scores, 30 rows not run");
}

#[tokio::test]
async fn a_budget_that_goes_to_failing_calls_says_so() {
    let devset = devset(10);
    let dead = canned(|_| Err(LmError::new(LmErrorKind::Transport, "nobody is there")));
    let quick = Retry::new(4).backoff(Duration::ZERO, Duration::ZERO);
    let ctx = dead
        .with_lm(dead.lm().clone().layer(quick))
        .with_budget(Budget::calls(6));
    // One row takes its four attempts, the next is cut off after two.
    let evaluation = Evaluate::new(&devset, exact_match("answer"))
        .concurrency(1)
        .run(&ctx, &program())
        .await
        .unwrap();
    let summary = evaluation.summary();
    assert_eq!((summary.failed, summary.not_run, summary.cut_off), (1, 9, 1));
    assert_eq!(evaluation.mean(), Some(0.0), "what was cut off is no zero");
    let causes = evaluation.errors();
    assert_eq!((causes[0].cause.as_str(), causes[0].count), ("transport", 2));
    let said = "the budget went to calls that failed: 1 row cut off by transport";
    for text in [evaluation.to_string(), format!("{evaluation:#}")] {
        assert!(text.contains(said), "{text}");
    }
    // Rows are told apart from those that were never begun, also when they are read back.
    let mut lines = Vec::new();
    evaluation.write_jsonl(&mut lines).unwrap();
    let rows: Vec<Row> = String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows, evaluation.rows());
    assert!(rows[1].error().unwrap().1.contains("nobody is there"));
    assert_eq!(rows[2].error(), None);
}

#[tokio::test]
async fn progress_is_told_after_every_row() {
    let devset = devset(6);
    let seen = Mutex::new(Vec::new());
    let last = Mutex::new(None);
    Evaluate::new(&devset, exact_match("answer"))
        .concurrency(3)
        .progress(|progress| {
            seen.lock().unwrap().push((progress.done, progress.total));
            *last.lock().unwrap() = Some((progress.mean, progress.errors));
        })
        .run(&canned(answer), &program())
        .await
        .unwrap();
    assert_eq!(
        seen.into_inner().unwrap(),
        (1..=6).map(|done| (done, 6)).collect::<Vec<_>>()
    );
    assert_eq!(last.into_inner().unwrap(), Some((Some(0.5), 1)));
}

#[tokio::test]
async fn an_evaluation_can_run_in_a_task_of_its_own() {
    let task = tokio::spawn(async {
        let devset = devset(4);
        let (ctx, program) = (canned(answer), program());
        let evaluate = Evaluate::new(&devset, exact_match("answer"));
        evaluate.run(&ctx, &program).await.unwrap().mean()
    });
    assert_eq!(task.await.unwrap(), Some(0.5));
}

#[tokio::test]
async fn nothing_to_evaluate_is_an_error() {
    let evaluate = Evaluate::new(&[], exact_match("answer"));
    let error = evaluate.run(&canned(answer), &program()).await.unwrap_err();
    assert!(error.to_string().contains("`devset` is empty"), "{error}");
}

async fn odd_rows() -> Evaluation {
    let labels = [
        record! { answer: "a,\"b\"\nc" },
        record! { answer: "\u{1b}[31mred" },
        record! { note: 1 },
        record! { answer: "日本語の長い答え" },
    ];
    let devset: Vec<Example> = labels
        .into_iter()
        .enumerate()
        .map(|(i, labels)| Example::new(record! { question: i, context: ["x", "y"] }, labels))
        .collect();
    let program = Plain(|input: Record| match input.get("question") {
        Some(n) if n == 1 => Err(Error::program("boom")),
        _ => Ok(record! { answer: "a,\"b\"\nc" }),
    });
    let evaluate = Evaluate::new(&devset, exact_match("answer"));
    evaluate.run(&canned(answer), &program).await.unwrap()
}

#[tokio::test]
async fn rows_go_to_csv_and_json_lines_whole() {
    let evaluation = odd_rows().await;
    let mut out = Vec::new();
    evaluation.write_csv(&mut out).unwrap();
    let mut csv = csv::Reader::from_reader(out.as_slice());
    let head: Vec<String> = csv.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        head[9..],
        [
            "input.question",
            "input.context",
            "label.answer",
            "label.note",
            "output.answer"
        ]
    );
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| &rows[row][head.iter().position(|head| head == name).unwrap()];
    assert_eq!((cell(0, "score"), cell(0, "output.answer")), ("1", "a,\"b\"\nc"));
    assert_eq!(
        (
            cell(1, "status"),
            cell(1, "score"),
            cell(1, "cause"),
            cell(1, "error")
        ),
        ("failed", "0", "program", "boom")
    );
    assert_eq!((cell(2, "status"), cell(2, "score")), ("unjudged", ""));
    assert_eq!(cell(2, "input.context"), "[\"x\",\"y\"]");

    let mut out = Vec::new();
    evaluation.write_jsonl(&mut out).unwrap();
    let lines: Vec<dictum_core::evaluate::Row> = String::from_utf8(out)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, evaluation.rows());
    let json = serde_json::to_string(&evaluation).unwrap();
    assert_eq!(serde_json::from_str::<Evaluation>(&json).unwrap(), evaluation);
}

#[tokio::test]
async fn the_table_fits_the_terminal_and_shows_the_worst_first() {
    let evaluation = odd_rows().await;
    let table = evaluation.table(3, 60);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4);
    for line in &lines {
        assert!(unicode_width::UnicodeWidthStr::width(*line) <= 60, "{line:?}");
    }
    assert!(!table.contains('\u{1b}'));
    let first: Vec<&str> = lines
        .iter()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(first, ["row", "2", "3", "4"]);
    let report = format!("{evaluation:#}");
    assert!(
        report.contains("1 x program") && report.contains("boom"),
        "{report}"
    );
    assert!(
        report.contains("left out 1 row not judged, 0 rows not run, of 4"),
        "{report}"
    );
}

#[tokio::test]
async fn a_metric_sees_the_steps_by_predictor_path() {
    let metric = metric_async("path", |_, case| async move {
        Ok(case.trace.steps().iter().all(|step| &*step.path == "predict"))
    });
    let devset = devset(1);
    let program = ChainOfThought::parse("question -> answer").unwrap();
    let ctx = canned(|_| Ok(format!("[[ ## reasoning ## ]]\nr\n\n{}", chat("answer", "a"))));
    let evaluation = Evaluate::new(&devset, metric).run(&ctx, &program).await.unwrap();
    assert_eq!(evaluation.mean(), Some(1.0));
}

#[tokio::test]
async fn dropping_a_run_drops_the_rows_in_flight() {
    struct Ends(Arc<AtomicUsize>);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (first, last) = (begun.clone(), ended.clone());
    let metric = metric_async("forever", move |_, _| {
        first.fetch_add(1, Ordering::SeqCst);
        let ends = Ends(last.clone());
        async move {
            std::future::pending::<()>().await;
            drop(ends);
            Ok(true)
        }
    });
    let devset = devset(20);
    let (ctx, program) = (canned(answer), program());
    let evaluate = Evaluate::new(&devset, metric).concurrency(4);
    let run = evaluate.run(&ctx, &program);
    let stopped = tokio::time::timeout(std::time::Duration::from_millis(50), run).await;
    assert!(stopped.is_err());
    // Row 3 fails without a metric, so the fifth is begun in its place.
    assert_eq!(
        (begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst)),
        (4, 4)
    );
}
