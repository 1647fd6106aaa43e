//! The variables that OpenTelemetry has for its exporters.

use percent_encoding::percent_decode_str;

use crate::Otlp;

impl Otlp {
    /// An exporter as the environment says: the collector's address in `OTEL_EXPORTER_OTLP_ENDPOINT`
    /// (`http://localhost:4318` without it), headers in `OTEL_EXPORTER_OTLP_HEADERS` (`name=value,name=value`, values
    /// percent-encoded), the service in `OTEL_SERVICE_NAME`, a proxy in the usual variables.
    pub fn from_env() -> Self {
        let get = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let endpoint = get("OTEL_EXPORTER_OTLP_ENDPOINT");
        let mut otlp =
            Self::new(endpoint.unwrap_or_else(|| "http://localhost:4318".to_owned())).proxy_from_env();
        if let Some(service) = get("OTEL_SERVICE_NAME") {
            otlp = otlp.service(service);
        }
        for (name, value) in headers(&get("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default()) {
            otlp = otlp.header(name, value);
        }
        otlp
    }
}

/// The pairs of `name=value,name=value`.
fn headers(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| {
            let value = percent_decode_str(value.trim()).decode_utf8_lossy();
            (name.trim().to_owned(), value.into_owned())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pairs_with_decoded_values() {
        let read: Vec<_> = headers("Authorization=Basic%20YTpiPQ==, x-scope = a ,broken").collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read,
            [pair("Authorization", "Basic YTpiPQ=="), pair("x-scope", "a")]
        );
    }
}
