//! TLS by rustls.

use std::sync::Arc;

use dictum_core::lm::{LmError, LmErrorKind};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// TLS by rustls with ring, given to the client, so that no process-wide default is needed. The system's certificates are
/// read only for an address that needs them: a machine without any can still reach a local server.
pub(super) fn config(needed: bool, roots: &[Vec<u8>]) -> Result<rustls::ClientConfig, LmError> {
    let wrong = |error: rustls::Error| {
        LmError::new(LmErrorKind::Transport, format!("TLS can't be set up: {error}")).with_source(error)
    };
    let roots = certificates(roots)?;
    let provider = Arc::new(ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?;
    let builder = if needed {
        let verifier = Verifier::new_with_extra_roots(roots, provider).map_err(wrong)?;
        // "Dangerous" is what rustls calls any verifier that is not its own.
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificates in texts of PEM.
fn certificates(roots: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, LmError> {
    let mut all = Vec::new();
    for pem in roots {
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            all.push(certificate.map_err(|error| {
                let message = format!("a root certificate is not PEM: {error}");
                LmError::new(LmErrorKind::InvalidRequest, message)
            })?);
        }
        if all.len() == before {
            let message = "a root certificate is not PEM: it has no `-----BEGIN CERTIFICATE-----`";
            return Err(LmError::new(LmErrorKind::InvalidRequest, message));
        }
    }
    Ok(all)
}
