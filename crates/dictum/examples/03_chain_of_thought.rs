//! 3. Chain of thought: the model reasons before it answers, and the reasoning is an output too.
//!
//! `cargo run -p dictum --example 03_chain_of_thought`

mod support;

use dictum::prelude::*;

/// Decide whether the shop is open.
#[derive(Signature)]
struct IsOpen {
    #[input]
    opening_hours: String,
    #[input]
    now: String,
    #[output]
    open: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ctx = Context::new(support::lm("03_chain_of_thought")?);
    let is_open = ChainOfThought::<IsOpen>::new();
    let input = IsOpenInput {
        opening_hours: "Monday to Friday, 9:00 to 18:00".into(),
        now: "Sunday, 11:30".into(),
    };
    let out = is_open.call(&ctx, input).await?;
    println!("{}\nopen: {}", out.reasoning, out.open);
    Ok(())
}
