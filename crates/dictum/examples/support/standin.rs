//! A stand-in for a model, so that the examples with data run anywhere: a few rules in place of a network.
//!
//! It behaves as models do where it matters here. What the teams stand for is this house's own convention, so it can only
//! guess until the prompt tells it: by instructions that describe the teams, or by demonstrations it can compare with.

use dictum::lm::{Request, Response, Role};
use dictum_testkit::CannedLm;

pub(crate) fn model() -> CannedLm {
    CannedLm::new(|request| Ok(Response::text(answer(request)))).named("stand-in/rules")
}

fn answer(request: &Request) -> String {
    let messages: Vec<_> = request.messages().collect();
    let system = messages
        .first()
        .map(|message| message.to_text())
        .unwrap_or_default();
    let question = messages
        .last()
        .map(|message| message.to_text())
        .unwrap_or_default();
    let question = field(&question, "message");
    if question == "???" || question.is_empty() {
        return "Could you say more?".to_owned(); // No answer to the question asked: models do this.
    }
    // Demonstrations are pairs of a user's message and an assistant's.
    let demos = messages.windows(2).filter_map(|pair| match pair {
        [asked, said] if asked.role == Role::User && said.role == Role::Assistant => {
            Some((field(&asked.to_text(), "message"), field(&said.to_text(), "team")))
        }
        _ => None,
    });
    let nearest = demos
        .max_by_key(|(message, _)| likeness(message, &question))
        .map(|(_, team)| team);
    let told = system.contains("money").then(|| by_topic(&question).to_owned());
    let team = told.or(nearest).unwrap_or_else(|| "red".to_owned());
    format!("[[ ## team ## ]]\n{team}\n\n[[ ## completed ## ]]")
}

fn by_topic(message: &str) -> &'static str {
    let about = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if about(&["invoice", "payment", "refund", "receipt"]) {
        "blue"
    } else if about(&["holiday", "contract", "training", "badge", "staff"]) {
        "green"
    } else {
        "red"
    }
}

/// How alike two messages are: by their topic first (that an invoice and a payment go together, it knows), then by words.
fn likeness(a: &str, b: &str) -> (bool, usize) {
    let shared = a
        .split_whitespace()
        .filter(|word| b.split_whitespace().any(|other| other == *word));
    (by_topic(a) == by_topic(b), shared.count())
}

/// The text under a field's header.
fn field(text: &str, name: &str) -> String {
    let rest = text
        .split_once(&format!("[[ ## {name} ## ]]\n"))
        .map_or("", |(_, rest)| rest);
    rest.split("\n\n").next().unwrap_or_default().trim().to_owned()
}
