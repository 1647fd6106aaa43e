//! Why telemetry can't be set up.

/// Why telemetry can't be set up. Once it is, nothing about it fails the program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The address is none.
    #[error("`{0}` is no address of a collector: write one such as http://localhost:4318")]
    Endpoint(String),
    /// A header's name or value is not allowed in HTTP. The value is not shown.
    #[error("header `{0}` has a name or value that HTTP does not allow")]
    Header(String),
    /// An exporter, its threads or its HTTP client can't be made.
    #[error("the exporter can't be set up: {0}")]
    Setup(String),
    /// The process has a subscriber already.
    #[error(
        "this process has a `tracing` subscriber already: add `Otlp::layer` to it in place of `Otlp::install`"
    )]
    Installed,
}
