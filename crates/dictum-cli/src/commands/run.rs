//! `dictum run`: one call.

use serde_json::json;

use crate::args::RunArgs;
use crate::failure::Failure;
use crate::trace::Recording;
use crate::{lm, output, program};

/// Calls the program and prints its outputs.
pub async fn run(args: RunArgs, json: bool) -> Result<(), Failure> {
    let program = program::callable(&args.program, &args.lm)?;
    let input = program::inputs(program.predictor()?.spec(), &args.set)?;
    let recording = Recording::begin(&args.trace)?;
    let ctx = recording.on(&lm::context_for(&args.lm, &program)?.for_program(&program.module));
    let outputs = program.module.call_record(&ctx, input).await;
    // A call that failed is what one wants to look into most.
    recording.end()?;
    let outputs = outputs?;
    if json {
        let repairs: Vec<_> = ctx
            .trace()
            .steps()
            .iter()
            .flat_map(|step| step.repairs.clone())
            .collect();
        let (calls, usage) = (ctx.trace().calls(), ctx.trace().usage());
        return output::print_json(
            &json!({"fields": outputs, "repairs": repairs, "calls": calls, "usage": usage}),
        );
    }
    let lines: Vec<String> = outputs
        .iter()
        .map(|(name, value)| format!("{name}: {}", output::readable(value)))
        .collect();
    output::print(&lines.join("\n"))
}
