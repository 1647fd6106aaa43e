//! Models that answer in process.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dictum_core::lm::{
    Call, Capabilities, LanguageModel, Lm, LmError, LmErrorKind, Part, Request, Response, ResponseStream,
    StreamEvent,
};
use futures_util::future::{self, BoxFuture};
use futures_util::{FutureExt, StreamExt, stream};

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
    piece: Option<usize>,
    pieces: Arc<AtomicUsize>,
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
            piece: None,
            pieces: Arc::default(),
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

    /// The same, streaming its texts in pieces of this many characters (0 is taken as 1), other tasks running between them.
    #[must_use]
    pub fn in_pieces(mut self, characters: usize) -> Self {
        self.piece = Some(characters.max(1));
        self
    }

    /// How many pieces of text were streamed so far, over all calls.
    #[must_use]
    pub fn pieces(&self) -> usize {
        self.pieces.load(Ordering::Acquire)
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

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        async move {
            let response = self.complete(request, call).await?;
            let text = response.to_text();
            let chars: Vec<char> = text.chars().collect();
            let mut pieces: Vec<String> = match self.piece {
                Some(length) => chars.chunks(length).map(|piece| piece.iter().collect()).collect(),
                None => vec![text],
            };
            pieces.retain(|piece| !piece.is_empty());
            let others = response.parts.iter().filter_map(|part| match part {
                Part::Reasoning { text, .. } => Some(StreamEvent::Reasoning(text.clone())),
                Part::ToolCall { id, name, arguments } => Some(StreamEvent::ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: arguments.clone(),
                }),
                _ => None,
            });
            let others: Vec<StreamEvent> = others.collect();
            let streamed = self.pieces.clone();
            let texts = stream::iter(pieces).then(move |piece| {
                streamed.fetch_add(1, Ordering::AcqRel);
                async move {
                    tokio::task::yield_now().await;
                    StreamEvent::Text(piece)
                }
            });
            let end = StreamEvent::Finished(Box::new(response));
            Ok(stream::iter(others)
                .chain(texts)
                .chain(stream::iter([end]))
                .map(Ok)
                .boxed())
        }
        .boxed()
    }
}
