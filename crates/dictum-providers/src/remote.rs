//! A model behind HTTP, whatever its dialect: the one place where calls are made and streams are read.

use bytes::Bytes;
use dictum_core::lm::{
    Call, Capabilities, Digest, LanguageModel, LmError, Payload, RateLimits, Request, Response,
    ResponseStream, Settings, StreamEvent,
};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream as streams};
use serde_json::Value;

use crate::dialect::{Assemble, Dialect, Framing, Outgoing};
use crate::http::{Answer, Http};
use crate::json::{self, Borrowed, Json};
use crate::learned::{self, Learned};
use crate::{Prices, refusal, wire};

/// A model behind HTTP, in one of the dialects. One attempt per call; see [`layers`](dictum_core::lm::layers) for the rest.
///
/// A model that refuses a parameter a call can do without (`temperature`, `top_p`, `seed`, `reasoning_effort`) is asked again
/// without it, which counts against the budget, and is not sent it from then on.
#[derive(Debug)]
pub struct Remote<D> {
    /// The provider and the model.
    pub(crate) name: String,
    /// Digest of the address, the default settings and the dialect's options.
    pub(crate) variant: Digest,
    pub(crate) dialect: D,
    pub(crate) settings: Settings,
    pub(crate) capabilities: Capabilities,
    pub(crate) http: Http,
    pub(crate) learned: Learned,
    pub(crate) prices: Prices,
}

#[expect(private_bounds, reason = "what a dialect is made of is not public")]
impl<D: Dialect> Remote<D> {
    /// Sends a call and gives its answer, not read yet, and how many times it was sent.
    async fn ask(&self, request: &Request, call: &Call, streams: bool) -> Result<(Answer, u32), LmError> {
        let mut settings = request.settings.over(&self.settings);
        self.learned.apply(&mut settings);
        let mut attempts = 1;
        // Every round takes a parameter away, so there are few.
        loop {
            let error = match self.send(request, &settings, streams).await {
                Ok(answer) => return Ok((answer, attempts)),
                Err(error) => error,
            };
            let Some(parameter) = learned::refused(&error, &settings) else {
                return Err(error.with_attempts(attempts));
            };
            if self.learned.add(parameter) {
                tracing::warn!(
                    model = self.name,
                    parameter = parameter.name(),
                    "the model refuses this parameter; it is left out from now on"
                );
            }
            self.learned.apply(&mut settings);
            // A further physical call: it counts like any other.
            if let Some(meter) = &call.meter {
                meter.begin().map_err(|spent| spent.after(&error))?;
            }
            attempts += 1;
        }
    }

    async fn send(&self, request: &Request, settings: &Settings, streams: bool) -> Result<Answer, LmError> {
        let body = self.written(request, settings, streams)?;
        let sign = |outgoing: &mut Outgoing<'_>| self.dialect.sign(outgoing);
        self.http.post(body, streams, sign, D::refused).await
    }

    fn written(&self, request: &Request, settings: &Settings, streams: bool) -> Result<Vec<u8>, LmError> {
        let body = self.dialect.body(request, settings, streams)?;
        let mut bytes = Vec::with_capacity(room(request));
        serde_json::to_writer(&mut bytes, &body).map_err(wire::unwritable)?;
        Ok(bytes)
    }

    async fn completed(&self, request: &Request, call: &Call) -> Result<Response, LmError> {
        let (answer, attempts) = self.ask(request, call, false).await?;
        let bytes = answer.whole().await?;
        let not_json = || refusal::not_json(&self.http.redact(&String::from_utf8_lossy(&bytes)));
        let text = std::str::from_utf8(&bytes).map_err(|_| not_json())?;
        let mut response = if json::borrows_numbers() {
            let payload: Borrowed<'_> = serde_json::from_str(text).map_err(|_| not_json())?;
            self.read(&payload)?
        } else {
            let payload: Value = serde_json::from_str(text).map_err(|_| not_json())?;
            self.read(&payload)?
        };
        response.attempts = attempts;
        response.raw = Some(Payload::from_text(text));
        Ok(response)
    }

