//! Keeping answers.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, future};

use super::hand_on;
use crate::lm::response::replayed;
use crate::lm::{
    Call, Digest, FinishReason, LanguageModel, Layer, Lm, LmError, Request, Response, ResponseStream, Source,
    StreamEvent,
};

/// Where a [`Cache`] keeps answers. Never fails a call: what can't be read is not there, what can't be written is lost.
///
/// A store that waits for a disk or a network does so in the future it returns, off the caller's thread.
pub trait Store: Send + Sync + fmt::Debug {
    /// The answer kept under this key. A damaged entry is none.
    fn get<'a>(&'a self, key: &'a Digest) -> BoxFuture<'a, Option<Response>>;

    /// Keeps an answer under this key, in place of the one that was there. When the future ends, the answer is kept or given up.
    fn put<'a>(&'a self, key: &'a Digest, response: &'a Response) -> BoxFuture<'a, ()>;
}

/// Answers in memory, the least useful dropped when it is full.
///
/// A provider's raw payload is kept as text, which takes a fraction of the memory of the JSON tree, and is read again for a hit.
pub struct MemoryStore {
    entries: quick_cache::sync::Cache<Digest, Arc<Entry>>,
}

struct Entry {
    /// The answer without its raw payload.
    response: Response,
    raw: Option<Box<[u8]>>,
}

impl Entry {
    fn of(response: &Response) -> Self {
        let raw = response.raw.as_ref().and_then(|raw| serde_json::to_vec(raw).ok());
        Self {
            response: Response {
                parts: response.parts.clone(),
                finish: response.finish.clone(),
                model: response.model.clone(),
                raw: None,
                ..*response
            },
            raw: raw.map(Vec::into_boxed_slice),
        }
    }

    fn response(&self) -> Response {
        let raw = self.raw.as_ref().and_then(|raw| serde_json::from_slice(raw).ok());
        Response {
            raw: raw.map(Arc::new),
            ..self.response.clone()
        }
    }
}

impl MemoryStore {
    /// A store of at most this many answers.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: quick_cache::sync::Cache::new(capacity),
        }
    }

    /// How many answers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops all answers.
    pub fn clear(&self) {
        self.entries.clear();
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("capacity", &self.entries.capacity())
            .finish()
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a Digest) -> BoxFuture<'a, Option<Response>> {
        let found = self.entries.get(key).map(|entry| entry.response());
        future::ready(found).boxed()
    }

    fn put<'a>(&'a self, key: &'a Digest, response: &'a Response) -> BoxFuture<'a, ()> {
        self.entries.insert(*key, Arc::new(Entry::of(response)));
        future::ready(()).boxed()
    }
}

/// Answers identical calls from a [`Store`], as the call's [`CachePolicy`](crate::lm::CachePolicy) allows.
///
/// Calls are identical when [`Request::digest`] says so: the same model, messages, settings and sample. A hit has
/// [`Source::Cache`] and 0 attempts, and counts against no budget. Errors, broken-off streams and answers that a filter cut
/// are not kept. Two of these layers, memory around disk, make two tiers: the outer keeps what the inner had.
#[derive(Debug, Clone)]
pub struct Cache {
    store: Arc<dyn Store>,
}

impl Cache {
    /// A cache on this store. Clones share it.
    pub fn new(store: impl Store + 'static) -> Self {
        Self::shared(Arc::new(store))
    }

    /// A cache on a store that others use too.
    #[must_use]
    pub fn shared(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// A cache in memory of at most this many answers.
    #[must_use]
    pub fn memory(capacity: usize) -> Self {
        Self::new(MemoryStore::new(capacity))
    }
}

impl Layer for Cache {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Cached {
            inner,
            store: self.store,
        })
    }
}

#[derive(Debug)]
struct Cached {
    inner: Lm,
    store: Arc<dyn Store>,
}

impl Cached {
    /// The key, if the call has to do with the cache at all, and what is kept under it, if the call may read.
    async fn look_up(&self, request: &Request, call: &Call) -> (Option<Digest>, Option<Response>) {
        let policy = call.cache;
        if !policy.reads() && !policy.writes() {
            return (None, None);
        }
        let key = request.digest(self.inner.name());
        let found = if policy.reads() {
            self.store.get(&key).await
        } else {
            None
        };
        let found = found.map(|mut response| {
            response.source = Source::Cache;
            response.attempts = 0;
            response
        });
        (policy.writes().then_some(key), found)
    }
}

/// Whether an answer is one to keep. An answer that another call in flight shared is kept by that call.
fn worth_keeping(response: &Response) -> bool {
    matches!(response.source, Source::Model | Source::Cache) && response.finish != FinishReason::ContentFilter
}

impl LanguageModel for Cached {
    hand_on!();

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        Box::pin(async move {
            let (key, found) = self.look_up(request, call).await;
            if let Some(response) = found {
                return Ok(response);
            }
            let response = self.inner.complete(request, call).await?;
            if let Some(key) = key
                && worth_keeping(&response)
            {
                self.store.put(&key, &response).await;
            }
            Ok(response)
        })
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        Box::pin(async move {
            let (key, found) = self.look_up(request, call).await;
            if let Some(response) = found {
                return Ok(replayed(response));
            }
            let stream = self.inner.stream(request, call).await?;
            let Some(key) = key else {
                return Ok(stream);
            };
            let store = Arc::clone(&self.store);
            let kept = stream.then(move |event| {
                let store = Arc::clone(&store);
                async move {
                    if let Ok(StreamEvent::Finished(response)) = &event
                        && worth_keeping(response)
                    {
                        store.put(&key, response).await;
                    }
                    event
                }
            });
            Ok(kept.boxed())
        })
    }
}
