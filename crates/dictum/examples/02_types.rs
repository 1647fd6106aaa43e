//! 2. Types: outputs are Rust types, checked when the answer is read.
//!
//! `cargo run -p dictum --example 02_types`

mod support;

use dictum::prelude::*;

/// Route a customer's message to the team that should answer it.
#[derive(Signature)]
struct Triage {
    /// The message as the customer wrote it.
    #[input]
    message: String,
    #[output]
    team: Team,
    /// How urgent it is, from 1 (can wait) to 5 (now).
    #[output(min = 1, max = 5)]
    urgency: u8,
    /// Products the message names.
    #[output(max_length = 3)]
    products: Vec<Product>,
}

#[derive(Debug, Clone, FieldType)]
enum Team {
    /// Invoices, payments, refunds.
    Billing,
    /// Something does not work.
    Technical,
    /// Offers and prices.
    Sales,
}

#[derive(Debug, Clone, FieldType)]
struct Product {
    name: String,
    version: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ctx = Context::new(support::lm("02_types")?);
    let triage = Predict::<Triage>::new();
    let message =
        "The Photon app 2.1 crashes whenever I open a picture. I need it for a talk tonight!".to_owned();
    let out = triage.call(&ctx, TriageInput { message }).await?;
    match out.team {
        Team::Technical => println!("to the engineers, urgency {}", out.urgency),
        Team::Billing | Team::Sales => println!("to {:?}, urgency {}", out.team, out.urgency),
    }
    for product in out.products {
        println!("about {} {}", product.name, product.version.unwrap_or_default());
    }
    Ok(())
}
