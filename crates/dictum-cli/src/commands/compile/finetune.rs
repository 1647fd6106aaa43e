//! `dictum compile --optimizer finetune`: a model is tuned, and the program's file names it.

use dictum_core::data::Example;
use dictum_core::evaluate::Metric;
use dictum_core::lm::{Budget, LmError, LmErrorKind};
use dictum_core::state::ProgramState;
use dictum_optimize::finetune::{Finetuned, TrainingData};
use dictum_optimize::{BootstrapFinetune, Compiled, Stop};
use dictum_providers::finetune;
use indicatif::ProgressBar;
use serde_json::json;

use super::recipe::{Given, no_space};
use super::{forecast, interrupted, progress, report, save, stoppable};
use crate::args::{CompileArgs, LmArgs};
use crate::failure::Failure;
use crate::program::Program;
use crate::trace::Recording;
use crate::{lm, output};

/// Writes the examples, has the model trained, says what came of it.
pub async fn run(
    args: &CompileArgs,
    program: &Program,
    [train, val, test]: [Vec<Example>; 3],
    metric: impl Metric,
    (stop, bar): (&Stop, &ProgressBar),
    json: bool,
) -> Result<(), Failure> {
    Given::of(args).nothing_left("BootstrapFinetune")?;
    no_space(&args.space, "BootstrapFinetune")?;
    if args.proposer.is_some() {
        return Err(Failure::usage(
            "--proposer: finetune has nothing proposed; leave it out",
        ));
    }
    let optimizer = optimizer(args, &test, stop, bar);
    if args.dry_run {
        let optimizer = match &args.teacher {
            Some(model) => optimizer.teacher_context(&lm::foreseeing(&args.lm.named(model), program)?),
            None => optimizer,
        };
        let ctx = lm::foreseeing(&args.lm, program)?;
        let forecast = optimizer.dry_run(&ctx, &program.module, &train, &val).await?;
        return forecast::print(&forecast, &args.lm, json);
    }
    if args.run_dir.is_none() {
        return Err(Failure::usage(
            "--run-dir: finetune needs one; it keeps the id of a job that is paid for",
        ));
    }
    let recording = Recording::begin(&args.trace)?;
    let ctx = recording.on(&lm::context_for(&args.lm, program)?);
    let optimizer = match &args.teacher {
        Some(model) => optimizer.teacher_context(&recording.on(&lm::context(&args.lm.named(model))?)),
        None => optimizer,
    };
    if args.write_only {
        let work = optimizer.write(&ctx, &program.module, &train, metric);
        let data = stoppable(work, stop, args, bar).await;
        recording.end()?;
        let data = data?;
        bar.finish_and_clear();
        return written(&data, json);
    }
    let Some(out) = &args.out else {
        return Err(Failure::usage("--out: where is the compiled program to go?"));
    };
    output::writable(out)?;
    let Some(("openai", model)) = args.lm.lm.split_once('/') else {
        return Err(Failure::usage(format!(
            "--lm {}: finetune trains `openai/NAME`, at --base-url if it is not OpenAI's; for others --write-only writes \
             the examples",
            args.lm.lm
        )));
    };
    let told = bar.clone();
    let terms = args.lm.clone();
    let optimizer = optimizer
        .train(service(&args.lm)?, model)
        .call_with(move |model| called(&terms, model))
        .on_job(move |job| told.set_message(format!("job {}: {}", job.id, job.status)));
    let work = optimizer.compile(&ctx, &program.module, &train, &val, metric);
    let tuned = stoppable(work, stop, args, bar).await;
    recording.end()?;
    let tuned = tuned?;
    bar.finish_and_clear();
    save(&tuned.compiled, program, out)?;
    let old = ProgramState::of(&program.module);
    report(&with_advice(tuned, &args.lm), args, &old, out, json)?;
    if stop.is_stopped() {
        return Err(interrupted(args, "stopped, the best so far is saved"));
    }
    Ok(())
}

fn optimizer(args: &CompileArgs, test: &[Example], stop: &Stop, bar: &ProgressBar) -> BootstrapFinetune {
    let mut optimizer = BootstrapFinetune::new()
        .seed(args.seed)
        .concurrency(args.concurrency)
        .stop_with(stop)
        .on_progress(progress(args, bar.clone()));
    if let Some(calls) = args.budget_calls {
        optimizer = optimizer.budget(Budget::calls(calls));
    }
    if let Some(folder) = &args.run_dir {
        optimizer = optimizer.run_dir(folder);
    }
    if !test.is_empty() {
        optimizer = optimizer.confirm_on(test);
    }
    optimizer
}

/// The service that trains: where the model is called.
fn service(args: &LmArgs) -> Result<finetune::OpenAiTuning, Failure> {
    let builder = finetune::openai();
    let builder = match &args.base_url {
        Some(url) => builder.base_url(url),
        None => builder,
    };
    // Servers at home need no key.
    let builder = if args.base_url.is_none() || std::env::var_os("OPENAI_API_KEY").is_some() {
        builder.api_key_from_env().map_err(Failure::usage)?
    } else {
        builder
    };
    builder.build().map_err(Failure::usage)
}

/// A tuned model with the layers that every model of a command has.
fn called(args: &LmArgs, model: &str) -> Result<dictum_core::lm::Lm, LmError> {
    let args = args.named(&format!("openai/{model}"));
    match lm::context(&args) {
        Ok(ctx) => Ok(ctx.lm().clone()),
        Err(failure) => Err(LmError::new(LmErrorKind::InvalidRequest, failure.message())),
    }
}

/// What was found, and how a program that names its tuned model is called.
fn with_advice(tuned: Finetuned, args: &LmArgs) -> Compiled {
    let names: Vec<&str> = tuned.lms().map(|(name, _)| name).collect();
    let note = format!(
        "the program names its tuned model: it is to be called with --lm {} --lms {}{}",
        args.lm,
        names.join(","),
        args.base_url
            .as_ref()
            .map(|url| format!(" --base-url {url}"))
            .unwrap_or_default(),
    );
    let mut compiled = tuned.compiled.clone();
    if tuned.kept() {
        compiled.report.notes.push(note);
    }
    compiled
}

fn written(data: &TrainingData, json: bool) -> Result<(), Failure> {
    let files = data.files.iter().flat_map(|file| {
        let validation = file.validation.as_ref();
        [Some(&file.training), validation].into_iter().flatten()
    });
    if json {
        let files: Vec<_> = files
            .map(|file| json!({ "path": file.path, "examples": file.examples }))
            .collect();
        return output::print_json(&json!({ "files": files, "passed": data.passed, "notes": data.notes }));
    }
    let mut lines: Vec<String> = data.notes.iter().map(|note| format!("note: {note}")).collect();
    lines.extend(files.map(|file| {
        let path = file.path.as_deref().map(|path| path.display().to_string());
        format!("{} examples: {}", file.examples, path.unwrap_or_default())
    }));
    output::print(&lines.join("\n"))
}
