//! Text for people: colours, times, tokens, and what a terminal must not be shown as it is.

use dictum_core::lm::Usage;

/// Colours, where they are seen.
#[derive(Debug, Clone, Copy)]
pub struct Paint(pub bool);

impl Paint {
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A time as people say it.
pub fn time(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1_000.0 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.1} s", ms / 1e3),
        ms => format!("{:.1} min", ms / 6e4),
    }
}

/// Tokens and money, each where known, with a comma before.
pub fn tally(usage: &Usage) -> String {
    let mut text = match (usage.input_tokens, usage.output_tokens) {
        (None, None) => String::new(),
        (Some(input), Some(output)) => format!(", {input} tokens in, {output} out"),
        (Some(input), None) => format!(", {input} tokens in"),
        (None, Some(output)) => format!(", {output} tokens out"),
    };
    if let Some(cached) = usage.cached_tokens.filter(|cached| *cached > 0) {
        text.push_str(&format!(" ({cached} cached)"));
    }
    if let Some(cost) = usage.cost_usd {
        text.push_str(&format!(", ${cost:.6}"));
    }
    text
}

/// Text with control characters made visible: what a model wrote must not steer the terminal.
pub fn tame(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => out.push(character),
            '\r' => {}
            control if control.is_control() => out.extend(control.escape_unicode()),
            other => out.push(other),
        }
    }
    out
}

/// At most so many lines and characters of a text, and how many characters were left out.
pub fn fold(text: &str, lines: usize, characters: usize) -> (String, usize) {
    let head = text.split_inclusive('\n').take(lines);
    let kept: String = head.flat_map(str::chars).take(characters).collect();
    let left = text.chars().count() - kept.chars().count();
    (kept.trim_end().to_owned(), left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_steer_a_terminal_is_shown_instead() {
        assert_eq!(tame("a\x1b[2Jb\r\n\tc\u{9b}d"), "a\\u{1b}[2Jb\n\tc\\u{9b}d");
    }

    #[test]
    fn folding_counts_what_it_leaves_out() {
        assert_eq!(fold("one\ntwo\nthree", 2, 100), ("one\ntwo".into(), 5));
        assert_eq!(fold("äöü", 5, 2), ("äö".into(), 1));
        assert_eq!(fold("short", 5, 100), ("short".into(), 0));
    }
}
