//! The main job: a real model gets better at a real task. `cargo xtask demo` runs it.
//!
//! The task: say what kind of temporal reasoning a question asks for, in five categories whose names don't say everything
//! (`data/temporal-questions`). The model: a small one that runs in this process. The program is one `Predict`; compiling it finds
//! demonstrations under a hard budget of calls, and the result is confirmed on rows that nothing has seen before.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dictum::cache::DiskStore;
use dictum::evaluate::Evaluation;
use dictum::lm::layers::Cache;
use dictum::local::models::{FetchEvent, Progress};
use dictum::optimize::{Compiled, Outcome};
use dictum::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};

/// Given a question about an event, name the kind of temporal reasoning that it asks for.
#[derive(Signature)]
struct Classify {
    #[input]
    question: String,
    #[output]
    category: Category,
}

#[derive(Debug, Clone, FieldType)]
enum Category {
    #[serde(rename = "Absolute Timepoint")]
    AbsoluteTimepoint,
    #[serde(rename = "Event Duration")]
    EventDuration,
    #[serde(rename = "Event Ordering")]
    EventOrdering,
    Frequency,
    #[serde(rename = "Transient v. Stationary")]
    TransientStationary,
}

/// What was asked for on the command line.
struct Options {
    /// Where the model and the run are kept.
    dir: PathBuf,
    /// A dozen rows only.
    quick: bool,
    /// Forget an earlier run.
    fresh: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let run = options
        .dir
        .join(if options.quick { "demo-quick" } else { "demo" });
    if options.fresh && run.exists() {
        std::fs::remove_dir_all(&run)?;
    }
    std::fs::create_dir_all(&run)?;

    // The model, with a cache on disk: what was answered once is not asked again.
    let lm = Lm::local()
        .models_dir(options.dir.join("models"))
        .fetch(&mut Download::default())?
        .build()?;
    let lm = lm.layer(Cache::new(DiskStore::open(run.join("answers.sqlite"))));
    let ctx = Context::new(lm);

    // The data, in three parts that share no question.
    let program = Predict::<Classify>::new();
    let [train, val, test] = data(&program, options.quick)?;
    println!("The task: {}", program.predictor().spec().instructions());
    println!(
        "{} examples to learn from, {} to choose by, {} to confirm on.\n",
        train.len(),
        val.len(),
        test.len()
    );
    println!(
        "The prompt as it is, for the first question of the test set:\n{}",
        prompt(&ctx, &program, &test)?
    );

    // The program as it is.
    let metric = exact_match("category");
    let bar = bar("before compiling");
    let before = Evaluate::new(&test, metric.clone())
        .concurrency(8)
        .progress(|progress| {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
        })
        .run(&ctx, &program)
        .await?;
    bar.finish_and_clear();
    println!("Before compiling: {before}\n");

    // Compile: search demonstrations, under a budget, in a folder from which a killed run goes on.
    let bar = self::bar("compiling");
    let begun = Instant::now();
    let shown = bar.clone();
    let compiled = BootstrapRandomSearch::new()
        .candidates(if options.quick { 1 } else { 4 })
        .max_bootstrapped(4)
        .max_labeled(8)
        .seed(7)
        .concurrency(8)
        .budget(Budget::calls(if options.quick { 150 } else { 1_200 }))
        .run_dir(run.join("run"))
        .confirm_on(&test)
        .on_progress(move |progress| {
            shown.set_length(progress.total as u64);
            shown.set_position(progress.done as u64);
            let best = progress
                .best
                .map(|best| format!(", best {:.1} %", best * 100.0))
                .unwrap_or_default();
            shown.set_message(format!(
                "{}, {} calls{best}",
                progress.phase, progress.spent.calls
            ));
        })
        .compile(&ctx, &program, &train, &val, metric)
        .await?;
    bar.finish_and_clear();
    compiled.save(run.join("program.json"))?;

    // What came of it.
    let (after, seconds) = (&compiled.report, begun.elapsed().as_secs());
    println!(
        "Compiled in {seconds} s with {} calls of the model.\n",
        after.spent.calls
    );
    println!("{}", table(&compiled));
    println!("{}\n", after.summary);
    files(&run);

