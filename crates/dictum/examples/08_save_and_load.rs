//! 8. Save and load: what a program has learned is a file of text, checked against the program it is loaded into.
//!
//! `cargo run -p dictum --example 08_save_and_load`

#[path = "support/standin.rs"]
mod standin;

use dictum::prelude::*;

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
    // No model: `standin` says what answers here.
    let ctx = Context::new(standin::model().lm());
    let file = std::env::temp_dir().join(format!("dictum-08-{}.json", std::process::id()));
    let trainset = [
        ("The printer is on fire.", "red"),
        ("Where is my refund?", "blue"),
        ("I lost my badge.", "green"),
    ]
    .map(|(message, team)| Example::new(record! { message: message }, record! { team: team }));

    // Compile with the simplest optimizer: labelled examples become demonstrations. No call, and no test set to judge by.
    let program = Predict::<Route>::new();
    let compiled = LabeledFewShot::new()
        .k(3)
        .compile(&ctx, &program, &trainset, &[], exact_match("team"))
        .await?;
    compiled.save(&file)?;
    println!("{}\n", compiled.report.summary);
    println!(
        "What was saved (JSON; no keys, no endpoints, no code):\n{}",
        ProgramState::load(&file)?
    );

    // Loaded into the typed program, in another process as well as here.
    let loaded = Predict::<Route>::new().load(&file)?;
    let message = "The invoice has the wrong sum.".to_owned();
    for (which, program) in [("new", &program), ("loaded", &loaded)] {
        let out = program
            .call(
                &ctx,
                RouteInput {
                    message: message.clone(),
                },
            )
            .await?;
        println!("The {which} program says: {message} -> {:?}", out.team);
    }

    // The same task a year later: the green team is gone, and the answer has another field.
    let later = || Predict::parse("message -> team: Literal['red', 'blue'], urgent: bool");

    // A state that does not fit is refused, with what is wrong ...
    match later()?.load(&file) {
        Ok(_) => return Err("a misfit was loaded".into()),
        Err(error) => println!("\nRefused: {error}"),
    }
    // ... and where you want what fits, you get it with the same report.
    let (partly, report) = later()?.load_with_report(&file)?;
    let kept = partly.predictor().state().demos.len();
    println!(
        "\nLoaded with a report of {} line(s): {kept} of 3 demos kept.",
        report.to_string().lines().count()
    );
    std::fs::remove_file(file)?;
    Ok(())
}
