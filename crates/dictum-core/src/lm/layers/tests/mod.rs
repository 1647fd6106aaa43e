//! Tests of the layers against a model that misbehaves as it is told.

mod adaptive;
mod budget;
mod cache;
mod cassette;
mod circuit;
mod coalesce;
mod fallback;
mod limits;
mod rate_limit;
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
    /// Calls refused because they were too many.
    pub(super) refused: AtomicUsize,
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
    account: Option<Account>,
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
        account: None,
    };
    (Lm::new(model), seen)
}

/// A model whose provider allows so many requests a minute, refuses what is more, and tells what is left with each answer.
pub(super) fn model_with_limits(
    a_minute: u64,
    script: impl Fn(usize, &Request) -> Step + Send + Sync + 'static,
) -> (Lm, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let model = Scripted {
        script: Box::new(script),
        seen: Arc::clone(&seen),
        account: Some(Account::new(a_minute)),
    };
    (Lm::new(model), seen)
}

/// A model that takes so long for an answer and refuses at once what is more than so many at a time.
pub(super) fn model_that_refuses_beyond(hidden: usize, time: Duration) -> (Lm, Arc<Seen>) {
    let shared: Arc<std::sync::OnceLock<Arc<Seen>>> = Arc::default();
    let inside = Arc::clone(&shared);
    let (lm, seen) = model(move |_, _| {
        let seen = inside.get().unwrap();
        if seen.in_flight.load(Ordering::SeqCst) > hidden {
            seen.refused.fetch_add(1, Ordering::SeqCst);
            return fail(LmErrorKind::RateLimit);
        }
        Step::SayAfter(time, "x".to_owned())
    });
    shared.set(Arc::clone(&seen)).unwrap();
    (lm, seen)
}

/// What an account has left, as providers count it.
struct Account {
    a_minute: f64,
    level: std::sync::Mutex<(f64, tokio::time::Instant)>,
    told: std::sync::Mutex<Option<RateLimits>>,
}

impl Account {
    fn new(a_minute: u64) -> Self {
        let level = (a_minute as f64, tokio::time::Instant::now());
        Self {
            a_minute: a_minute as f64,
            level: std::sync::Mutex::new(level),
            told: std::sync::Mutex::default(),
        }
    }

    fn level(&self) -> f64 {
        let now = tokio::time::Instant::now();
        let mut level = self.level.lock().unwrap();
        let back = (now - level.1).as_secs_f64() * self.a_minute / 60.0;
        *level = ((level.0 + back).min(self.a_minute), now);
        level.0
    }

    fn take(&self) -> bool {
        let enough = self.level() >= 1.0;
        if enough {
            self.level.lock().unwrap().0 -= 1.0;
        }
        let left = self.level();
        *self.told.lock().unwrap() = Some(RateLimits {
            requests: Some(Allowance {
                limit: Some(self.a_minute as u64),
                remaining: Some(left.max(0.0) as u64),
                resets_in: Some(Duration::from_secs_f64(
                    (self.a_minute - left) / self.a_minute * 60.0,
                )),
            }),
            ..RateLimits::new(tokio::time::Instant::now().into_std())
        });
        enough
    }
}

/// A call under way; dropped before it is done, it was cancelled.
struct Flight {
    seen: Arc<Seen>,
    done: bool,
}

impl Flight {
    fn end(&mut self, done: bool) {
        if done && !self.done {
            self.seen.in_flight.fetch_sub(1, Ordering::SeqCst);
        }
        self.done |= done;
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.done {
            self.seen.in_flight.fetch_sub(1, Ordering::SeqCst);
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
        if self.account.as_ref().is_some_and(|account| !account.take()) {
            self.seen.refused.fetch_add(1, Ordering::SeqCst);
            return (fail(LmErrorKind::RateLimit), flight);
        }
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

    fn rate_limits(&self) -> Option<RateLimits> {
        *self.account.as_ref()?.told.lock().unwrap()
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
