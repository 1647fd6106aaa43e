//! How long a provider asks to wait.

use std::time::{Duration, SystemTime};

use http::header::HeaderMap;
use serde_json::Value;

/// The wait that headers ask for: `retry-after-ms`, or `retry-after` in seconds or as a date.
pub(crate) fn from_headers(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(wait) = text("retry-after-ms")
        .and_then(|ms| ms.parse().ok())
        .and_then(|ms: f64| seconds(ms / 1e3))
    {
        return Some(wait);
    }
    let after = text("retry-after")?;
    match after.parse() {
        Ok(wait) => seconds(wait),
        Err(_) => {
            let date = httpdate::parse_http_date(after).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        }
    }
}

/// The wait that an error's text asks for, as in "Please try again in 6m0.5s" or "in 20ms".
pub(crate) fn from_text(text: &str) -> Option<Duration> {
    // OpenAI's and Groq's words, then Gemini's and others'.
    ["try again in ", "retry in ", "retry after ", "wait "]
        .iter()
        .find_map(|words| text.split(words).skip(1).find_map(leading))
        .map(|(wait, _)| wait)
}

/// A wait that is nothing else: `6m0.5s`, `20ms`, `34.07s`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    leading(text)
        .filter(|(_, rest)| rest.is_empty())
        .map(|(wait, _)| wait)
}

/// The wait that an error's details hold: `retryDelay` in Google's form, `retry_after` (seconds) or `retry_after_ms` in others'.
pub(crate) fn from_body(body: &Value) -> Option<Duration> {
    match body {
        Value::Object(entries) => entries.iter().find_map(|(name, value)| match name.as_str() {
            "retryDelay" => duration(value.as_str()?),
            "retry_after_ms" | "retryAfterMs" => seconds(value.as_f64()? / 1e3),
            "retry_after" | "retryAfter" | "retry_after_seconds" | "retry_after_sec" => match value {
                Value::String(text) => text.parse().ok().and_then(seconds).or_else(|| duration(text)),
                value => seconds(value.as_f64()?),
            },
            _ => from_body(value),
        }),
        Value::Array(items) => items.iter().find_map(from_body),
        _ => None,
    }
}

/// A wait with its units at the start of a text, and what follows it.
fn leading(text: &str) -> Option<(Duration, &str)> {
    let mut rest = text;
    let mut total = 0.0;
    let mut found = false;
    loop {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let Ok(number) = rest
            .strip_suffix(after)
            .unwrap_or_default()
            .trim_end_matches('.')
            .parse::<f64>()
        else {
            break;
        };
        let after = after.trim_start();
        let unit = after.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let scale = match after.strip_suffix(unit).unwrap_or_default() {
            "ms" | "milliseconds" => 1e-3,
            "s" | "sec" | "second" | "seconds" => 1.0,
            "m" | "min" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            _ => break,
        };
        total += number * scale;
        found = true;
        rest = unit;
    }
    if found {
        Some((seconds(total)?, rest))
    } else {
        None
    }
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn headers_in_all_three_forms() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let wait =
            |pairs: &[(&'static str, &str)]| from_headers(&headers(pairs), now).map(|wait| wait.as_millis());
        assert_eq!(wait(&[("retry-after", "20")]), Some(20_000));
        assert_eq!(wait(&[("retry-after", "1.5")]), Some(1_500));
        assert_eq!(
            wait(&[("retry-after-ms", "250"), ("retry-after", "1")]),
            Some(250)
        );
        assert_eq!(
            wait(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]),
            Some(30_000)
        );
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0));
        for bad in ["-3", "soon", "NaN", "inf", "1e300", ""] {
            assert_eq!(wait(&[("retry-after", bad)]), None, "{bad}");
        }
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn text_with_units() {
        let wait = |text| from_text(text).map(|wait| wait.as_millis());
        assert_eq!(
            wait("Rate limit reached. Please try again in 20ms. Visit x"),
            Some(20)
        );
        assert_eq!(wait("Please try again in 6m0.5s."), Some(360_500));
        assert_eq!(wait("Please try again in 7.66 seconds."), Some(7_660));
        assert_eq!(wait("Please retry in 34.074824224s."), Some(34_074));
        assert_eq!(
            wait("Quota reached. Please retry after 26 seconds."),
            Some(26_000)
        );
        assert_eq!(wait("Please try again in a while"), None);
        assert_eq!(wait("Please try again in 5 apples"), None);
        assert_eq!(wait("no"), None);
    }

    #[test]
    fn details_in_the_body() {
        let wait = |text: &str| from_body(&serde_json::from_str(text).unwrap()).map(|wait| wait.as_millis());
        let google = r#"{"error": {"code": 429, "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaValue": "10"}]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "19.5s"}]}}"#;
        assert_eq!(wait(google), Some(19_500));
        assert_eq!(
            wait(r#"{"error": {"metadata": {"retry_after_ms": 250}}}"#),
            Some(250)
        );
        assert_eq!(wait(r#"{"retry_after": 3, "error": "slow down"}"#), Some(3_000));
        assert_eq!(wait(r#"{"retry_after": "1.5"}"#), Some(1_500));
        for none in [
            r#"{"retry_after": null}"#,
            r#"{"retryDelay": "soon"}"#,
            r#"{"retry_after": -1}"#,
            "[]",
        ] {
            assert_eq!(wait(none), None, "{none}");
        }
    }
}
