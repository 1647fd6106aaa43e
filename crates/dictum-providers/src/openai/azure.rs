//! Azure's servers, which speak the same at other addresses.

use url::Url;

use crate::Builder;
use crate::dialect::Dialect;

/// Points a builder at a resource on Azure. `version` is a date, or `v1`, which has none in its address.
pub(crate) fn at_azure<D: Dialect>(builder: Builder<D>, endpoint: &str, version: &str) -> Builder<D> {
    let endpoint = endpoint.trim_end_matches('/');
    let deployment = builder.dialect.model();
    let url = if version == "v1" {
        format!("{endpoint}/openai/v1")
    } else {
        format!("{endpoint}/openai/deployments/{deployment}?api-version={version}")
    };
    builder.base_url(url).provider("azure").key_header("api-key")
}

/// The address of a call, unless the base has it already: people paste whole addresses too.
pub(crate) fn endpoint(mut base: Url, call: &[&str]) -> Url {
    let tail = format!("/{}", call.join("/"));
    if !base.path().ends_with(&tail)
        && let Ok(mut path) = base.path_segments_mut()
    {
        path.extend(call);
    }
    base
}
