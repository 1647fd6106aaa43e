//! 7. Compile: an optimizer finds demonstrations, under a budget, in a folder from which a stopped run goes on.
//!
//! `cargo run -p dictum --example 07_compile`

#[path = "support/standin.rs"]
mod standin;

use dictum::data::split;
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
    // No model: `standin` says what answers here. We keep it, to count the calls that reach it.
    let model = standin::model();
    let ctx = Context::new(model.lm());
    let program = Predict::<Route>::new();

    // Three parts that share no message: to learn from, to choose by, and to confirm on.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/tickets.csv");
    let all = Loader::for_signature(program.predictor().spec()).path(path)?;
    let [train, val, test] = split(&all, 7, [0.4, 0.2, 0.4]);

    let run = std::env::temp_dir().join(format!("dictum-07-compile-{}", std::process::id()));
    let optimizer = BootstrapRandomSearch::new()
        .candidates(4)
        .max_bootstrapped(3)
        .max_labeled(6)
        .seed(7)
        .budget(Budget::calls(400)) // Exact: call 401 is not made.
        .run_dir(&run)
        .confirm_on(&test);
    let compiled = optimizer
        .compile(&ctx, &program, &train, &val, exact_match("team"))
        .await?;
    println!("{}", compiled.report);
    let first = model.calls();
    println!("The first run asked the model {first} times.");

    // The same run again, as after a crash: all that was finished is in the folder, so nothing is asked again.
    let again = optimizer
        .compile(&ctx, &program, &train, &val, exact_match("team"))
        .await?;
    println!(
        "The second run, in the same folder, asked {} times.",
        model.calls() - first
    );
    println!(
        "Both give the same program: {}",
        again.state.to_json()? == compiled.state.to_json()?
    );

    // The compiled program is the same program with what it learned.
    let mut program = program;
    compiled.apply(&mut program)?;
    let message = "The payment for order 12 has the wrong sum.".to_owned();
    println!(
        "\n{message} -> {:?}",
        program
            .call(
                &ctx,
                RouteInput {
                    message: message.clone()
                }
            )
            .await?
            .team
    );

    println!("In the run folder (report.html is for a browser):");
    for file in std::fs::read_dir(&run)? {
        println!("  {}", file?.file_name().to_string_lossy());
    }
    std::fs::remove_dir_all(run)?;
    Ok(())
}
