//! Why a model could not be called, and whether trying again can help.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A failed call. Small (one pointer) and cheap to clone, so that callers who share a call share its failure.
#[derive(Debug, Clone)]
pub struct LmError(Arc<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: LmErrorKind,
    message: String,
    model: String,
    status: Option<u16>,
    retry_after: Option<Duration>,
    attempts: u32,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LmErrorKind {
    /// The key is missing, wrong or not allowed.
    Auth,
    /// The account has no credit or quota left: waiting does not help.
    Billing,
    /// Too many requests or tokens for now.
    RateLimit,
    /// The request is longer than the model's context window.
    ContextWindow,
    /// A filter of the provider refused the request.
    ContentFilter,
    /// The provider does not accept the request.
    InvalidRequest,
    /// The model or provider can't do what the request asks for.
    Unsupported,
    /// The provider failed.
    Server,
    /// The provider could not be reached, or the connection broke.
    Transport,
    /// The provider answered with something that can't be read.
    Decode,
    /// No answer in time.
    Timeout,
    /// The model was not called: a layer keeps calls from it because it has been failing, or its file is not there.
    Unavailable,
    /// A budget is spent; the model was not called.
    Budget,
    /// The call was given up by its caller.
    Cancelled,
    /// A cassette does not hold the call.
    Replay,
    /// Something in the engine or a layer broke.
    Internal,
}

impl LmErrorKind {
    /// The kind in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "authentication",
            Self::Billing => "billing",
            Self::RateLimit => "rate limit",
            Self::ContextWindow => "context window",
            Self::ContentFilter => "content filter",
            Self::InvalidRequest => "invalid request",
            Self::Unsupported => "unsupported",
            Self::Server => "server",
            Self::Transport => "transport",
            Self::Decode => "unreadable response",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Budget => "budget",
            Self::Cancelled => "cancelled",
            Self::Replay => "not in the cassette",
            Self::Internal => "internal",
        }
    }
}

impl LmError {
    /// A failure of this kind. The message says what happened and what to do; it must hold no secret.
    pub fn new(kind: LmErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            model: String::new(),
            status: None,
            retry_after: None,
            attempts: 1,
            source: None,
        }))
    }

    /// The same, of this model.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).model = model.into();
        self
    }

    /// The same with another message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).message = message.into();
        self
    }

    /// The same, with the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        Arc::make_mut(&mut self.0).status = Some(status);
        self
    }

    /// The same, with how long the provider asks to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        Arc::make_mut(&mut self.0).retry_after = Some(wait);
        self
    }

    /// The same, the last of so many attempts.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        Arc::make_mut(&mut self.0).attempts = attempts;
        self
    }

    /// The same, with the error beneath it.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(source));
        self
    }

    /// The same, refused after this failure of the same call, which it keeps as its source: a spent budget that lets no further
    /// try be made must not hide why one was needed.
    #[must_use]
    pub fn after(self, failure: &Self) -> Self {
        let message = format!("{}, after a failure: {}", self.message(), failure.without_model());
        self.with_message(message).with_source(failure.clone())
    }

    /// The failure of the same call that this one came [after](LmError::after).
    #[must_use]
    pub fn earlier(&self) -> Option<&Self> {
        self.0.source.as_deref()?.downcast_ref()
    }

    /// All it says but the model's name.
    fn without_model(&self) -> String {
        self.clone().with_model("").to_string()
    }

    /// What kind of failure.
    #[must_use]
    pub fn kind(&self) -> LmErrorKind {
        self.0.kind
    }

    /// The model that failed, as `provider/model`; empty when no one said.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// What happened, without the model's name.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// HTTP status, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// How long the provider asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How many times the call was tried: 1 without retries.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(
            self.0.kind,
            LmErrorKind::RateLimit
                | LmErrorKind::Server
                | LmErrorKind::Transport
                | LmErrorKind::Timeout
                | LmErrorKind::Decode
        )
    }
}

impl fmt::Display for LmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.model.is_empty() {
            write!(f, "{}: ", self.0.model)?;
        }
        write!(f, "{}", self.0.kind.name())?;
        if let Some(status) = self.0.status {
            write!(f, " (HTTP {status})")?;
        }
        write!(f, ": {}", self.0.message)?;
        if self.0.attempts > 1 {
            write!(f, " (attempt {})", self.0.attempts)?;
        }
        Ok(())
    }
}

impl std::error::Error for LmError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
