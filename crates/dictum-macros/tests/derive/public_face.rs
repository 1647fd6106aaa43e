//! The example that the design promises, word for word as far as declarations go. Nothing here derives `Debug`,
//! `Clone` or serde's traits; warnings are errors.
#![deny(warnings)]

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
}

#[derive(FieldType)]
enum Team {
    Billing,
    Technical,
    Sales,
}

#[test]
fn the_example_of_the_design_compiles_and_says_what_it_should() {
    let spec = Triage::spec();
    assert_eq!(spec.name(), "Triage");
    assert_eq!(
        spec.instructions(),
        "Route a customer's message to the team that should answer it."
    );
    let urgency = spec.field("urgency").unwrap();
    assert_eq!(
        urgency.schema.ty.constraints.describe(),
        ["at least 1", "at most 5"]
    );

    let message = String::from("I was charged twice.");
    let record = TriageInput { message }.into_record().unwrap();
    assert_eq!(record.text("message"), Some("I was charged twice."));

    let out = TriageOutput::from_record(record! { team: "Billing", urgency: 4 }).unwrap();
    assert!(matches!(out.team, Team::Billing) && out.urgency == 4);
    assert!(
        [Team::Technical, Team::Sales]
            .into_iter()
            .all(|team| !matches!(team, Team::Billing))
    );
}
