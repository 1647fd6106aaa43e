//! Figures and words of the page.

use dictum_core::Record;
use dictum_core::evaluate::stats::Interval;
use serde_json::Value;

/// Text that is safe in HTML, in attributes too.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// How scores are shown: as percentages when all lie between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Percent,
    Plain,
}

impl Scale {
    pub(super) fn of(scores: impl IntoIterator<Item = f64>) -> Self {
        let percent = scores.into_iter().all(|score| (0.0..=1.0).contains(&score));
        if percent { Self::Percent } else { Self::Plain }
    }

    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{:.1} %", value * 100.0),
            Self::Plain => format!("{value:.3}"),
        }
    }

    pub(super) fn interval(self, interval: Option<Interval>) -> String {
        let number = |value: f64| match self {
            Self::Percent => format!("{:.1}", value * 100.0),
            Self::Plain => format!("{value:.3}"),
        };
        interval.map_or_else(String::new, |interval| {
            format!("[{}, {}]", number(interval.low), number(interval.high))
        })
    }
}

/// A record in a line or two, cut at `most` characters.
pub(super) fn brief(record: &Record, most: usize) -> String {
    let mut text = String::new();
    for (name, value) in record.iter() {
        if !text.is_empty() {
            text.push_str(", ");
        }
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if record.len() > 1 {
            text.push_str(name);
            text.push_str(": ");
        }
        text.push_str(&value);
    }
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}

/// A number with its thousands apart.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}
