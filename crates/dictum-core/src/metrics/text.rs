//! Text without what does not change an answer.

use std::iter::Peekable;

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

/// Text without what rarely changes an answer. After the normalization of SQuAD (Rajpurkar et al. 2016), with care for
/// numbers and other scripts. In this order:
/// 1. Unicode compatibility form NFKC, then lower case.
/// 2. Punctuation goes: ASCII punctuation and symbols, general and CJK punctuation. What stays is a dot between digits
///    (`3.5`), and a minus before a digit where a word begins (`-5`).
/// 3. The English articles `a`, `an` and `the` go, unless nothing else would be left.
/// 4. Space is trimmed and every run of it becomes one blank.
#[must_use]
pub fn normalize(text: &str) -> String {
    tokens_of(text, false).join(" ")
}

/// The words of a text, normalized as [`normalize`] does. Han characters and kana are words of their own, as their
/// scripts put no space between words.
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    tokens_of(text, true)
}

fn tokens_of(text: &str, split_cjk: bool) -> Vec<String> {
    // Lower case after NFKC can leave NFKC again (`İ`), so the form is taken twice.
    let lower: String = text.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let mut words = words(lower.chars().peekable(), split_cjk);
    if words.iter().any(|word| !is_article(word)) {
        words.retain(|word| !is_article(word));
    }
    words
}

fn words(mut chars: Peekable<impl Iterator<Item = char>>, split_cjk: bool) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut begins = true;
    let mut end = |word: &mut String| {
        if !word.is_empty() {
            words.push(std::mem::take(word));
        }
    };
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            end(&mut word);
            begins = true;
            continue;
        }
        let digit_next = chars.peek().is_some_and(|next| next.is_numeric());
        if is_punctuation(c) {
            let minus = matches!(c, '-' | '\u{2212}') && begins && digit_next;
            let point = c == '.' && digit_next && word.chars().next_back().is_some_and(char::is_numeric);
            if minus || point {
                word.push(if minus { '-' } else { c });
            }
        } else if split_cjk && is_cjk(c) {
            end(&mut word);
            word.push(c);
            end(&mut word);
        } else {
            word.push(c);
        }
        begins = false;
    }
    end(&mut word);
    words
}

fn is_article(word: &str) -> bool {
    matches!(word, "a" | "an" | "the")
}

fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205E}' | '\u{3001}'..='\u{3003}'
            | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301F}' | '\u{30FB}' | '\u{2212}'
            | '«' | '»' | '¡' | '¿' | '·' | '§' | '¶')
}

fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// A value as text: text as it is, items of a list one after the other, anything else as JSON.
pub(super) fn of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(of).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Whether `part` stands in `whole`, word after word.
pub(super) fn runs_in(part: &[String], whole: &[String]) -> bool {
    !part.is_empty() && whole.windows(part.len()).any(|run| run == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rarely_changes_an_answer_goes_and_what_does_stays() {
        for (a, b) in [
            ("The  Eiffel Tower.", "eiffel tower"),
            ("“Straße”", "straße"),
            ("ﬁne", "FINE"),
            ("1,000 km", "1000 km"),
            ("U.S.A.", "usa"),
            ("cafe\u{301}", "café"),
            ("\u{2212}5", "-5"),
        ] {
            assert_eq!(normalize(a), normalize(b));
        }
        for (a, b) in [
            ("3.5", "35"),
            ("-5", "5"),
            ("A", "The"),
            ("👍", "👎"),
            ("café", "cafe"),
            ("日本", "日"),
        ] {
            assert_ne!(normalize(a), normalize(b));
        }
    }

    #[test]
    fn scripts_without_spaces_have_words_too() {
        assert_eq!(
            tokens("東京タワー、the tower"),
            ["東", "京", "タ", "ワ", "ー", "tower"]
        );
        assert_eq!(normalize("東京 タワー"), "東京 タワー");
    }
}
