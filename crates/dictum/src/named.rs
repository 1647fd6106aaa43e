//! Models by their names, the one in process included.

use std::sync::Arc;

use dictum_core::embed::Embedder;
use dictum_core::lm::{Lm, LmError};

/// The model of this name, its key read now from the environment: `local` or `local/NAME` in process (feature `local`), and
/// `service/model` of a remote service (feature `providers`), such as `anthropic/claude-sonnet-4-6` or `ollama/qwen3`.
///
/// # Errors
/// [`LmErrorKind::InvalidRequest`](crate::lm::LmErrorKind::InvalidRequest) for a name that no service has, or of a feature that
/// was not built in; else those of the local engine, and [`LmErrorKind::Auth`](crate::lm::LmErrorKind::Auth) when there is no key.
pub fn lm_from_env(name: &str) -> Result<Lm, LmError> {
    match name.split_once('/').unwrap_or((name, "")) {
        ("local", model) => local(model),
        _ => remote(name),
    }
}

/// The embedder of this name, its key read now from the environment: `local` in process (feature `local`), and `service/model` of
/// a remote service (feature `providers`), such as `openai/text-embedding-3-small` or `ollama/nomic-embed-text`. Metered, retried
/// and batched, without a cache.
///
/// # Errors
/// As [`lm_from_env`].
pub fn embedder_from_env(name: &str) -> Result<Arc<dyn Embedder>, LmError> {
    match name.split_once('/').unwrap_or((name, "")) {
        ("local", model) => local_embedder(model),
        _ => remote_embedder(name),
    }
}

#[cfg(feature = "local")]
fn local_embedder(model: &str) -> Result<Arc<dyn Embedder>, LmError> {
    let builder = dictum_local::embedder();
    let builder = if model.is_empty() {
        builder
    } else {
        builder.model(model)
    };
    Ok(Arc::new(dictum_core::embed::standard(builder.build()?)))
}

#[cfg(not(feature = "local"))]
fn local_embedder(_: &str) -> Result<Arc<dyn Embedder>, LmError> {
    Err(missing("local"))
}

#[cfg(feature = "providers")]
fn remote_embedder(name: &str) -> Result<Arc<dyn Embedder>, LmError> {
    dictum_providers::embed::from_env(name)
}

#[cfg(not(feature = "providers"))]
fn remote_embedder(_: &str) -> Result<Arc<dyn Embedder>, LmError> {
    Err(missing("providers"))
}

#[cfg(feature = "local")]
fn local(model: &str) -> Result<Lm, LmError> {
    use dictum_local::LocalModel;

    let builder = Lm::local();
    if model.is_empty() {
        builder.build()
    } else {
        builder.model(model).build()
    }
}

#[cfg(not(feature = "local"))]
fn local(_: &str) -> Result<Lm, LmError> {
    Err(missing("local"))
}

#[cfg(feature = "providers")]
fn remote(name: &str) -> Result<Lm, LmError> {
    dictum_providers::from_env(name)
}

#[cfg(not(feature = "providers"))]
fn remote(_: &str) -> Result<Lm, LmError> {
    Err(missing("providers"))
}

#[cfg(not(all(feature = "local", feature = "providers")))]
fn missing(feature: &str) -> LmError {
    let message = format!("dictum was built without its feature `{feature}`, which this model needs");
    LmError::new(dictum_core::lm::LmErrorKind::InvalidRequest, message)
}

#[cfg(all(test, feature = "providers", not(feature = "local")))]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_its_model_or_the_feature_that_lacks() {
        assert_eq!(lm_from_env("ollama/qwen3").unwrap().name(), "ollama/qwen3");
        for (name, says) in [
            ("local", "feature `local`"),
            ("local/qwen", "feature `local`"),
            ("nobody/x", "`nobody`"),
        ] {
            for error in [
                lm_from_env(name).unwrap_err(),
                embedder_from_env(name).unwrap_err(),
            ] {
                assert!(error.message().contains(says), "{error}");
            }
        }
        let embedder = embedder_from_env("ollama/nomic-embed-text").unwrap();
        assert_eq!(embedder.name(), "ollama/nomic-embed-text");
    }
}
