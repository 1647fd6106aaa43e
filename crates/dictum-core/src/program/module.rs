//! Modules: typed programs, and their type-erased form.

use std::future::Future;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tracing::Instrument;

use super::stream::{self, Inside, ProgramStream};
use super::{Context, Parameters, spans};
use crate::error::Result;
use crate::record::{Fields, Record};

/// A program: inputs in, outputs out, predictors inside.
///
/// Write `forward` as an `async fn`; call predictors and other modules in it with `call`.
pub trait Module: Parameters + Send + Sync {
    /// What goes in.
    type Input: Send;
    /// What comes out.
    type Output: Send;

    /// The program itself.
    ///
    /// # Errors
    /// Those of the predictors it calls, and its own as [`crate::Error::Program`].
    fn forward(&self, ctx: &Context, input: Self::Input)
    -> impl Future<Output = Result<Self::Output>> + Send;

    /// Calls the program. Any number of calls may run at once; dropping the future cancels the call.
    ///
    /// # Errors
    /// See [`Module::forward`].
    fn call(&self, ctx: &Context, input: Self::Input) -> impl Future<Output = Result<Self::Output>> + Send {
        let span = spans::module::<Self>();
        let inside = span.clone();
        let told = Inside::of(self, ctx);
        let work = async move {
            let Some(told) = told else {
                return self.forward(ctx, input).await;
            };
            told.begins(ctx).await;
            let result = self.forward(ctx, input).await;
            told.ended(ctx, stream::cause(&result)).await;
            result
        };
        work.inspect(move |result| spans::ended(&inside, result.as_ref().err()))
            .instrument(span)
    }

    /// Calls the program as a stream: what its predictors do as they do it, then the output. See [`super::stream`].
    fn stream<'a>(&'a self, ctx: &Context, input: Self::Input) -> ProgramStream<'a, Self::Output>
    where
        Self: Sized,
        Self::Input: 'a,
        Self::Output: 'a,
    {
        stream::run(self, ctx, move |ctx| async move { self.call(&ctx, input).await })
    }
}

/// A module without its types: records in, records out. Every [`Module`] whose input and output are [`Fields`] is one.
pub trait DynModule: Parameters + Send + Sync {
    /// Calls the program.
    ///
    /// # Errors
    /// See [`Module::forward`]; and [`crate::Error::Input`] when the record does not hold the input.
    fn call_record<'a>(&'a self, ctx: &'a Context, input: Record) -> BoxFuture<'a, Result<Record>>;

    /// Calls the program as a stream, as [`Module::stream`] does.
    fn stream_record<'a>(&'a self, ctx: &Context, input: Record) -> ProgramStream<'a, Record> {
        stream::run(self, ctx, move |ctx| async move {
            self.call_record(&ctx, input).await
        })
    }
}

impl<M> DynModule for M
where
    M: Module,
    M::Input: Fields,
    M::Output: Fields,
{
    fn call_record<'a>(&'a self, ctx: &'a Context, input: Record) -> BoxFuture<'a, Result<Record>> {
        Box::pin(async move { self.call(ctx, M::Input::from_record(input)?).await?.into_record() })
    }
}

impl Module for Box<dyn DynModule> {
    type Input = Record;
    type Output = Record;

    async fn forward(&self, ctx: &Context, input: Record) -> Result<Record> {
        (**self).call_record(ctx, input).await
    }

    // The program inside has a span of its own.
    async fn call(&self, ctx: &Context, input: Record) -> Result<Record> {
        self.forward(ctx, input).await
    }
}
