//! TLS by rustls with ring, as Dictum's providers use it: no process-wide default is needed.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls_platform_verifier::BuilderVerifierExt;

/// The system's certificates are read only for an address that needs them.
pub(crate) fn config(needed: bool) -> Result<rustls::ClientConfig, rustls::Error> {
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = if needed {
        builder.with_platform_verifier()?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
