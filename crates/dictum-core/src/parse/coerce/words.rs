//! Words around a scalar: what may stand before and behind it without changing it.

/// A word of a text, in lower case, with its place.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Words that take back or weaken what was said before them.
pub(super) const HEDGES: &[&str] = &[
    "actually",
    "correction",
    "sorry",
    "instead",
    "alternatively",
    "although",
    "however",
    "maybe",
    "perhaps",
    "possibly",
    "unsure",
    "uncertain",
    "unless",
    "or",
    "either",
    "neither",
    "both",
    "could",
    "might",
];

/// Words that turn what they stand by into something else.
pub(super) const NEGATIONS: &[&str] = &[
    "not",
    "no",
    "never",
    "nor",
    "neither",
    "none",
    "without",
    "cannot",
    "isn't",
    "aren't",
    "wasn't",
    "weren't",
    "don't",
    "doesn't",
    "didn't",
    "won't",
    "can't",
    "couldn't",
    "wouldn't",
    "shouldn't",
    "hardly",
    "non",
    "than",
    "except",
    "excluding",
    "isnt",
    "dont",
    "rather",
    "unlikely",
];

/// Words that may lead in to an answer.
const LEAD_IN: &[&str] = &[
    "the",
    "my",
    "a",
    "an",
    "so",
    "thus",
    "therefore",
    "hence",
    "final",
    "correct",
    "overall",
    "answer",
    "result",
    "output",
    "value",
    "score",
    "rating",
    "total",
    "number",
    "count",
    "amount",
    "sum",
    "price",
    "cost",
    "age",
    "label",
    "category",
    "class",
    "classification",
    "sentiment",
    "choice",
    "option",
    "is",
    "are",
    "was",
    "it",
    "it's",
    "its",
    "i",
    "i'd",
    "i'll",
    "i'm",
    "would",
    "will",
    "should",
    "say",
    "give",
    "rate",
    "be",
    "this",
    "that",
    "of",
    "for",
    "as",
    "with",
    "to",
    "equals",
    "here",
    "here's",
    "sure",
    "okay",
    "ok",
    "response",
    "prediction",
    "verdict",
    "decision",
    "conclusion",
    "in",
    "classify",
    "belongs",
    "we",
    "get",
    "have",
    "there",
    "at",
    "message",
    "text",
];

/// The words of a text, at most `limit` of them.
pub(super) fn words(text: &str, limit: usize) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = None;
    let mut previous = ' ';
    let mut chars = text
        .char_indices()
        .chain(std::iter::once((text.len(), ' ')))
        .peekable();
    while let Some((at, c)) = chars.next() {
        let apostrophe = matches!(c, '\'' | '\u{2019}')
            && previous.is_alphanumeric()
            && chars.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        if c.is_alphanumeric() || apostrophe {
            start.get_or_insert(at);
        } else if let Some(from) = start.take() {
            let word = text.get(from..at).unwrap_or_default();
            words.push(Word {
                text: word.to_lowercase().replace('\u{2019}', "'"),
                start: from,
                end: at,
            });
            if words.len() >= limit {
                break;
            }
        }
        previous = c;
    }
    words
}

/// Takes emphasis, quotes, backticks, `$...$` and `\boxed{...}` off a short answer.
pub(super) fn strip_markup(text: &str) -> &str {
    let mut text = text.trim();
    for _ in 0..6 {
        let before = text;
        for (open, close) in [
            ("**", "**"),
            ("__", "__"),
            ("*", "*"),
            ("_", "_"),
            ("`", "`"),
            ("\"", "\""),
            ("'", "'"),
            ("$", "$"),
            ("\\boxed{", "}"),
            ("\\(", "\\)"),
            ("\\text{", "}"),
            ("<", ">"),
            ("[", "]"),
            ("(", ")"),
            ("{", "}"),
            ("\u{201c}", "\u{201d}"),
            ("\u{2018}", "\u{2019}"),
            ("\u{ab}", "\u{bb}"),
        ] {
            if let Some(inner) = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close))
                && !inner.is_empty()
                && !(open.len() == 1 && inner.contains(open))
            {
                text = inner.trim();
            }
        }
        // `"42".`: the full stop is outside of the quotes.
        if let Some(inner) = text.strip_suffix(['.', ',', ';', '!'])
            && inner.ends_with(['"', '`', '*', '\'', '}', ')'])
        {
            text = inner.trim_end();
        }
        if let Some(inner) = text.strip_prefix("#### ") {
            text = inner.trim();
        }
        if text == before {
            break;
        }
    }
    text
}

