//! A model that answers from a list and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use dictum_core::lm::{
    Call, Capabilities, FinishReason, LanguageModel, Lm, LmError, LmErrorKind, Request, Response,
};
use futures_util::future::BoxFuture;

/// Answers one after the other; fails when it has none left.
#[derive(Debug, Clone, Default)]
pub struct Script {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    answers: VecDeque<Response>,
    asked: Vec<Request>,
}

impl Script {
    pub fn new(answers: &[&str]) -> Self {
        let script = Self::default();
        script.inner.lock().unwrap().answers.extend(answers.iter().map(|text| Response::text(*text)));
        script
    }

    /// The same, with the last answer cut off at the token limit.
    pub fn cut_off(self) -> Self {
        self.inner.lock().unwrap().answers.back_mut().unwrap().finish = FinishReason::Length;
        self
    }

    pub fn lm(&self) -> Lm {
        Lm::new(self.clone())
    }

    pub fn asked(&self) -> Vec<Request> {
        self.inner.lock().unwrap().asked.clone()
    }
}

impl LanguageModel for Script {
    fn name(&self) -> &str {
        "test/script"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn complete<'a>(&'a self, request: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let mut inner = self.inner.lock().unwrap();
            inner.asked.push(request.clone());
            let none = || LmError::new(LmErrorKind::Internal, "the script has no answer left");
            inner.answers.pop_front().ok_or_else(none)
        })
    }
}

/// All messages of a request as text.
pub fn transcript(request: &Request) -> String {
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
