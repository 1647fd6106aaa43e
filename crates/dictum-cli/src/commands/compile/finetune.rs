//! What a training needs beyond a search: a service, and advice how its model is called.

use dictum_core::lm::{Lm, LmError, LmErrorKind};
use dictum_optimize::finetune::TrainingData;
use dictum_optimize::{BootstrapFinetune, Compiled};
use dictum_providers::finetune;
use indicatif::ProgressBar;
use serde_json::json;

use super::way::Found;
use crate::args::{CompileArgs, LmArgs};
use crate::failure::Failure;
use crate::{lm, output};

/// The tuner with the service that trains the command's model.
pub fn connect(
    args: &CompileArgs,
    tuner: BootstrapFinetune,
    bar: &ProgressBar,
) -> Result<BootstrapFinetune, Failure> {
    let Some(("openai", model)) = args.lm.lm.split_once('/') else {
        return Err(Failure::usage(format!(
            "--lm {}: finetune trains `openai/NAME`, at --base-url if it is not OpenAI's; for others --write-only writes \
             the examples",
            args.lm.lm
        )));
    };
    let told = bar.clone();
    let terms = args.lm.clone();
    Ok(tuner
        .train(service(&args.lm)?, model)
        .call_with(move |model| called(&terms, model))
        .on_job(move |job| told.set_message(format!("job {}: {}", job.id, job.status))))
}

/// The service that trains: where the model is called.
fn service(args: &LmArgs) -> Result<finetune::OpenAiTuning, Failure> {
    let builder = finetune::openai();
    lm::connected!(builder, args.base_url.as_deref(), Some("OPENAI_API_KEY"))
}

/// A tuned model with the layers that every model of a command has.
fn called(args: &LmArgs, model: &str) -> Result<Lm, LmError> {
    let args = args.named(&format!("openai/{model}"));
    match lm::context(&args) {
        Ok(ctx) => Ok(ctx.lm().clone()),
        Err(failure) => Err(LmError::new(LmErrorKind::InvalidRequest, failure.message())),
    }
}

/// What was found, and how a program that names a tuned model is called.
pub fn with_advice(found: Found, args: &LmArgs) -> Compiled {
    let mut compiled = found.compiled;
    let named = |lm: &String| {
        compiled
            .state
            .predictors()
            .any(|(_, saved)| saved.state.lm.as_ref() == Some(lm))
    };
    let names: Vec<&str> = found
        .trained
        .iter()
        .filter(|lm| named(lm))
        .map(String::as_str)
        .collect();
    if !names.is_empty() {
        let url = args.base_url.as_ref().map(|url| format!(" --base-url {url}"));
        compiled.report.notes.push(format!(
            "the program names its tuned model: it is to be called with --lm {} --lms {}{}",
            args.lm,
            names.join(","),
            url.unwrap_or_default(),
        ));
    }
    compiled
}

/// Says which files were written.
pub fn written(data: &TrainingData, json: bool) -> Result<(), Failure> {
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
