//! One call, made and judged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dictum_core::lm::{
    Budget, Call, Lm, LmError, LmErrorKind, Message, Meter, Request, Response, Source, StreamEvent,
};
use futures_util::StreamExt;

use crate::plan::{Part, Plan, answer, question};

/// Time for a call that is in no haste.
const PATIENCE: Duration = Duration::from_secs(60);
/// How late after its deadline a call may end: what the scheduler of a busy machine takes.
pub(crate) const LATE: Duration = Duration::from_secs(1);

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Response, LmError>,
    /// What was wrong with it, whatever the plan was.
    pub(crate) wrong: Option<String>,
    /// How long after its deadline it ended.
    pub(crate) late: Duration,
    /// Calls of the model that were counted for it.
    pub(crate) counted: u64,
}

impl Outcome {
    /// Whether the model was asked for this very answer.
    pub(crate) fn is_own(&self) -> bool {
        self.result
            .as_ref()
            .is_ok_and(|response| response.source == Source::Model)
    }

    pub(crate) fn kind(&self) -> Option<LmErrorKind> {
        self.result.as_ref().err().map(LmError::kind)
    }
}

/// What callers can tell that they have spent, from what they were given.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    tokens: AtomicU64,
    nano_usd: AtomicU64,
}

impl Bill {
    fn add(&self, response: &Response) {
        self.tokens
            .fetch_add(response.usage.total_tokens().unwrap_or(0), Ordering::Relaxed);
        let nano = (response.usage.cost_usd.unwrap_or(0.0) * 1e9).round() as u64;
        self.nano_usd.fetch_add(nano, Ordering::Relaxed);
    }

    /// A stream that broke off after so many bytes of text.
    fn estimate(&self, request: &Request, bytes: usize) {
        let tokens = request.estimated_tokens() + bytes.div_ceil(4) as u64;
        self.tokens.fetch_add(tokens, Ordering::Relaxed);
    }

    pub(crate) fn tokens(&self) -> u64 {
        self.tokens.load(Ordering::Relaxed)
    }

    pub(crate) fn nano_usd(&self) -> u64 {
        self.nano_usd.load(Ordering::Relaxed)
    }
}

/// Makes the call as planned.
pub(crate) async fn make(lm: &Lm, part: Part, plan: &Plan, meter: &Meter, bill: &Bill) -> Outcome {
    let request = Request::new(vec![Message::user(question(part, plan.of))]);
    let deadline = Instant::now() + plan.hasty.unwrap_or(PATIENCE);
    // A budget of its own, so that what it counts can be held against what the server knows of this very call.
    let meter = meter.child(Budget::unlimited());
    let terms = Call {
        meter: Some(meter.clone()),
        deadline: Some(deadline),
        ..Call::default()
    };
    let work = async {
        if plan.streams {
            streamed(lm, &request, &terms, bill).await
        } else {
            let result = lm.complete(&request, &terms).await;
            if let Ok(response) = &result
                && response.source == Source::Model
            {
                bill.add(response);
            }
            (result, None)
        }
    };
    // Far beyond what is allowed: a call that hangs must not hang the run.
    let rope = tokio::time::Instant::from_std(deadline + Duration::from_secs(10));
    let (result, mut wrong) = tokio::time::timeout_at(rope, work).await.unwrap_or_else(|_| {
        let error = LmError::new(LmErrorKind::Internal, "it hangs");
        (Err(error), Some("it hangs".to_owned()))
    });
    let late = deadline.elapsed();
    if late > LATE {
        wrong.get_or_insert_with(|| format!("it ended {} ms after its deadline", late.as_millis()));
    }
    if let Ok(response) = &result
        && let Some(fault) = mistake(part, plan, response)
    {
        wrong.get_or_insert(fault);
    }
    Outcome {
        result,
        wrong,
        late,
        counted: meter.spent().calls,
    }
}

/// Reads a stream to its end, and says what is wrong with how it came.
async fn streamed(
    lm: &Lm,
    request: &Request,
    terms: &Call,
    bill: &Bill,
) -> (Result<Response, LmError>, Option<String>) {
    let mut stream = match lm.stream(request, terms).await {
        Ok(stream) => stream,
        Err(error) => return (Err(error), None),
    };
    let mut text = String::new();
    let mut events = false;
    while let Some(event) = stream.next().await {
        match event {
            Ok(StreamEvent::Text(more)) => {
                events = true;
                text.push_str(&more);
            }
            Ok(StreamEvent::Finished(response)) => {
                if response.source == Source::Model {
                    bill.add(&response);
                }
                let mut wrong = None;
                if text != response.to_text() {
                    wrong = Some("the pieces of the stream don't make up its answer".to_owned());
                }
                if stream.next().await.is_some() {
                    wrong = Some("something comes after the end of the stream".to_owned());
                }
                return (Ok(*response), wrong);
            }
            Ok(_) => events = true,
            Err(error) => {
                if events {
                    bill.estimate(request, text.len());
                }
                let more = stream.next().await.is_some();
                let wrong = more.then(|| "something comes after the error of the stream".to_owned());
                return (Err(error), wrong);
            }
        }
    }
    let error = LmError::new(LmErrorKind::Internal, "no end");
    (
        Err(error),
        Some("the stream ends with neither an answer nor an error".to_owned()),
    )
}

/// What is wrong with an answer.
fn mistake(part: Part, plan: &Plan, response: &Response) -> Option<String> {
    let right = answer(part, plan.of);
    let text = response.to_text();
    if Some(&text) != right.text.as_ref() {
        return Some(format!("the answer is wrong: {text:?}"));
    }
    let usage = &response.usage;
    let told = [usage.input_tokens, usage.cached_tokens, usage.output_tokens];
    let [input, cached, output, _] = right.usage.unwrap_or_default();
    if told != [Some(input), Some(cached), Some(output)] {
        return Some(format!(
            "the usage is wrong: {told:?}, not {:?}",
            [input, cached, output]
        ));
    }
    None
}
