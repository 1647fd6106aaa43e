//! Models that answer in process.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dictum_core::lm::{Call, Capabilities, LanguageModel, Lm, LmError, LmErrorKind, Request, Response};
use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture};

type Answer = dyn Fn(&Request) -> Result<Response, LmError> + Send + Sync;

/// A model that answers from a closure or a list. Clones count and answer together, so that a test keeps one to look at.
#[derive(Clone)]
pub struct CannedLm {
    name: Arc<str>,
    capabilities: Capabilities,
    delay: Option<Duration>,
    answer: Arc<Answer>,
    calls: Arc<AtomicUsize>,
    kept: Option<Arc<Mutex<Vec<Request>>>>,
}

impl CannedLm {
    /// A model that answers as the closure says.
    pub fn new(answer: impl Fn(&Request) -> Result<Response, LmError> + Send + Sync + 'static) -> Self {
        Self {
            name: "test/canned".into(),
            capabilities: Capabilities::default(),
            delay: None,
            answer: Arc::new(answer),
            calls: Arc::default(),
            kept: None,
        }
    }

    /// A model that always answers this text.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(move |_| Ok(Response::text(text.clone())))
    }

    /// A model that answers these texts one after the other, then fails with [`LmErrorKind::Replay`].
    pub fn texts(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let texts: VecDeque<String> = texts.into_iter().map(Into::into).collect();
        let texts = Mutex::new(texts);
        Self::new(move |_| {
            let next = texts.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            next.map(Response::text)
                .ok_or_else(|| LmError::new(LmErrorKind::Replay, "the canned answers are used up"))
        })
    }

    /// The same under another name, as `provider/model`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// The same with these capabilities.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// The same, each answer this much later.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// The same, keeping the requests for [`CannedLm::requests`].
    #[must_use]
    pub fn keeping_requests(mut self) -> Self {
        self.kept = Some(Arc::default());
        self
    }

    /// How many calls were made.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Acquire)
    }

    /// The requests so far, if they are kept.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        let kept = self.kept.as_ref();
        kept.map(|kept| kept.lock().unwrap_or_else(PoisonError::into_inner).clone())
            .unwrap_or_default()
    }

    /// The model as a handle, without layers.
    #[must_use]
    pub fn lm(&self) -> Lm {
        Lm::new(self.clone())
    }
}

impl fmt::Debug for CannedLm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CannedLm")
            .field("name", &self.name)
            .field("calls", &self.calls())
            .finish_non_exhaustive()
    }
}

impl LanguageModel for CannedLm {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn complete<'a>(&'a self, request: &'a Request, _: &'a Call) -> BoxFuture<'a, Result<Response, LmError>> {
        self.calls.fetch_add(1, Ordering::AcqRel);
        if let Some(kept) = &self.kept {
            kept.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(request.clone());
        }
        let result = (self.answer)(request);
        match self.delay {
            None => future::ready(result).boxed(),
            Some(delay) => async move {
                tokio::time::sleep(delay).await;
                result
            }
            .boxed(),
        }
    }
}
