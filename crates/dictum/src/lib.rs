//! Program language models: typed signatures, composed modules, compiled prompts.

pub use dictum_core::*;
pub use dictum_macros::{FieldType, Fields, Parameters, Signature, signature};

#[doc(hidden)]
pub use dictum_core::__private;

/// What most programs need.
pub mod prelude {
    pub use dictum_core::program::Parameters;
    pub use dictum_core::signature::{Signature, SignatureSpec, StaticSignature};
    pub use dictum_core::types::FieldType;
    pub use dictum_core::{Error, Fields, Record, Result, record};
    pub use dictum_macros::{FieldType, Fields, Parameters, Signature, signature};
}
