//! `--trace FILE`.

use std::sync::Arc;

use dictum_core::program::{Context, TraceWriter};

use crate::args::TraceArgs;
use crate::failure::Failure;

/// What happens, recorded where that was asked for.
pub struct Recording(Option<Arc<TraceWriter>>);

impl Recording {
    /// Makes the file, before work is spent on what it is to hold.
    pub fn begin(args: &TraceArgs) -> Result<Self, Failure> {
        let writer = args.trace.as_ref().map(TraceWriter::create).transpose();
        Ok(Self(writer.map_err(Failure::work)?.map(Arc::new)))
    }

    /// The context that is recorded.
    pub fn on(&self, ctx: &Context) -> Context {
        match &self.0 {
            Some(writer) => ctx.with_shared_observer(writer.clone()),
            None => ctx.clone(),
        }
    }

    /// Ends the file.
    pub fn end(&self) -> Result<(), Failure> {
        match &self.0 {
            Some(writer) => writer.finish().map(|_| ()).map_err(Failure::work),
            None => Ok(()),
        }
    }
}
