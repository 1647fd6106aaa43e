//! Choosing a model by the request.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::fallback::{room_needed, what_all_can_do, whose_answers};
use crate::lm::{
    Call, Capabilities, Digest, LanguageModel, Lm, LmError, LmErrorKind, RateLimits, Request, Response,
    ResponseStream,
};

/// Several models as one: each request goes to the one that a rule chooses.
///
/// The choice depends on the request alone, not on what came before or at what time, so that a program gives the same result at
/// any concurrency and in every run. What to do when the chosen one fails is a [`Fallback`](super::Fallback) around it. Each model
/// keeps its own layers, a cache too: one around the route shares no answers with one inside.
///
/// ```
/// # use dictum_core::lm::{Lm, Offline, Capabilities};
/// # let model = |name: &str| Lm::new(Offline::new(name, Capabilities::default()));
/// use dictum_core::lm::layers::Route;
///
/// // Three of four requests to the first.
/// let lm = Route::weighted([(3.0, model("a/one")), (1.0, model("b/one"))]).into_lm();
/// // Short ones to the small model.
/// let lm = Route::by_length([(8_000, model("a/small"))], model("a/large")).into_lm();
/// ```
#[derive(Debug)]
pub struct Route {
    models: Vec<Lm>,
    rule: Rule,
    name: Option<String>,
}

type Choose = dyn Fn(&Request) -> usize + Send + Sync;

enum Rule {
    /// Shares that add up to 1.
    Weights(Vec<f64>),
    /// Most tokens of all models but the last.
    Lengths(Vec<u64>),
    By(Box<Choose>),
}

impl Route {
    /// Shares of the requests by weight, in parts of their sum. Requests are spread by their digest: the same one always goes to
    /// the same model. A weight that is not above 0 gets none.
    #[must_use]
    pub fn weighted(models: impl IntoIterator<Item = (f64, Lm)>) -> Self {
        let (weights, models): (Vec<f64>, Vec<Lm>) = models.into_iter().unzip();
        let positive = |weight: &f64| {
            if *weight > 0.0 && weight.is_finite() {
                *weight
            } else {
                0.0
            }
        };
        let sum: f64 = weights.iter().map(positive).sum();
        let shares = weights.iter().map(|weight| positive(weight) / sum).collect();
        Self::new(models, Rule::Weights(shares))
    }

    /// Each request to the first model whose bound it keeps, in estimated tokens of its messages and its longest answer
    /// (`max_tokens`, where it is set), else to `longest`.
    #[must_use]
    pub fn by_length(models: impl IntoIterator<Item = (u64, Lm)>, longest: Lm) -> Self {
        let (bounds, mut models): (Vec<u64>, Vec<Lm>) = models.into_iter().unzip();
        models.push(longest);
        Self::new(models, Rule::Lengths(bounds))
    }

    /// Each request to the model whose place, from 0, the closure gives. A place beyond the last is the last.
    #[must_use]
    pub fn by(
        models: impl IntoIterator<Item = Lm>,
        choose: impl Fn(&Request) -> usize + Send + Sync + 'static,
    ) -> Self {
        Self::new(models.into_iter().collect(), Rule::By(Box::new(choose)))
    }

    fn new(models: Vec<Lm>, rule: Rule) -> Self {
        Self {
            models,
            rule,
            name: None,
        }
    }

    /// Under this name, as `provider/model`. Without, it is the names of all in turn.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The models as one. It can do what all of them can, and has the largest context window of them.
    #[must_use]
    pub fn into_lm(self) -> Lm {
        let names: Vec<&str> = self.models.iter().map(Lm::name).collect();
        let name = self.name.unwrap_or_else(|| format!("route/{}", names.join("+")));
        Lm::around(Arc::new(Routed {
            name,
            models: self.models,
            rule: self.rule,
        }))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights(shares) => f.debug_tuple("Weights").field(shares).finish(),
            Self::Lengths(bounds) => f.debug_tuple("Lengths").field(bounds).finish(),
            Self::By(_) => f.write_str("By(..)"),
        }
    }
}

impl Rule {
    fn place(&self, request: &Request) -> usize {
        match self {
            Self::Weights(shares) => {
                // The digest as a number in [0, 1).
                let mut at = (request.digest("").to_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                let chosen = shares.iter().position(|share| {
                    at -= share;
                    at < 0.0 && *share > 0.0
                });
                // Rounding may leave a little at the end.
                chosen
                    .or_else(|| shares.iter().rposition(|share| *share > 0.0))
                    .unwrap_or(0)
            }
            Self::Lengths(bounds) => {
                let tokens = room_needed(request);
                let fits = bounds.iter().position(|bound| tokens <= *bound);
                fits.unwrap_or(bounds.len())
            }
            Self::By(choose) => choose(request),
        }
    }
}

#[derive(Debug)]
struct Routed {
    name: String,
    models: Vec<Lm>,
    rule: Rule,
}

impl Routed {
    fn model(&self, request: &Request) -> Result<&Lm, LmError> {
        let chosen = self.models.get(self.rule.place(request)).or(self.models.last());
        chosen.ok_or_else(|| {
            LmError::new(
                LmErrorKind::InvalidRequest,
                "the route has no models; give it one",
            )
            .with_model(&self.name)
        })
    }
}

impl LanguageModel for Routed {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        what_all_can_do(self.models.iter())
    }

    fn variant(&self) -> Option<Digest> {
        Some(whose_answers(self.models.iter()))
    }

    fn rate_limits(&self) -> Option<RateLimits> {
        // Several accounts have no limit in common.
        None
    }

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response, LmError>> {
        match self.model(request) {
            Ok(lm) => lm.model().complete(request, call),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<ResponseStream, LmError>> {
        match self.model(request) {
            Ok(lm) => lm.model().stream(request, call),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}
