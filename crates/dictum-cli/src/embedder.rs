//! The embedder a command or a program file names.

use std::sync::Arc;

use dictum_core::embed::Embedder;
use dictum_providers::embed;

use crate::args::LmArgs;
use crate::failure::Failure;
use crate::lm::connected;

/// The embedder of this name: `local`, `local/NAME`, or a service and its model. It is at `--base-url` where --lm is of the same
/// service.
pub fn named(name: &str, lm: &LmArgs) -> Result<Arc<dyn Embedder>, Failure> {
    match name.split_once('/').unwrap_or((name, "")) {
        ("local", model) => local(model, lm),
        _ => remote(name, lm),
    }
}

fn remote(name: &str, lm: &LmArgs) -> Result<Arc<dyn Embedder>, Failure> {
    let named = embed::parse(name).map_err(|error| {
        Failure::usage(format!(
            "the embedder `{name}`: write `local`, `local/NAME` or a service and its model, such as \
             `openai/text-embedding-3-small` ({})",
            error.message()
        ))
    })?;
    let address = lm.named(name).base_url;
    connected!(named, address.as_deref(), named.service().key_variable)
}

#[cfg(feature = "local")]
fn local(model: &str, lm: &LmArgs) -> Result<Arc<dyn Embedder>, Failure> {
    let mut builder = dictum_local::embedder();
    if !model.is_empty() {
        builder = builder.model(model);
    }
    if let Some(dir) = &lm.models_dir {
        builder = builder.models_dir(dir);
    }
    let embedder = builder.build().map_err(Failure::work)?;
    Ok(Arc::new(dictum_core::embed::standard(embedder)))
}

#[cfg(not(feature = "local"))]
fn local(_: &str, _: &LmArgs) -> Result<Arc<dyn Embedder>, Failure> {
    Err(Failure::usage(
        "this dictum was built without the local engine; name an embedder of a service, such as openai/text-embedding-3-small, or \
         install it with its default features",
    ))
}
