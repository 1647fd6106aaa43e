//! Tests of the layers against a model that misbehaves as it is told.

mod cache;
mod cassette;
mod coalesce;
mod limits;
mod retry;
mod spans;
mod stack;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, stream};

use crate::lm::*;

/// What the model does with a call.
#[derive(Clone)]
pub(super) enum Step {
    Say(String),
    SayAfter(Duration, String),
    Fail(LmError),
    /// One event, then this failure; a call just fails.
    Break(LmError),
    Hang,
}

pub(super) fn say(text: impl Into<String>) -> Step {
    Step::Say(text.into())
}

pub(super) fn fail(kind: LmErrorKind) -> Step {
    Step::Fail(LmError::new(kind, "told to"))
}

#[derive(Default, Debug)]
pub(super) struct Seen {
    pub(super) begun: AtomicUsize,
    pub(super) in_flight: AtomicUsize,
    pub(super) most_in_flight: AtomicUsize,
    pub(super) cancelled: AtomicUsize,
}

impl Seen {
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    pub(super) fn cancelled(&self) -> usize {
        self.cancelled.load(Ordering::SeqCst)
    }
}

type Script = dyn Fn(usize, &Request) -> Step + Send + Sync;

/// A model that goes by a script: the number of the call, from 0, and the request give the step.
pub(super) struct Scripted {
    script: Box<Script>,
    seen: Arc<Seen>,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

pub(super) fn model(script: impl Fn(usize, &Request) -> Step + Send + Sync + 'static) -> (Lm, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let model = Scripted {
        script: Box::new(script),
        seen: Arc::clone(&seen),
    };
    (Lm::new(model), seen)
}

/// A call under way; dropped before it is done, it was cancelled.
struct Flight {
    seen: Arc<Seen>,
    done: bool,
}

impl Flight {
    fn end(&mut self, done: bool) {
        self.done = done;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.seen.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !self.done {
            self.seen.cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Scripted {
    fn begin(&self, request: &Request) -> (Step, Flight) {
        let n = self.seen.begun.fetch_add(1, Ordering::SeqCst);
        let now = self.seen.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.seen.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let flight = Flight {
            seen: Arc::clone(&self.seen),
            done: false,
        };
        ((self.script)(n, request), flight)
    }
}

fn answer(text: String) -> Response {
    Response {
        usage: Usage {
            input_tokens: Some(10),
            output_tokens: Some(5),
            ..Usage::default()
        },
        ..Response::text(text)
    }
}

impl LanguageModel for Scripted {
    fn name(&self) -> &str {
        "test/scripted"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn complete<'a>(&'a self, request: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        let (step, mut flight) = self.begin(request);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let result = match step {
                Step::Say(text) => Ok(answer(text)),
                Step::SayAfter(time, text) => {
                    tokio::time::sleep(time).await;
                    Ok(answer(text))
                }
                Step::Fail(error) | Step::Break(error) => Err(error),
                Step::Hang => std::future::pending().await,
            };
            flight.end(true);
            result
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        _: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        let (step, mut flight) = self.begin(request);
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let items: Vec<Result<StreamEvent, LmError>> = match &step {
                Step::Say(text) | Step::SayAfter(_, text) => {
                    let mut items: Vec<_> = text
                        .split_inclusive(' ')
                        .map(|word| Ok(StreamEvent::Text(word.to_owned())))
                        .collect();
                    items.push(Ok(StreamEvent::Finished(Box::new(answer(text.clone())))));
                    items
                }
                Step::Fail(error) => {
                    flight.end(true);
                    return Err(error.clone());
                }
                Step::Break(error) => vec![Ok(StreamEvent::Text("half".to_owned())), Err(error.clone())],
                Step::Hang => vec![Ok(StreamEvent::Text("half".to_owned()))],
            };
            let end = matches!(step, Step::Hang);
            let events = stream::unfold((items.into_iter(), flight), move |(mut items, mut flight)| {
                let step = step.clone();
                async move {
                    if let Step::SayAfter(time, _) = step {
                        tokio::time::sleep(time).await;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    match items.next() {
                        Some(item) => {
                            flight.end(matches!(item, Err(_) | Ok(StreamEvent::Finished(_))));
                            Some((item, (items, flight)))
                        }
                        None if end => std::future::pending().await,
                        None => None,
                    }
                }
            });
            Ok(events.boxed())
        })
    }
}

pub(super) fn ask(text: &str) -> Request {
    Request::new(vec![Message::user(text)])
}

/// Reads a stream to its end: the text that came in pieces, and the answer.
pub(super) async fn read(stream: Result<ResponseStream, LmError>) -> Result<(String, Response), LmError> {
    let mut stream = stream?;
    let mut text = String::new();
    while let Some(event) = stream.next().await {
        match event? {
            StreamEvent::Text(more) => text.push_str(&more),
            StreamEvent::Finished(response) => {
                assert!(stream.next().await.is_none(), "nothing comes after the end");
                return Ok((text, *response));
            }
            _ => {}
        }
    }
    panic!("a stream must end with an answer or an error");
}

/// Runs both ways to call, so that what holds for one is tested for the other.
pub(super) async fn call(
    lm: &Lm,
    streams: bool,
    request: &Request,
    terms: &Call,
) -> Result<Response, LmError> {
    if streams {
        let (text, response) = read(lm.stream(request, terms).await).await?;
        assert_eq!(text, response.to_text(), "the pieces make up the answer");
        Ok(response)
    } else {
        lm.complete(request, terms).await
    }
}
