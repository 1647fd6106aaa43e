//! A span per call.

mod content;

use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::hand_on;
use crate::lm::{
    Call, FinishReason, LanguageModel, Layer, Lm, LmError, Request, Response, ResponseFormat, ResponseStream,
    Source, StreamEvent,
};

/// Opens a [`tracing`] span for each call, with the attribute names of OpenTelemetry's conventions for generative AI: model,
/// settings, tokens, finish reason, kind of error. Of what was said, asked or answered, nothing, unless
/// [`Tracing::with_content`] asks for it.
///
/// The span is named `chat`, on target `dictum::lm`, at level INFO. A stream's span lasts as long as the stream.
///
/// Beside the conventions' own attributes there are `dictum.source` (`model`, `cache`, `replay` or `shared`),
/// `dictum.attempts` (how often the model was asked) and `dictum.cost_usd`. Counts are signed integers, since exporters
/// write unsigned ones as text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tracing {
    content: Option<usize>,
}

impl Tracing {
    /// Spans without what was said.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with the messages and the answer in `gen_ai.input.messages` and `gen_ai.output.messages`, as JSON text of at
    /// most about `max_bytes` of content each: the latest messages first, what does not fit left out with a note. Media are
    /// told by their kind and size.
    ///
    /// Whoever reads the spans reads the users' texts then. 32 KiB is a good size: many collectors cut longer values.
    #[must_use]
    pub fn with_content(mut self, max_bytes: usize) -> Self {
        self.content = Some(max_bytes);
        self
    }
}

impl Layer for Tracing {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Traced {
            inner,
            content: self.content,
        })
    }
}

#[derive(Debug)]
struct Traced {
    inner: Lm,
    content: Option<usize>,
}

impl Traced {
    fn span(&self, request: &Request, streams: bool) -> Span {
        let name = self.inner.name();
        let (provider, model) = name.split_once('/').unwrap_or(("", name));
        let settings = &request.settings;
        let span = tracing::info_span!(
            target: "dictum::lm",
            "chat",
            otel.name = format_args!("chat {model}"),
            otel.kind = "client",
            otel.status_code = Empty,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = known_name(provider),
            gen_ai.request.model = model,
            gen_ai.request.temperature = settings.temperature,
            gen_ai.request.top_p = settings.top_p,
            gen_ai.request.max_tokens = settings.max_tokens.map(i64::from),
            gen_ai.request.seed = settings.seed.map(signed),
            gen_ai.request.stop_sequences = Empty,
            gen_ai.request.stream = streams,
            gen_ai.output.r#type = output_type(request),
            gen_ai.response.id = Empty,
            gen_ai.response.model = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.response.time_to_first_chunk = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            gen_ai.usage.cache_creation.input_tokens = Empty,
            gen_ai.usage.reasoning.output_tokens = Empty,
            gen_ai.input.messages = Empty,
            gen_ai.output.messages = Empty,
            error.r#type = Empty,
            dictum.source = Empty,
            dictum.attempts = Empty,
            dictum.cost_usd = Empty,
        );
        if !span.is_disabled() {
            if !settings.stop.is_empty() {
                let stop = serde_json::to_string(&settings.stop).unwrap_or_default();
                span.record("gen_ai.request.stop_sequences", stop);
            }
            if let Some(max) = self.content {
                span.record("gen_ai.input.messages", content::input(request, max));
            }
        }
        span
    }
}

fn record(span: &Span, result: Result<&Response, &LmError>, content: Option<usize>) {
    let response = match result {
        Ok(response) => response,
        Err(error) => {
            span.record("error.type", error.kind().name());
            span.record("otel.status_code", "ERROR");
            span.record("dictum.attempts", i64::from(error.attempts()));
            return;
        }
    };
    span.record("dictum.source", source_name(response.source));
    span.record("dictum.attempts", i64::from(response.attempts));
    span.record("gen_ai.response.finish_reasons", finish_name(&response.finish));
    if !response.model.is_empty() {
        span.record("gen_ai.response.model", response.model.as_str());
    }
    if let Some(id) = response_id(response) {
        span.record("gen_ai.response.id", id);
    }
    let usage = &response.usage;
    for (name, tokens) in [
        ("gen_ai.usage.input_tokens", usage.input_tokens),
        ("gen_ai.usage.output_tokens", usage.output_tokens),
        ("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens),
        (
            "gen_ai.usage.cache_creation.input_tokens",
            usage.cache_write_tokens,
        ),
        ("gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens),
    ] {
        if let Some(tokens) = tokens {
            span.record(name, signed(tokens));
        }
    }
    if let Some(cost) = usage.cost_usd {
        span.record("dictum.cost_usd", cost);
    }
    if let Some(max) = content {
        let finish = finish_name(&response.finish);
        span.record(
            "gen_ai.output.messages",
            content::output(&response.parts, finish, max),
        );
    }
}

/// A provider as the conventions name it, where they do.
fn known_name(provider: &str) -> &str {
    match provider {
        "bedrock" => "aws.bedrock",
        "gemini" => "gcp.gemini",
        "mistral" => "mistral_ai",
        "responses" => "openai",
        other => other,
    }
}

fn output_type(request: &Request) -> &'static str {
    match request.response_format.as_deref() {
        Some(ResponseFormat::JsonObject | ResponseFormat::JsonSchema { .. }) => "json",
        None => "text",
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The provider's id of an answer, where its payload has one.
fn response_id(response: &Response) -> Option<String> {
    let raw = response.raw.as_ref()?.value();
    ["id", "responseId"]
        .iter()
        .find_map(|name| raw.get(name)?.as_str().map(str::to_owned))
}

pub(crate) fn source_name(source: Source) -> &'static str {
    match source {
        Source::Model => "model",
        Source::Cache => "cache",
        Source::Replay => "replay",
        Source::Shared => "shared",
    }
}

pub(crate) fn finish_name(finish: &FinishReason) -> &str {
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
            record(&inside, result.as_ref(), self.content);
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
        let begun = Instant::now();
        let inside = span.clone();
        let work = async move {
            let mut events = match self.inner.model().stream(request, call).await {
                Ok(events) => events,
                Err(error) => {
                    record(&inside, Err(&error), self.content);
                    return Err(error);
                }
            };
            let content = self.content;
            let mut first = true;
            let traced = stream::poll_fn(move |cx| {
                let _entered = inside.enter();
                let polled = events.poll_next_unpin(cx);
                if first && matches!(polled, Poll::Ready(Some(Ok(_)))) {
                    first = false;
                    inside.record(
                        "gen_ai.response.time_to_first_chunk",
                        begun.elapsed().as_secs_f64(),
                    );
                }
                match &polled {
                    Poll::Ready(Some(Ok(StreamEvent::Finished(response)))) => {
                        record(&inside, Ok(response), content);
                    }
                    Poll::Ready(Some(Err(error))) => record(&inside, Err(error), content),
                    _ => {}
                }
                polled
            });
            Ok(traced.boxed())
        };
        Box::pin(work.instrument(span))
    }
}
