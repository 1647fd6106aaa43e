//! The layer that journals the calls of one rollout, and answers those an earlier process made.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use dictum_core::lm::{
    Budget, Call, Capabilities, Digest, LanguageModel, Layer, Lm, LmError, LmErrorKind, Request, Response,
    Source, Usage,
};
use futures_util::future::BoxFuture;

use super::{CallLine, CallResult, Journal};

/// One rollout's view of the journal. Calls are told apart by rollout, request and how often the rollout had made the same
/// request before, never by when they ended.
///
/// Rollouts that differ in thresholds alone share their calls: the same request is answered as it was for the first of them,
/// and costs nothing again. What the program does otherwise, such as asking further, is another call.
#[derive(Debug)]
pub(crate) struct Scope {
    key: String,
    /// What its calls are shared under.
    shared: Option<String>,
    journal: Arc<Journal>,
    occurrences: Mutex<HashMap<Digest, u32>>,
    refused: AtomicBool,
    outage: Mutex<Option<LmError>>,
}

impl Scope {
    pub(crate) fn new(key: &str, shared: Option<&str>, journal: Arc<Journal>) -> Arc<Self> {
        Arc::new(Self {
            key: key.to_owned(),
            shared: shared.map(str::to_owned),
            journal,
            occurrences: Mutex::default(),
            refused: AtomicBool::new(false),
            outage: Mutex::default(),
        })
    }

    /// Whether a call was refused because a budget was spent, whatever the program made of that.
    pub(crate) fn refused(&self) -> bool {
        self.refused.load(Ordering::Acquire)
    }

    /// The last failure of a call that another time would not meet: of the network, the provider, the account.
    pub(crate) fn outage(&self) -> Option<LmError> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes note of a failed call.
    fn failed(&self, error: &LmError) {
        use LmErrorKind::{
            Auth, Billing, Budget, Cancelled, Decode, Internal, RateLimit, Server, Timeout, Transport,
        };
        match error.kind() {
            Budget => {
                self.refused.store(true, Ordering::Release);
                if let Some(earlier) = error.earlier() {
                    self.failed(earlier);
                }
            }
            Auth | Billing | Cancelled | Decode | Internal | RateLimit | Server | Timeout | Transport => {
                *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
            }
            _ if not_there(error) => {
                *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
            }
            _ => {}
        }
    }

    fn occurrence(&self, digest: Digest) -> u32 {
        let mut occurrences = self.occurrences.lock().unwrap_or_else(PoisonError::into_inner);
        let count = occurrences.entry(digest).or_default();
        *count += 1;
        *count - 1
    }
}

/// Puts a [`Scope`] around a model, outermost: what caches and retries do counts as it did the first time.
pub(crate) struct JournalLayer {
    scope: Arc<Scope>,
    /// The model's name in the roster; `None` for the context's own.
    name: Option<String>,
}

impl JournalLayer {
    pub(crate) fn new(scope: Arc<Scope>, name: Option<&str>) -> Self {
        Self {
            scope,
            name: name.map(str::to_owned),
        }
    }
}

impl Layer for JournalLayer {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        // Two of a roster may be the same model with other settings: their answers are not each other's.
        let identity = match self.name {
            None => inner.name().to_owned(),
            Some(name) => format!("{} as {name}", inner.name()),
        };
        Arc::new(Journaled {
            inner,
            identity,
            scope: self.scope,
        })
    }
}

#[derive(Debug)]
struct Journaled {
    inner: Lm,
    /// What its calls are journaled under.
    identity: String,
    scope: Arc<Scope>,
}

impl Journaled {
    /// Answers from the journal. What the call cost then counts again, so that a resumed run ends where an uninterrupted
    /// one does, but for what another rollout paid.
    fn replay(&self, line: &CallLine, call: &Call) -> Result<Response, LmError> {
        let own = line.rollout == self.scope.key;
        let meter = call.meter.as_ref().filter(|_| own);
        if let Some(meter) = meter {
            for _ in 0..line.spent {
                meter.begin()?;
            }
        }
        let (usage, result) = match &line.result {
            CallResult::Response(response) => {
                let mut response = (**response).clone();
                response.source = if own { Source::Replay } else { Source::Cache };
                response.attempts = 0;
                (response.usage, Ok(response))
            }
            CallResult::Refused(kind, message) => {
                let kind = lasting_kinds().find(|known| known.name() == kind);
                let kind = kind.unwrap_or(LmErrorKind::InvalidRequest);
                let error = LmError::new(kind, message.clone()).with_model(self.inner.name());
                (Usage::default(), Err(error))
            }
        };
        if let Some(meter) = meter
            && line.spent > 0
        {
            meter.end(&usage);
        }
        result
    }
}

/// Whether a server has no such model or address: that is how the run was set up, not what was asked.
pub(crate) fn not_there(error: &LmError) -> bool {
    error.status() == Some(404)
}

/// The failures that the same request would meet again.
fn lasting_kinds() -> impl Iterator<Item = LmErrorKind> {
    use LmErrorKind::{ContentFilter, ContextWindow, InvalidRequest, Unsupported};
    [ContentFilter, ContextWindow, InvalidRequest, Unsupported].into_iter()
}

impl LanguageModel for Journaled {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let digest = request.digest(&self.identity);
            let occurrence = self.scope.occurrence(digest);
            let group = self.scope.shared.as_ref().unwrap_or(&self.scope.key);
            let known = self.scope.journal.call(group, digest, occurrence);
            let result = match known {
                Some(line) => self.replay(&line, call),
                None => self.ask(request, call, digest, occurrence).await,
            };
            if let Err(error) = &result {
                self.scope.failed(error);
            }
            result
        })
    }
}

impl Journaled {
    async fn ask(
        &self,
        request: &Request,
        call: &Call,
        digest: Digest,
        occurrence: u32,
    ) -> Result<Response, LmError> {
        // A meter of the call's own tells how many physical calls it takes.
        let own = call.meter.as_ref().map(|meter| meter.child(Budget::unlimited()));
        let call = Call {
            meter: own.clone(),
            ..call.clone()
        };
        let result = self.inner.complete(request, &call).await;
        let line = match &result {
            Ok(response) => Some(CallResult::Response(Box::new(response.clone()))),
            Err(error) if !not_there(error) && lasting_kinds().any(|kind| kind == error.kind()) => Some(
                CallResult::Refused(error.kind().name().to_owned(), error.message().to_owned()),
            ),
            Err(_) => None,
        };
        if let Some(result) = line {
            self.scope.journal.add_call(CallLine {
                rollout: self.scope.key.clone(),
                shared: self.scope.shared.clone(),
                digest,
                occurrence,
                spent: own.map_or(0, |meter| meter.spent().calls),
                result,
            });
        }
        result
    }
}
