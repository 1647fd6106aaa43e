//! 1. Hello: declare what a step must do, and call it.
//!
//! `cargo run -p dictum --example 01_hello`

mod support;

use dictum::prelude::*;

/// Answer the question in one short sentence.
#[derive(Signature)]
struct Answer {
    #[input]
    question: String,
    #[output]
    answer: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What a call needs is a value; nothing is global. `Lm::local()?` or `Lm::openai("gpt-5-mini")` go here as well.
    let ctx = Context::new(support::lm("01_hello")?);

    // A signature known to the compiler ...
    let answer = Predict::<Answer>::new();
    let out = answer
        .call(
            &ctx,
            AnswerInput {
                question: "What is the capital of France?".into(),
            },
        )
        .await?;
    println!("{}", out.answer);

    // ... or one made at run time, in DSPy's string form.
    let sum = Predict::parse("question -> answer: int")?;
    let out = sum
        .call(&ctx, record! { question: "What is two plus three?" })
        .await?;
    println!("{}", out.get("answer").ok_or("no answer")?);

    // What was sent and what came back, exactly.
    println!("\n{}", ctx.inspect(1));
    Ok(())
}
