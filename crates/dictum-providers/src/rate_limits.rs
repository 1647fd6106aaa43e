//! What headers say is left of an account's limits.

use std::time::{Duration, Instant, SystemTime};

use dictum_core::lm::{Allowance, RateLimits};
use http::header::HeaderMap;

/// What one header says of an allowance.
#[derive(Clone, Copy)]
enum Field {
    Limit,
    Remaining,
    Reset,
}

/// What an allowance is of.
#[derive(Clone, Copy)]
enum Of {
    Requests,
    Tokens,
    InputTokens,
    OutputTokens,
}

/// What the headers of an answer say, if they say something. `at` is when the request was sent, `now` the time on the clock
/// when the answer came.
pub(crate) fn from_headers(headers: &HeaderMap, at: Instant, now: SystemTime) -> Option<RateLimits> {
    let mut limits = RateLimits::new(at);
    for (name, value) in headers {
        if let Some((of, field)) = read_name(name.as_str())
            && let Ok(value) = value.to_str()
        {
            let slot = match of {
                Of::Requests => &mut limits.requests,
                Of::Tokens => &mut limits.tokens,
                Of::InputTokens => &mut limits.input_tokens,
                Of::OutputTokens => &mut limits.output_tokens,
            };
            let mut allowance = slot.unwrap_or_default();
            let value = value.trim();
            match field {
                Field::Limit => allowance.limit = count(value),
                Field::Remaining => allowance.remaining = count(value),
                Field::Reset => allowance.resets_in = reset(value, now),
            }
            *slot = (allowance != Allowance::default()).then_some(allowance);
        }
    }
    (!limits.is_empty()).then_some(limits)
}

/// Reads a header's name: OpenAI's form, which most servers have (`x-ratelimit-remaining-tokens`), its short form of routers
/// (`x-ratelimit-remaining`, of requests) and Anthropic's (`anthropic-ratelimit-input-tokens-remaining`).
fn read_name(name: &str) -> Option<(Of, Field)> {
    let field = |word: &str| match word {
        "limit" => Some(Field::Limit),
        "remaining" => Some(Field::Remaining),
        "reset" => Some(Field::Reset),
        _ => None,
    };
    if let Some(rest) = name.strip_prefix("x-ratelimit-") {
        let (word, of) = rest.split_once('-').unwrap_or((rest, "requests"));
        let of = match of {
            "requests" => Of::Requests,
            "tokens" => Of::Tokens,
            _ => return None,
        };
        return Some((of, field(word)?));
    }
    let (of, word) = name.strip_prefix("anthropic-ratelimit-")?.rsplit_once('-')?;
    let of = match of {
        "requests" => Of::Requests,
        "tokens" => Of::Tokens,
        "input-tokens" => Of::InputTokens,
        "output-tokens" => Of::OutputTokens,
        _ => return None,
    };
    Some((of, field(word)?))
}

/// A count; some servers write it with decimals.
fn count(text: &str) -> Option<u64> {
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number as u64)
}

/// The time until a reset, in the forms it comes in: a duration with units (`6m0s`, `20ms`), seconds, seconds or milliseconds
/// since 1970, or a time of RFC 3339.
fn reset(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(number) = text.parse::<f64>() {
        // Longer than 30 years is no wait but a time, longer than 30,000 one in milliseconds.
        let since_1970 = match number {
            1e9..1e12 => number,
            1e12..1e15 => number / 1e3,
            _ => return Duration::try_from_secs_f64(number).ok(),
        };
        let at = SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(since_1970).ok()?)?;
        return Some(at.duration_since(now).unwrap_or_default());
    }
    if let Some(wait) = crate::retry_after::duration(text) {
        return Some(wait);
    }
    let at = rfc3339(text)?;
    Some(at.duration_since(now).unwrap_or_default())
}

