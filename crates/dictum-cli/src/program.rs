//! The program a command names: a signature with a module, or a program file.

use std::sync::Arc;

use dictum_core::adapter::{self, Adapter};
use dictum_core::evaluate::Metric;
use dictum_core::modules::{ChainOfThought, DemoIndex, NearestDemos, Predict};
use dictum_core::program::{DynModule, Predictor, predictors};
use dictum_core::signature::SignatureSpec;
use dictum_core::state::{ProgramKind, ProgramState};
use dictum_core::types::Kind;
use dictum_core::{Record, metrics, parse};
use serde_json::Value;

use crate::args::{LmArgs, ModuleKind, ProgramArgs};
use crate::embedder;
use crate::failure::Failure;

/// A program of one predictor, and what module it is.
pub struct Program {
    pub module: Box<dyn DynModule>,
    pub kind: ProgramKind,
}

impl Program {
    /// Its predictor.
    pub fn predictor(&self) -> Result<&Predictor, Failure> {
        let first = predictors(&self.module).into_iter().next();
        first
            .map(|(_, predictor)| predictor)
            .ok_or_else(|| Failure::usage("the program has no predictor"))
    }
}

/// The program itself: to search with, or to look at.
pub fn build(args: &ProgramArgs) -> Result<Program, Failure> {
    match read(args)? {
        (program, None) => Ok(program),
        (_, Some(index)) => Err(Failure::usage(format!(
            "--program: it shows each call the demonstrations nearest to its input, by `{}`: it can be run and evaluated, and \
             `dictum run --trace` shows its messages; compile and render the program it was made from",
            index.embedder()
        ))),
    }
}

/// The program to be called, with its embedder where it shows each call the nearest demonstrations.
pub fn callable(args: &ProgramArgs, lm: &LmArgs) -> Result<Program, Failure> {
    match read(args)? {
        (program, None) => Ok(program),
        (program, Some(index)) => {
            let embedder = embedder::named(index.embedder(), lm)?;
            Ok(Program {
                module: Box::new(NearestDemos::new(program.module, index, embedder)?),
                kind: program.kind,
            })
        }
    }
}

/// The program without its index of demonstrations, and the index.
fn read(args: &ProgramArgs) -> Result<(Program, Option<DemoIndex>), Failure> {
    match (&args.signature, &args.program) {
        (Some(signature), None) => {
            let mut spec = SignatureSpec::parse(signature)?;
            if let Some(instructions) = &args.instructions {
                spec = spec.with_instructions(instructions.clone());
            }
            let program = match args.module {
                ModuleKind::Predict => Program {
                    module: Box::new(Predict::from_spec(spec)),
                    kind: ProgramKind::Predict,
                },
                ModuleKind::Cot => Program {
                    module: Box::new(ChainOfThought::from_spec(spec)),
                    kind: ProgramKind::ChainOfThought,
                },
            };
            Ok((program, None))
        }
        (None, Some(file)) => {
            let state = ProgramState::load(file)?;
            let module = state.build()?;
            // A state that builds names its kind.
            let kind = state.kind().unwrap_or(ProgramKind::Predict);
            Ok((Program { module, kind }, DemoIndex::of(&state)?))
        }
        _ => Err(Failure::usage(
            "give --signature, such as \"question -> answer\", or --program FILE",
        )),
    }
}

/// The adapter of this name.
pub fn adapter(name: &str) -> Result<Arc<dyn Adapter>, Failure> {
    let unknown = || {
        format!(
            "there is no adapter `{name}`; there are {}",
            adapter::NAMES.join(", ")
        )
    };
    adapter::by_name(name).ok_or_else(|| Failure::usage(unknown()))
}

/// The metric a command names. Its output must be one of the signature's: a typo must not cost calls.
pub fn metric(text: &str, spec: &SignatureSpec) -> Result<Arc<dyn Metric>, Failure> {
    let metric = metrics::by_spec(text).map_err(Failure::usage)?;
    let output = text.split(':').nth(1).unwrap_or_default().trim();
    let names: Vec<&str> = spec.outputs().iter().map(|field| field.name.as_str()).collect();
    if names.contains(&output) {
        return Ok(metric);
    }
    Err(Failure::usage(format!(
        "--metric {text}: the program has no output `{output}`; it has `{}`",
        names.join("`, `")
    )))
}

/// The inputs given as `field=value`.
pub fn inputs(spec: &SignatureSpec, set: &[String]) -> Result<Record, Failure> {
    let mut record = Record::new();
    for pair in set {
        let (name, text) = pair
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--set {pair}: write it as FIELD=VALUE")))?;
        let known = || {
            spec.inputs()
                .iter()
                .map(|field| field.name.as_str())
                .collect::<Vec<_>>()
                .join("`, `")
        };
        let field = spec
            .inputs()
            .iter()
            .find(|field| field.name == name)
            .ok_or_else(|| {
                Failure::usage(format!("--set {name}: the signature's inputs are `{}`", known()))
            })?;
        let text = match text.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| Failure::usage(format!("--set {name}: {file}: {error}")))?,
            None => text.to_owned(),
        };
        let value = match &field.schema.ty.kind {
            Kind::Str | Kind::Code { .. } => Value::String(text),
            _ => {
                parse::value(&text, &field.schema)
                    .map_err(|error| Failure::usage(format!("--set {name}: {error:#}")))?
                    .value
            }
        };
        if record.insert(name, value).is_some() {
            return Err(Failure::usage(format!("--set {name}: given twice")));
        }
    }
    for field in spec.inputs() {
        if field.when_absent().is_none() && !record.contains(&field.name) {
            let name = &field.name;
            return Err(Failure::usage(format!(
                "the input `{name}` is missing; give it with --set {name}=VALUE"
            )));
        }
    }
    Ok(record)
}
