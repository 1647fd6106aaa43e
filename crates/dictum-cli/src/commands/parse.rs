//! `dictum parse`: a model's answer in, its fields out.

use std::io::Read;

use dictum_core::signature::SignatureSpec;
use serde_json::json;

use crate::args::ParseArgs;
use crate::failure::Failure;
use crate::{output, program};

/// Prints `{"fields": {...}, "repairs": [...]}`; fails with what could not be read.
pub fn run(args: ParseArgs) -> Result<(), Failure> {
    let spec = SignatureSpec::parse(&args.signature)?;
    let adapter = program::adapter(&args.adapter)?;
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let answer = adapter.parse(&spec, &text);
    if answer.failures.is_empty() {
        return output::print_json(&json!({"fields": answer.fields, "repairs": answer.repairs}));
    }
    let problems: Vec<String> = answer
        .failures
        .iter()
        .map(|failure| format!("{failure:#}"))
        .collect();
    Err(Failure::work(problems.join("\n")))
}