/// A time such as `2026-01-31T08:05:00Z` or `2026-01-31T08:05:00.25+01:00`.
fn rfc3339(text: &str) -> Option<SystemTime> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let sign = |at: usize| text.as_bytes().get(at).copied();
    let shape = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let whole =
        shape.iter().all(|(at, byte)| sign(*at) == Some(*byte)) && matches!(sign(10)?, b'T' | b't' | b' ');
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !whole || !(1..=12).contains(&month) || !(1970..=9999).contains(&year) {
        return None;
    }
    let rest = text.get(19..)?;
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let fraction: f64 = match rest.strip_suffix(zone)? {
        "" => 0.0,
        digits => format!("0{digits}").parse().ok()?,
    };
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
            match zone.as_bytes().first()? {
                b'+' => seconds,
                b'-' => -seconds,
                _ => return None,
            }
        }
    };
    // Days since 1970, by counting from March, so that the day a leap year adds is the last.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    let whole = Duration::from_secs(u64::try_from(seconds).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(whole + Duration::try_from_secs_f64(fraction).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Option<RateLimits> {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_846_700);
        from_headers(&headers, Instant::now(), now)
    }

    fn allowance(limit: u64, remaining: u64, millis: u64) -> Option<Allowance> {
        Some(Allowance {
            limit: Some(limit),
            remaining: Some(remaining),
            resets_in: Some(Duration::from_millis(millis)),
        })
    }

    #[test]
    fn openais_form() {
        let limits = read(&[
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-reset-tokens", "6m0.5s"),
        ])
        .unwrap();
        assert_eq!(limits.requests, allowance(60, 59, 1_000));
        assert_eq!(limits.tokens, allowance(150_000, 149_984, 360_500));
        assert_eq!((limits.input_tokens, limits.output_tokens), (None, None));
    }

    #[test]
    fn anthropics_form() {
        let limits = read(&[
            ("anthropic-ratelimit-requests-limit", "50"),
            ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-01-31T08:05:01Z"),
            ("anthropic-ratelimit-input-tokens-limit", "20000"),
            ("anthropic-ratelimit-input-tokens-remaining", "19000"),
            (
                "anthropic-ratelimit-input-tokens-reset",
                "2026-01-31T09:05:03.5+01:00",
            ),
            ("anthropic-ratelimit-output-tokens-limit", "8000"),
            ("anthropic-ratelimit-output-tokens-remaining", "8000"),
            ("anthropic-ratelimit-output-tokens-reset", "2026-01-31T08:00:00Z"),
            ("retry-after", "1"),
        ])
        .unwrap();
        assert_eq!(limits.requests, allowance(50, 49, 1_000));
        assert_eq!(limits.input_tokens, allowance(20_000, 19_000, 3_500));
        assert_eq!(
            limits.output_tokens,
            allowance(8_000, 8_000, 0),
            "a time that is past"
        );
        assert_eq!(limits.tokens, None);
    }

    #[test]
    fn the_routers_form() {
        for (reset, millis) in [("1769846702500", 2_500), ("1769846702", 2_000), ("2.5", 2_500)] {
            let limits = read(&[
                ("x-ratelimit-limit", "20"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", reset),
            ]);
            assert_eq!(limits.unwrap().requests, allowance(20, 0, millis), "{reset}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_not_there() {
        assert_eq!(read(&[("content-type", "application/json")]), None);
        for bad in [
            "-1",
            "NaN",
            "many",
            "inf",
            "2026-13-01T00:00:00Z",
            "2026-01-31",
            "",
        ] {
            let pairs = [
                ("x-ratelimit-limit-requests", bad),
                ("x-ratelimit-reset-tokens", bad),
                ("x-ratelimit-remaining-images", "3"),
                ("anthropic-ratelimit-priority-limit", "3"),
            ];
            assert_eq!(read(&pairs), None, "{bad}");
        }
    }

    #[test]
    fn times_are_read_as_the_calendar_has_them() {
        let at = |text| rfc3339(text).map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
        assert_eq!(at("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(at("2000-02-29T12:00:00Z"), Some(951_825_600));
        assert_eq!(at("2026-03-01T00:00:00Z"), Some(1_772_323_200));
        assert_eq!(at("2100-12-31T23:59:59-05:30"), Some(4_133_980_799 + 19_800));
        assert_eq!(at("2026-03-01T00:00:00"), None);
    }
}