    fn read<J: Json>(&self, payload: &J) -> Result<Response, LmError> {
        let mut response = self.dialect.response(payload)?;
        self.prices.fill(&self.name, &mut response, payload);
        Ok(response)
    }
}

/// About how many bytes a request's body is, a little too many rather than too few: a buffer that grows is copied, and large ones
/// are not at hand.
fn room(request: &Request) -> usize {
    let tokens = usize::try_from(request.estimated_tokens()).unwrap_or_default();
    tokens.saturating_mul(5).saturating_add(512)
}

impl<D: Dialect> LanguageModel for Remote<D> {
    fn name(&self) -> &str {
        &self.name
    }

    fn variant(&self) -> Option<Digest> {
        Some(self.variant)
    }

    fn default_settings(&self) -> Option<&Settings> {
        Some(&self.settings)
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn rate_limits(&self) -> Option<RateLimits> {
        self.http.rate_limits()
    }

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            self.completed(request, call)
                .await
                .map_err(|error| named(error, &self.name, &self.http))
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let (answer, attempts) = self
                .ask(request, call, true)
                .await
                .map_err(|error| named(error, &self.name, &self.http))?;
            let (name, http, prices) = (self.name.clone(), self.http.clone(), self.prices.clone());
            let reading = Reading::<D> {
                chunks: answer.chunks(),
                framing: D::Framing::default(),
                assembler: self.dialect.assembler(),
            };
            let batches = streams::unfold(Some(reading), |reading| async move {
                let mut reading = reading?;
                let mut events = Vec::new();
                let result = reading.next(&mut events).await;
                let more = matches!(result, Ok(true));
                let batch = events.into_iter().map(Ok).chain(result.err().map(Err));
                let batch: Vec<Result<StreamEvent, LmError>> = batch.collect();
                Some((streams::iter(batch), more.then_some(reading)))
            });
            let events = batches.flatten().map(move |event| match event {
                Ok(StreamEvent::Finished(mut response)) => {
                    response.attempts = attempts;
                    let payload = response.raw.as_ref().map(Payload::value).unwrap_or_default();
                    prices.fill(&name, &mut response, &payload);
                    Ok(StreamEvent::Finished(response))
                }
                event => event.map_err(|error| named(error, &name, &http)),
            });
            Ok(events.boxed())
        })
    }
}

/// An error of this model, without its keys, whatever the server quoted.
pub(crate) fn named(error: LmError, name: &str, http: &Http) -> LmError {
    let message = http.redact(error.message());
    if message == error.message() {
        return error.with_model(name);
    }
    let mut clean = LmError::new(error.kind(), message).with_model(name);
    if let Some(status) = error.status() {
        clean = clean.with_status(status);
    }
    if let Some(wait) = error.retry_after() {
        clean = clean.with_retry_after(wait);
    }
    clean
}

/// A stream being read.
struct Reading<D: Dialect> {
    chunks: BoxStream<'static, Result<Bytes, LmError>>,
    framing: D::Framing,
    assembler: D::Assembler,
}

impl<D: Dialect> Reading<D> {
    /// Reads on and adds what came, before an error too. False at the end; and the end is the end, also when the server keeps
    /// the connection open after it.
    async fn next(&mut self, out: &mut Vec<StreamEvent>) -> Result<bool, LmError> {
        let mut frames = Vec::new();
        let Some(chunk) = self.chunks.next().await else {
            let framed = self.framing.finish(&mut frames);
            self.take(frames, out)?;
            if !self.assembler.is_done() {
                framed?;
                self.assembler.finish(out)?;
            }
            return Ok(false);
        };
        let framed = self.framing.push(&chunk?, &mut frames);
        self.take(frames, out)?;
        if self.assembler.is_done() {
            return Ok(false);
        }
        framed?;
        Ok(true)
    }

    fn take(
        &mut self,
        frames: Vec<<D::Framing as Framing>::Frame>,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), LmError> {
        for frame in frames {
            if self.assembler.is_done() {
                break;
            }
            self.assembler.frame(frame, out)?;
        }
        Ok(())
    }
}
