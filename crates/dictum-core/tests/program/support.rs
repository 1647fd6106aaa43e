//! What the tests share.

use dictum_core::lm::{FinishReason, Request, Response};
use dictum_testkit::CannedLm;

/// A model that answers these texts in order and keeps what it was asked.
pub(crate) fn script(answers: &[&str]) -> CannedLm {
    CannedLm::texts(answers.iter().copied()).keeping_requests()
}

/// A model whose answer is cut off at the token limit.
pub(crate) fn cut_off(answer: &'static str) -> CannedLm {
    CannedLm::new(move |_| {
        Ok(Response {
            finish: FinishReason::Length,
            ..Response::text(answer)
        })
    })
    .keeping_requests()
}

/// All messages of a request as text.
pub(crate) fn transcript(request: &Request) -> String {
    let message = |message: &dictum_core::lm::Message| {
        let parts: Vec<String> = message
            .parts
            .iter()
            .map(|part| match part {
                dictum_core::lm::Part::Text { text } => text.clone(),
                other => format!("<<{other:?}>>"),
            })
            .collect();
        format!("--- {}\n{}", message.role.as_str(), parts.join("|"))
    };
    request.messages().map(message).collect::<Vec<_>>().join("\n")
}
