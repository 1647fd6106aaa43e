//! A canned model and small helpers.

use std::sync::Arc;

use dictum_core::Record;
use dictum_core::lm::{
    Call, Capabilities, LanguageModel, Lm, LmError, Message, Part, Request, Response, Usage,
};
use dictum_core::program::{Context, Parameter, ParameterMut, ParameterPath, Parameters};
use futures_util::future::BoxFuture;

type Answer = dyn Fn(&str) -> Result<String, LmError> + Send + Sync;

/// Answers the last message by a function. Every call costs 10 tokens in and 2 out.
pub(crate) struct Canned(Arc<Answer>);

impl std::fmt::Debug for Canned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canned")
    }
}

pub(crate) fn text_of(message: &Message) -> String {
    message
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

impl LanguageModel for Canned {
    fn name(&self) -> &str {
        "test/canned"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn complete<'a>(&'a self, request: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let last = request.messages().last().map(text_of).unwrap_or_default();
            let mut response = Response::text((self.0)(&last)?);
            response.usage = Usage {
                input_tokens: Some(10),
                output_tokens: Some(2),
                ..Usage::default()
            };
            Ok(response)
        })
    }
}

pub(crate) fn canned(answer: impl Fn(&str) -> Result<String, LmError> + Send + Sync + 'static) -> Context {
    Context::new(Lm::new(Canned(Arc::new(answer))))
}

/// An answer in the chat layout.
pub(crate) fn chat(field: &str, value: &str) -> String {
    format!("[[ ## {field} ## ]]\n{value}\n\n[[ ## completed ## ]]")
}

/// A program that is a plain function.
pub(crate) struct Plain<F>(pub(crate) F);

impl<F> Parameters for Plain<F> {
    fn visit<'a>(&'a self, _: &mut ParameterPath, _: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {}
    fn visit_mut(&mut self, _: &mut ParameterPath, _: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>)) {}
}

impl<F> dictum_core::program::Module for Plain<F>
where
    F: Fn(Record) -> dictum_core::Result<Record> + Send + Sync,
{
    type Input = Record;
    type Output = Record;

    async fn forward(&self, _: &Context, input: Record) -> dictum_core::Result<Record> {
        tokio::task::yield_now().await;
        (self.0)(input)
    }
}
