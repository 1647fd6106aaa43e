//! What wants to know as it happens.

use std::fmt;
use std::sync::Arc;

use super::{CallRecord, Step, Trace};

/// Told of every call of the model and every step of a predictor as it ends: a sink of one's own beside the [`Trace`].
///
/// Given to a context with [`super::Context::with_observer`], and to all contexts made from that one. The methods are called
/// in the task of the call, before its result goes on, so they must be quick and must not panic; what takes time belongs into
/// a queue of its own, with a bound. Nothing is kept for an observer: what it does not take is gone. Calls that are dropped
/// before their end are not told.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::sync::Arc;
/// use dictum_core::program::{CallRecord, Context, Observer};
///
/// /// Counts the tokens of answers.
/// #[derive(Debug, Default)]
/// struct Tokens(AtomicU64);
///
/// impl Observer for Tokens {
///     fn on_call(&self, _path: &str, call: &CallRecord) {
///         if let Ok(response) = &call.result {
///             let tokens = response.usage.output_tokens.unwrap_or(0);
///             self.0.fetch_add(tokens, Ordering::Relaxed);
///         }
///     }
/// }
///
/// # fn example(ctx: &Context) {
/// let tokens = Arc::new(Tokens::default());
/// let ctx = ctx.with_shared_observer(tokens.clone());
/// // ... call programs with `ctx` ...
/// let spent = tokens.0.load(Ordering::Relaxed);
/// # let _ = (ctx, spent);
/// # }
/// ```
pub trait Observer: Send + Sync + fmt::Debug {
    /// A call of the model ended, well or not. `path` is the predictor's.
    fn on_call(&self, path: &str, call: &CallRecord) {
        let _ = (path, call);
    }

    /// A step of a predictor ended, with all its calls and repairs.
    fn on_step(&self, step: &Arc<Step>) {
        let _ = step;
    }
}

/// A trace keeps the steps it is told of, the latest ones.
impl Observer for Trace {
    fn on_step(&self, step: &Arc<Step>) {
        self.push(step.clone());
    }
}
