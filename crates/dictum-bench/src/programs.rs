//! The programs that are measured: one with flat fields, as `scripts/dspy/bench.py` has it too, and one with nested ones.

use dictum::prelude::*;

/// Route a customer's message to the team that should answer it.
#[derive(Signature)]
pub(crate) struct Triage {
    /// The message as the customer wrote it.
    #[input]
    pub(crate) message: String,
    #[output]
    pub(crate) team: String,
    /// How urgent it is, from 1 (can wait) to 5 (now).
    #[output]
    pub(crate) urgency: i64,
}

#[derive(Debug, Clone, FieldType)]
pub(crate) struct Address {
    pub(crate) street: String,
    pub(crate) number: u32,
    pub(crate) tags: Vec<String>,
}

/// Find the addresses in the letter.
#[derive(Signature)]
pub(crate) struct Extract {
    #[input]
    pub(crate) letter: String,
    #[output]
    pub(crate) sender: Address,
    #[output]
    pub(crate) others: Vec<Address>,
    #[output]
    pub(crate) urgent: bool,
}

pub(crate) const NESTED_ANSWER: &str = r#"[[ ## sender ## ]]
{"street": "Main Street", "number": 7, "tags": ["home", "billing"]}

[[ ## others ## ]]
[{"street": "Side Street", "number": 12, "tags": []}, {"street": "Market", "number": 3, "tags": ["work"]}]

[[ ## urgent ## ]]
true

[[ ## completed ## ]]"#;

pub(crate) fn message(n: u64) -> String {
    format!("My bill number {n:06} is wrong. {}", "Please help. ".repeat(20))
}

pub(crate) fn letter(n: u64) -> String {
    format!("I live at Main Street {n}, and my sister at Side Street 12. Please write to both of us soon.")
}

/// The flat program with so many demonstrations.
pub(crate) fn flat(demos: u64) -> Predict<Triage> {
    let demo = |n| {
        let message =
            format!("The invoice number {n} was charged twice and nobody answers my mails about it.");
        Demo::labeled(record! { message: message, team: "billing", urgency: 4 })
    };
    with_demos(Predict::new(), (0..demos).map(demo).collect())
}

/// The nested program with so many demonstrations.
pub(crate) fn nested(demos: u64) -> Predict<Extract> {
    let demo = |n| {
        Demo::labeled(record! {
            letter: letter(n),
            sender: {"street": "Main Street", "number": n, "tags": ["home"]},
            others: [{"street": "Side Street", "number": 12, "tags": []}],
            urgent: false,
        })
    };
    with_demos(Predict::new(), (0..demos).map(demo).collect())
}

fn with_demos<S: dictum::signature::Signature>(mut program: Predict<S>, demos: Vec<Demo>) -> Predict<S> {
    program.predictor_mut().set_state(PredictorState {
        demos,
        ..PredictorState::default()
    });
    program
}
