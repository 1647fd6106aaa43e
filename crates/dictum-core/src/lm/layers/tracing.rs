//! A span per call.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::hand_on;
use crate::lm::{
    Call, FinishReason, LanguageModel, Layer, Lm, LmError, Request, Response, ResponseStream, Source,
    StreamEvent,
};

/// Opens a [`tracing`] span for each call, with the attribute names of OpenTelemetry's conventions for generative AI: model,
/// settings, tokens, finish reason, kind of error. Of what was said, asked or answered, nothing.
///
/// The span is named `chat`, on target `dictum::lm`, at level INFO. A stream's span lasts as long as the stream.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tracing;

impl Layer for Tracing {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Traced { inner })
    }
}

#[derive(Debug)]
struct Traced {
    inner: Lm,
}

impl Traced {
    fn span(&self, request: &Request, streams: bool) -> Span {
        let name = self.inner.name();
        let (provider, model) = name.split_once('/').unwrap_or(("", name));
        let settings = &request.settings;
        tracing::info_span!(
            target: "dictum::lm",
            "chat",
            otel.name = format_args!("chat {model}"),
            otel.kind = "client",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = provider,
            gen_ai.request.model = model,
            gen_ai.request.temperature = settings.temperature,
            gen_ai.request.top_p = settings.top_p,
            gen_ai.request.max_tokens = settings.max_tokens,
            gen_ai.request.seed = settings.seed,
            dictum.stream = streams,
            dictum.source = Empty,
            dictum.attempts = Empty,
            gen_ai.response.model = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            error.r#type = Empty,
        )
    }
}

fn record(span: &Span, result: Result<&Response, &LmError>) {
    let response = match result {
        Ok(response) => response,
        Err(error) => {
            span.record("error.type", error.kind().name());
            span.record("dictum.attempts", error.attempts());
            return;
        }
    };
    span.record("dictum.source", source_name(response.source));
    span.record("dictum.attempts", response.attempts);
    span.record("gen_ai.response.finish_reasons", finish_name(&response.finish));
    if !response.model.is_empty() {
        span.record("gen_ai.response.model", response.model.as_str());
    }
    if let Some(tokens) = response.usage.input_tokens {
        span.record("gen_ai.usage.input_tokens", tokens);
    }
    if let Some(tokens) = response.usage.output_tokens {
        span.record("gen_ai.usage.output_tokens", tokens);
    }
}

fn source_name(source: Source) -> &'static str {
    match source {
        Source::Model => "model",
        Source::Cache => "cache",
        Source::Replay => "replay",
        Source::Shared => "shared",
    }
}

fn finish_name(finish: &FinishReason) -> &str {
    match finish {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Other(reason) => reason,
    }
}

impl LanguageModel for Traced {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        let span = self.span(request, false);
        if span.is_disabled() {
            // No one listens, which costs nothing then.
            return self.inner.model().complete(request, call);
        }
        let inside = span.clone();
        let work = async move {
            let result = self.inner.model().complete(request, call).await;
            record(&inside, result.as_ref());
            result
        };
        Box::pin(work.instrument(span))
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        let span = self.span(request, true);
        if span.is_disabled() {
            return self.inner.model().stream(request, call);
        }
        let inside = span.clone();
        let work = async move {
            let mut events = match self.inner.model().stream(request, call).await {
                Ok(events) => events,
                Err(error) => {
                    record(&inside, Err(&error));
                    return Err(error);
                }
            };
            let traced = stream::poll_fn(move |cx| {
                let _entered = inside.enter();
                let polled = events.poll_next_unpin(cx);
                match &polled {
                    std::task::Poll::Ready(Some(Ok(StreamEvent::Finished(response)))) => {
                        record(&inside, Ok(response));
                    }
                    std::task::Poll::Ready(Some(Err(error))) => record(&inside, Err(error)),
                    _ => {}
                }
                polled
            });
            Ok(traced.boxed())
        };
        Box::pin(work.instrument(span))
    }
}
