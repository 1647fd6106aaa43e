//! 6. Evaluate: a program on data, its errors, and whether another program is better or only luckier.
//!
//! `cargo run -p dictum --example 06_evaluate`

#[path = "support/standin.rs"]
mod standin;

use dictum::prelude::*;
use dictum::program::PredictorState;

/// Name the team that should handle the message.
#[derive(Signature)]
struct Route {
    #[input]
    message: String,
    #[output]
    team: Team,
}

#[derive(Debug, Clone, FieldType)]
#[serde(rename_all = "snake_case")]
enum Team {
    Red,
    Blue,
    Green,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // No model: `standin` says what answers here. Everything else is as it would be with one.
    let ctx = Context::new(standin::model().lm());
    let plain = Predict::<Route>::new();

    // Columns that are inputs of the signature go into the program; the others (here `team`) are labels.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/tickets.csv");
    let mut devset = Loader::for_signature(plain.predictor().spec()).path(path)?;
    devset.truncate(40);

    // A failure never ends a run: it is a row with a cause, and counts 0. (An unreadable answer is asked for once more first:
    // one call more than rows.)
    let evaluate = Evaluate::new(&devset, exact_match("team")).concurrency(8);
    let first = evaluate.run(&ctx, &plain).await?;
    println!("The program as it is:\n{first:#}\n");
    println!("The worst rows:\n{}\n", first.table(4, 100).trim_end());

    // Another program: the same signature, with instructions that say what the teams are for.
    let mut told = Predict::<Route>::new();
    told.predictor_mut().set_state(PredictorState {
        instructions: Some(
            "Name the team: red repairs things, blue is about money, green about staff.".into(),
        ),
        ..PredictorState::default()
    });
    let second = evaluate.run(&ctx, &told).await?;
    println!("With better instructions: {second}\n");

    // Compared row by row. `p` is how likely such a difference is if neither were better.
    let comparison = compare(&first, &second);
    println!("All 40 rows: {comparison}\n");

    // The same two programs on few rows: the difference is there, but it could be luck, and the verdict says so.
    let few = Evaluate::new(devset.get(..4).unwrap_or(&devset), exact_match("team"));
    let comparison = compare(&few.run(&ctx, &plain).await?, &few.run(&ctx, &told).await?);
    println!("Four rows:   {comparison}");
    Ok(())
}
