//! How long a provider asks to wait.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

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
    let (_, rest) = text.split_once("try again in ")?;
    let mut rest = rest;
    let mut total = 0.0;
    let mut found = false;
    loop {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let Ok(number) = rest
            .strip_suffix(digits)
            .unwrap_or_default()
            .trim_end_matches('.')
            .parse::<f64>()
        else {
            break;
        };
        let digits = digits.trim_start();
        let unit = digits.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let scale = match digits.strip_suffix(unit).unwrap_or_default() {
            "ms" | "milliseconds" => 1e-3,
            "s" | "second" | "seconds" => 1.0,
            "m" | "minute" | "minutes" => 60.0,
            "h" | "hour" | "hours" => 3600.0,
            _ => break,
        };
        total += number * scale;
        found = true;
        rest = unit;
    }
    if found { seconds(total) } else { None }
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
        assert_eq!(wait("Please try again in a while"), None);
        assert_eq!(wait("Please try again in 5 apples"), None);
        assert_eq!(wait("no"), None);
    }
}
