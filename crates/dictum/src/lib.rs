//! Program language models instead of prompting them.
//!
//! This crate is the face of Dictum: it re-exports the others and holds no logic but [`lm_from_env`] and [`embedder_from_env`],
//! which know remote and local models by name. Start with the [`prelude`] and the numbered
//! examples.
//!
//! | feature | brings | default |
//! |---|---|---|
//! | `providers` | [`providers`]: remote models | yes |
//! | `optimize` | [`optimize`]: optimizers and their run engine | yes |
//! | `cache` | [`cache`]: a cache on disk | no |
//! | `local` | [`local`]: models in process, for answers and for vectors (`local::embedder()`) | no |
//! | `otel` | [`otel`]: traces and metrics to a collector | no |

pub use dictum_core::*;
pub use dictum_macros::{FieldType, Fields, Parameters, Signature, signature};

#[doc(hidden)]
pub use dictum_core::__private;

mod named;

pub use named::{embedder_from_env, lm_from_env};

#[cfg(feature = "cache")]
pub use dictum_cache as cache;
#[cfg(feature = "local")]
pub use dictum_local as local;
#[cfg(feature = "optimize")]
pub use dictum_optimize as optimize;
#[cfg(feature = "otel")]
pub use dictum_otel as otel;
#[cfg(feature = "providers")]
pub use dictum_providers as providers;

/// What most programs need: `use dictum::prelude::*;`
pub mod prelude {
    pub use dictum_core::adapter::{ChatAdapter, JsonAdapter, XmlAdapter};
    pub use dictum_core::data::{Example, Loader, split};
    pub use dictum_core::evaluate::{
        Evaluate, Metric, MetricError, RowOutcome, Score, compare, metric_async, metric_fn, try_metric_fn,
    };
    pub use dictum_core::lm::{Budget, Lm, Response, Settings};
    pub use dictum_core::metrics::exact_match;
    pub use dictum_core::modules::{ChainOfThought, Predict, WithReasoning};
    pub use dictum_core::program::{
        Context, Demo, Module, Overlay, Parameter, ParameterMut, ParameterPath, Parameters, Predictor,
        PredictorState, Repair, TextParameter, Threshold,
    };
    pub use dictum_core::signature::{Signature, SignatureSpec, StaticSignature};
    pub use dictum_core::state::{ProgramExt, ProgramState};
    pub use dictum_core::types::FieldType;
    pub use dictum_core::{Error, Fields, Record, Result, record};
    pub use dictum_macros::{FieldType, Fields, Parameters, Signature, signature};

    #[cfg(feature = "local")]
    pub use dictum_local::LocalModel as _;
    #[cfg(feature = "optimize")]
    pub use dictum_optimize::{
        BootstrapFewShot, BootstrapFinetune, BootstrapRandomSearch, CheapestWithin, Copro, Gepa, InferRules,
        KnnFewShot, LabeledFewShot, MiproV2, Pick, ReAnchor, Recompile, Sequence, Simba, Space,
    };
    #[cfg(feature = "providers")]
    pub use dictum_providers::Providers as _;
}

/// The README, so that its code is compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
