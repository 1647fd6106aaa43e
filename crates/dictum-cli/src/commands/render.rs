//! `dictum render`: the exact messages of a call.

use dictum_core::lm::{Message, Part, Request};
use serde_json::json;

use crate::args::RenderArgs;
use crate::failure::Failure;
use crate::{lm, output, program};

/// Prints the messages, as text or JSON.
pub fn run(args: RenderArgs, json: bool) -> Result<(), Failure> {
    let program = program::build(&args.program)?;
    let ctx = lm::offline("none", &[], &program).with_shared_adapter(program::adapter(&args.adapter)?);
    let predictor = program.predictor()?;
    let input = program::inputs(predictor.spec(), &args.set)?;
    let request = predictor.render(&ctx, &input)?;
    if json {
        output::print_json(&as_json(&request))
    } else {
        output::print(&as_text(&request))
    }
}

fn as_json(request: &Request) -> serde_json::Value {
    let messages: Vec<&Message> = request.messages().collect();
    json!({"messages": messages, "settings": request.settings})
}

fn as_text(request: &Request) -> String {
    let message = |message: &Message| {
        let parts = message.parts.iter().map(|part| match part {
            Part::Text { text } => text.clone(),
            other => format!("<{other:?}>"),
        });
        format!("[{}]\n{}\n", message.role.as_str(), parts.collect::<String>())
    };
    request.messages().map(message).collect::<Vec<_>>().join("\n")
}
