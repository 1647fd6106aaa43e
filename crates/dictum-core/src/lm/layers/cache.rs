//! Keeping answers.

use std::fmt;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use super::{MemoryStore, hand_on};
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

/// Answers identical calls from a [`Store`], as the call's [`CachePolicy`](crate::lm::CachePolicy) allows.
///
/// Calls are identical when [`Request::digest`] says so: the same model, messages, settings and sample. A hit has
/// [`Source::Cache`] and 0 attempts, and counts against no budget. Errors, broken-off streams and answers that a filter cut
/// are not kept. Two of these layers, memory around disk, make two tiers: the outer keeps what the inner had. A hit asked for as
/// a stream comes as one. How long and how many answers are kept is the store's matter.
#[derive(Debug, Clone)]
pub struct Cache {
    store: Arc<dyn Store>,
    namespace: Option<Digest>,
    read_only: bool,
}

impl Cache {
    /// A cache on this store. Clones share it.
    pub fn new(store: impl Store + 'static) -> Self {
        Self::shared(Arc::new(store))
    }

    /// A cache on a store that others use too.
    #[must_use]
    pub fn shared(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            namespace: None,
            read_only: false,
        }
    }

    /// The same, apart from all other namespaces in the same store: answers are found only under the name they were kept under.
    /// For tenants who must not see each other's answers, or to begin anew without emptying the store.
    #[must_use]
    pub fn namespace(mut self, name: impl AsRef<str>) -> Self {
        self.namespace = Some(Digest::of_bytes(name.as_ref().as_bytes()));
        self
    }

    /// The same, only answering from what is there: nothing is kept, whatever the call's policy says.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// A cache in memory of at most this many answers.
    #[must_use]
    pub fn memory(capacity: usize) -> Self {
        Self::new(MemoryStore::new(capacity))
    }
}

impl Layer for Cache {
    fn wrap(self, inner: Lm) -> Arc<dyn LanguageModel> {
        Arc::new(Cached { inner, cache: self })
    }
}

#[derive(Debug)]
struct Cached {
    inner: Lm,
    cache: Cache,
}

impl Cached {
    /// The key, if the call has to do with the cache at all, and what is kept under it, if the call may read.
    async fn look_up(&self, request: &Request, call: &Call) -> (Option<Digest>, Option<Response>) {
        let policy = call.cache;
        let writes = policy.writes() && !self.cache.read_only;
        if !policy.reads() && !writes {
            return (None, None);
        }
        let key = request.digest(self.inner.name());
        let apart = [self.inner.variant(), self.cache.namespace];
        let key = apart.iter().flatten().fold(key, |key, apart| apart.and(&key));
        let found = if policy.reads() {
            self.cache.store.get(&key).await
        } else {
            None
        };
        let found = found.map(|mut response| {
            response.source = Source::Cache;
            response.attempts = 0;
            response
        });
        (writes.then_some(key), found)
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
            let response = self.inner.model().complete(request, call).await?;
            if let Some(key) = key
                && worth_keeping(&response)
            {
                self.cache.store.put(&key, &response).await;
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
            let stream = self.inner.model().stream(request, call).await?;
            let Some(key) = key else {
                return Ok(stream);
            };
            let store = Arc::clone(&self.cache.store);
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
