//! Modules inside a program that streams: when each begins and ends, by path.

use std::sync::Arc;

use super::{Event, EventKind};
use crate::error::Error;
use crate::program::spans::module_name;
use crate::program::{Context, Parameters, predictors};

/// A module's call that somebody listens to.
#[derive(Debug)]
pub(in crate::program) struct Inside {
    path: Arc<str>,
    module: &'static str,
}

impl Inside {
    /// `None` when nobody listens, when the module is the program itself, or when it is no more than its predictor.
    pub(in crate::program) fn of<M: Parameters + ?Sized>(module: &M, ctx: &Context) -> Option<Self> {
        if !ctx.is_streaming() {
            return None;
        }
        Some(Self {
            path: path(module, ctx)?.into(),
            module: module_name::<M>(),
        })
    }

    pub(in crate::program) async fn begins(&self, ctx: &Context) {
        let module = self.module;
        self.tell(ctx, EventKind::ModuleStarted { module }).await;
    }

    pub(in crate::program) async fn ended(&self, ctx: &Context, failed: Option<&'static str>) {
        let module = self.module;
        self.tell(ctx, EventKind::ModuleEnded { module, failed }).await;
    }

    async fn tell(&self, ctx: &Context, kind: EventKind) {
        if let Some(streaming) = ctx.streaming() {
            let path = self.path.clone();
            // A listener that went away has no use for it; the call itself ends at its next step.
            let _ = streaming.send(Event { path, call: 0, kind }).await;
        }
    }
}

/// Where a module stands: a predictor's path in the program without its path in the module.
fn path<M: Parameters + ?Sized>(module: &M, ctx: &Context) -> Option<String> {
    let (own, predictor) = predictors(module).into_iter().next()?;
    let whole = ctx.bound()?.path(&predictor.id())?;
    let path = whole.strip_suffix(own.as_str())?;
    let path = path.strip_suffix('.').unwrap_or(path);
    (!path.is_empty()).then(|| path.to_owned())
}

/// The kind of an error in a word.
pub(in crate::program) fn cause<T>(result: &Result<T, Error>) -> Option<&'static str> {
    result.as_ref().err().map(Error::cause)
}
