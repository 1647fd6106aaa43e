//! Spans of programs: one per call of a module, one per call of a predictor in it. The calls of the model stand under these,
//! where [`crate::lm::layers::Tracing`] is among the layers. Nothing of what went in or came out is in them.

use tracing::Span;
use tracing::field::Empty;

use super::Context;
use crate::error::Error;

/// The span of a predictor's call: `predict`, on target `dictum::program`, at level INFO.
pub(super) fn predictor(path: &str, ctx: &Context, adapter: &str) -> Span {
    tracing::info_span!(
        target: "dictum::program",
        "predict",
        otel.name = format_args!("predict {path}"),
        otel.status_code = Empty,
        dictum.predictor = path,
        dictum.adapter = adapter,
        dictum.sample = i64::try_from(ctx.sample()).unwrap_or(i64::MAX),
        error.r#type = Empty,
    )
}

/// The span of a module's call: `module`, on target `dictum::program`, at level INFO.
pub(super) fn module<M: ?Sized>() -> Span {
    let name = module_name::<M>();
    tracing::info_span!(
        target: "dictum::program",
        "module",
        otel.name = format_args!("invoke_workflow {name}"),
        gen_ai.operation.name = "invoke_workflow",
        gen_ai.agent.name = name,
        otel.status_code = Empty,
        error.r#type = Empty,
    )
}

/// How a call ended.
pub(super) fn ended(span: &Span, error: Option<&Error>) {
    if let Some(error) = error {
        span.record("error.type", error.cause());
        span.record("otel.status_code", "ERROR");
    }
}

/// What a module is called: the name of its type.
pub(super) fn module_name<M: ?Sized>() -> &'static str {
    short(std::any::type_name::<M>())
}

/// A type's name without the path of its modules, and without its parameters.
fn short(name: &'static str) -> &'static str {
    let name = name.split_once('<').map_or(name, |(name, _)| name);
    name.rsplit_once("::").map_or(name, |(_, name)| name)
}