/// Whether nothing but marks is left.
pub(super) fn is_punctuation(text: &str) -> bool {
    !text.chars().any(char::is_alphanumeric)
}

/// What stands behind a lead-in such as `The answer is` or a label such as `Score:`, and whether there was one.
pub(super) fn after_lead_in(text: &str) -> (bool, &str) {
    let text = text.trim();
    if let Some(rest) = after_label(text) {
        return (true, strip_markup(rest));
    }
    let all = words(text, 16);
    let mut taken = 0;
    let mut end = 0;
    for word in &all {
        let between = text.get(end..word.start).unwrap_or_default();
        let marks_only = between
            .chars()
            .all(|c| c.is_whitespace() || matches!(c, '*' | '`' | '"' | ':' | '=' | '\'' | ','));
        if !LEAD_IN.contains(&word.text.as_str()) || !marks_only {
            break;
        }
        taken += 1;
        end = word.end;
    }
    // One article alone leads in to nothing: `A` may be the answer.
    if taken < 2 || taken == all.len() {
        return (false, text);
    }
    let rest = text.get(end..).unwrap_or_default();
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '=' | ','));
    (true, strip_markup(rest))
}

/// What stands behind a short label and its colon, if the text starts with one.
pub(super) fn after_label(text: &str) -> Option<&str> {
    let line = text.lines().next()?;
    let colon = line
        .char_indices()
        .take(48)
        .find(|(_, c)| matches!(c, ':' | '='))?
        .0;
    let label = text.get(..colon)?;
    let rest = text.get(colon + 1..)?;
    let label_words = words(label, 8);
    let negated = label_words
        .iter()
        .any(|word| NEGATIONS.contains(&word.text.as_str()) || HEDGES.contains(&word.text.as_str()));
    let plain = label
        .chars()
        .all(|c| c.is_alphabetic() || matches!(c, ' ' | '_' | '-' | '*' | '#' | '"' | '`' | '\'' | '$'));
    let one_of_ours =
        label_words.len() == 1 || label_words.iter().any(|w| LEAD_IN.contains(&w.text.as_str()));
    if negated || !plain || label_words.is_empty() || label_words.len() > 5 || !one_of_ours {
        return None;
    }
    let rest = rest.trim_start_matches(['*', '"', '`']).trim();
    (!rest.is_empty()).then_some(rest)
}

/// Whether an explanation of what stood before it starts here: a dash, a bracket, a new sentence, `because`.
pub(super) fn starts_explanation(behind: &str) -> bool {
    let trimmed = behind
        .trim_start_matches(['*', '`', '"', '\'', '_'])
        .trim_start_matches([' ', '\t']);
    let Some(first) = trimmed.chars().next() else {
        return true;
    };
    let reason = words(trimmed, 2);
    let Some(word) = reason.first() else { return true };
    let word = word.text.as_str();
    if word == "wait"
        || HEDGES.contains(&word)
        || NEGATIONS.contains(&word)
        || matches!(word, "out" | "to" | "and" | "but" | "though")
    {
        return false;
    }
    if matches!(word, "because" | "since" | "as" | "due") {
        return true;
    }
    let spaced = behind.starts_with([' ', '\n', '*', '`', '"']) || trimmed.chars().nth(1) == Some(' ');
    match first {
        '-' | '\u{2013}' | '\u{2014}' => spaced,
        '(' | '\n' | '\r' => true,
        ':' | ',' | '.' | ';' | '!' => trimmed
            .get(1..)
            .is_some_and(|rest| rest.starts_with(char::is_whitespace)),
        _ => false,
    }
}
