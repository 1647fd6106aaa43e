//! Azure's servers, which speak the same at other addresses.

use reqwest::Url;

use crate::Secret;

/// A resource on Azure.
#[derive(Debug, Clone)]
pub(crate) struct Azure {
    endpoint: String,
    version: String,
}

impl Azure {
    /// A resource and the version of the API: a date, or `v1`, which has none in its address.
    pub(crate) fn new(endpoint: &str, version: &str) -> Self {
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            version: version.to_owned(),
        }
    }

    /// What stands before the part of the address that names the call.
    pub(crate) fn base_url(&self, deployment: &str) -> String {
        let Self { endpoint, version } = self;
        if version == "v1" {
            return format!("{endpoint}/openai/v1");
        }
        format!("{endpoint}/openai/deployments/{deployment}?api-version={version}")
    }
}

/// The header of a key: Azure has one of its own.
pub(crate) fn authorize(azure: Option<&Azure>, key: &Secret) -> (&'static str, Secret) {
    match azure {
        Some(_) => ("api-key", key.clone()),
        None => ("authorization", Secret::new(format!("Bearer {}", key.expose()))),
    }
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
