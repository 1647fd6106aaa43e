//! 9. From DSPy: a program that DSPy compiled and saved, imported, looked at, run, and written back for DSPy.
//!
//! `cargo run -p dictum --example 09_from_dspy`

use dictum::lm::Response;
use dictum::prelude::*;
use dictum::program::predictors;
use dictum::state::dspy::{export, import, import_for};
use dictum_testkit::CannedLm;

/// What DSPy 3.4.1 wrote for `program.save("two_steps.json")`.
const SAVED: &str = include_str!("data/two_steps.json");

/// The program as it was in Python, with the same names: a `ChainOfThought` and a `Predict`.
#[derive(Parameters)]
struct TwoSteps {
    summarize: ChainOfThought<Summarize>,
    classify: Predict<Classify>,
}

/// Given the fields `document`, produce the fields `summary`.
#[derive(Signature)]
struct Summarize {
    #[input]
    document: String,
    #[output]
    summary: String,
}

/// Route a message to the team that should answer it.
#[derive(Signature)]
struct Classify {
    /// as the customer wrote it
    #[input]
    message: String,
    #[output]
    team: Team,
    #[output]
    priority: Option<u8>,
}

#[derive(Debug, Clone, FieldType)]
#[serde(rename_all = "snake_case")]
enum Team {
    Billing,
    Technical,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut program = TwoSteps {
        summarize: ChainOfThought::new(),
        classify: Predict::new(),
    };

    // DSPy's file has no field names and no types. Without the program they are guessed, and the notes say so ...
    let guessed = import(SAVED, &Default::default())?;
    println!("Read without the program:");
    for note in &guessed.notes {
        println!("  {note}");
    }
    // ... with the program they are known.
    let imported = import_for(SAVED, &program)?;
    println!("Read for the program: {} notes", imported.notes.len());
    let report = imported.state.apply_strict(&mut program)?;
    println!("Put into the program: {report}");
    for (path, predictor) in predictors(&program) {
        println!("  {path} has {} demos", predictor.state().demos.len());
    }

    // The messages of a call, in the layout that DSPy's chat adapter has too. One answer stands in for a model.
    let lm = CannedLm::new(|_| {
        let answer = "[[ ## team ## ]]\ntechnical\n\n[[ ## priority ## ]]\n1\n\n[[ ## completed ## ]]";
        Ok(Response::text(answer))
    });
    let ctx = Context::new(lm.lm()).for_program(&program);
    let message = "The screen stays black".to_owned();
    println!("\nThe prompt of `classify`:");
    for message in program
        .classify
        .render(
            &ctx,
            ClassifyInput {
                message: message.clone(),
            },
        )?
        .messages()
    {
        println!("--- {}\n{}", message.role.as_str(), message.to_text());
    }
    let out = program.classify.call(&ctx, ClassifyInput { message }).await?;
    println!("--- answer\n{:?}, priority {:?}", out.team, out.priority);

    // And back: a file that `program.load()` of DSPy reads, with what the import had kept aside.
    let back = export(&imported.state)?;
    let (ours, theirs): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&back.text)?, serde_json::from_str(SAVED)?);
    println!(
        "\nExported {} bytes; the same JSON as DSPy's: {}",
        back.text.len(),
        ours == theirs
    );
    for note in &back.notes {
        println!("  {note}");
    }
    Ok(())
}
