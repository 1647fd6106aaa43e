//! Keys.

use std::fmt;

/// A key or token. It shows itself nowhere: `Debug` and `Display` print `[redacted]`, and it can't be serialized.
#[derive(Clone)]
pub struct Secret(String);

const REDACTED: &str = "[redacted]";

impl Secret {
    /// Takes a key. White space around it, as files and shells leave it, is cut off.
    pub fn new(key: impl Into<String>) -> Self {
        let key: String = key.into();
        Self(key.trim().to_owned())
    }

    /// The key itself, for the one place that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Takes the key out of a text that may quote it.
    pub(crate) fn redact(&self, text: &str) -> String {
        // A very short "secret" (a flag in a header, say) would tear any text apart.
        if self.0.len() < 6 {
            text.to_owned()
        } else {
            text.replace(&self.0, REDACTED)
        }
    }
}

impl From<&str> for Secret {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

impl From<String> for Secret {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Takes out what looks like a key, whoever's it is: providers quote keys, whole or in part, in their errors.
pub(crate) fn redact_keys(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut bearer = false;
    // Pieces keep their separators; a key has none inside.
    for piece in text
        .split_inclusive(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '(' | ')' | '<' | '>'))
    {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '*');
        let key_like = word.len() >= 8 && (word.starts_with("sk-") || word.starts_with("sk_"));
        if key_like || (bearer && word.len() >= 6) {
            out.push_str(REDACTED);
            out.push_str(piece.strip_prefix(word).unwrap_or_default());
        } else {
            out.push_str(piece);
        }
        bearer = word.eq_ignore_ascii_case("bearer");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_out_and_words_are_left() {
        let text = "Incorrect API key provided: sk-abc12***9xyz. Header was \"Bearer eyJhbGciOi\", see task sk-x, please.";
        assert_eq!(
            redact_keys(text),
            "Incorrect API key provided: [redacted]. Header was \"Bearer [redacted]\", see task sk-x, please."
        );
        let plain = "Bearer of bad news: risk-averse models, disk-full.";
        assert_eq!(redact_keys(plain), plain);
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::new(" planted-key\n");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "[redacted] [redacted] Some([redacted])"
        );
        assert_eq!(secret.redact("got planted-key here"), "got [redacted] here");
    }
}