    // The compiled program is the same program with what it learned.
    let classify = Predict::<Classify>::new().load(run.join("program.json"))?;
    let question = "How long did the concert go on?".to_owned();
    let out = classify
        .call(
            &ctx,
            ClassifyInput {
                question: question.clone(),
            },
        )
        .await?;
    println!("\nAsked with it: {question} -> {:?}", out.category);
    match compiled.outcome {
        Outcome::Improved => Ok(()),
        // A dozen rows can't tell; the short form only shows that the way is whole.
        _ if options.quick => Ok(()),
        other => Err(format!("the program did not get better ({other:?})").into()),
    }
}

/// The three parts of the data.
fn data(program: &Predict<Classify>, quick: bool) -> Result<[Vec<Example>; 3], Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/temporal-questions");
    let loader = Loader::for_signature(program.predictor().spec());
    let load = |name: &str, rows: usize| -> Result<Vec<Example>> {
        let mut examples = loader.path(folder.join(name))?;
        examples.truncate(if quick { 12 } else { rows });
        Ok(examples)
    };
    Ok([
        load("train.csv", 100)?,
        load("val.csv", 50)?,
        load("test.csv", 150)?,
    ])
}

/// The exact messages of a call.
fn prompt(ctx: &Context, program: &Predict<Classify>, test: &[Example]) -> Result<String, Box<dyn Error>> {
    let first = test.first().ok_or("the test set is empty")?;
    let request = program.predictor().render(ctx, first.inputs())?;
    let message = |message: &dictum::lm::Message| {
        let lines: Vec<String> = message
            .to_text()
            .lines()
            .map(|line| format!("  | {line}"))
            .collect();
        format!("  {}\n{}\n", message.role.as_str(), lines.join("\n"))
    };
    Ok(request.messages().map(message).collect())
}

/// Before and after, on the test set.
fn table(compiled: &Compiled) -> String {
    let Some(pair) = &compiled.report.test else {
        return String::new();
    };
    let row = |name: &str, evaluation: &Evaluation| {
        let (mean, interval) = (evaluation.mean().unwrap_or_default(), evaluation.interval());
        let interval = interval
            .map(|it| format!("[{:.1}, {:.1}]", it.low * 100.0, it.high * 100.0))
            .unwrap_or_default();
        format!("  {name:<10} {:>5.1} %  {interval}\n", mean * 100.0)
    };
    let mut text = String::from("On the test set, with 95 % intervals:\n");
    text += &row("baseline", &pair.baseline);
    text += &row("compiled", &pair.best);
    if let Some(comparison) = &compiled.report.comparison {
        text += &format!("  {comparison}\n");
    }
    text
}

fn files(run: &Path) {
    for (what, file) in [
        ("the compiled program", "program.json"),
        ("the report, for a browser", "run/report.html"),
        ("the run folder (resumes here)", "run"),
    ] {
        println!("{what:<30} {}", run.join(file).display());
    }
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options {
        dir: PathBuf::from(".dictum"),
        quick: false,
        fresh: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => options.quick = true,
            "--fresh" => options.fresh = true,
            "--dir" => options.dir = args.next().ok_or("--dir needs a path")?.into(),
            other => {
                return Err(format!(
                    "the demo has no option `{other}`; it has --quick, --fresh and --dir PATH"
                )
                .into());
            }
        }
    }
    Ok(options)
}

/// A bar that shows only in a terminal.
fn bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(what.to_owned());
    bar
}

/// Says what is downloaded and how large it is, and shows how far it is.
#[derive(Default)]
struct Download(Option<ProgressBar>);

impl Progress for Download {
    fn event(&mut self, event: &FetchEvent<'_>) {
        match event {
            FetchEvent::Start {
                name,
                bytes,
                via,
                into,
                ..
            } => {
                println!(
                    "Fetching {name}, {} MB, by {via}, into {}",
                    bytes / 1_000_000,
                    into.display()
                );
                let bar = ProgressBar::new(*bytes);
                if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {eta}") {
                    bar.set_style(style);
                }
                self.0 = Some(bar);
            }
            FetchEvent::Advanced { done, .. } => {
                if let Some(bar) = &self.0 {
                    bar.set_position(*done);
                }
            }
            FetchEvent::SourceFailed { via, error } => println!("{via} can't be used: {error}"),
            FetchEvent::Done { .. } => {
                if let Some(bar) = self.0.take() {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
    }
}
