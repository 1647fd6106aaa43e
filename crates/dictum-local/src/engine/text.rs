//! From token bytes to text that may be shown: whole characters only, nothing that may yet turn out to be a stop string.

/// Collects an answer's bytes and lets go of what is certain.
#[derive(Debug)]
pub(crate) struct TextOut {
    stops: Vec<String>,
    held: Vec<u8>,
    stopped: bool,
}

impl TextOut {
    pub(crate) fn new(stops: Vec<String>) -> Self {
        let stops = stops.into_iter().filter(|stop| !stop.is_empty()).collect();
        Self {
            stops,
            held: Vec::new(),
            stopped: false,
        }
    }

    /// Takes the next token's bytes; returns what can be let go of now.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        if self.stopped {
            return String::new();
        }
        self.held.extend_from_slice(bytes);
        let whole = whole_characters(&self.held);
        let text = String::from_utf8_lossy(self.held.get(..whole).unwrap_or_default()).into_owned();
        if let Some(at) = self
            .stops
            .iter()
            .filter_map(|stop| text.find(stop.as_str()))
            .min()
        {
            self.stopped = true;
            self.held.clear();
            return text.get(..at).unwrap_or_default().to_owned();
        }
        let keep = self
            .stops
            .iter()
            .map(|stop| overlap(&text, stop))
            .max()
            .unwrap_or(0);
        let (free, kept) = text.split_at_checked(text.len() - keep).unwrap_or((&text, ""));
        let mut held = kept.as_bytes().to_vec();
        held.extend_from_slice(self.held.get(whole..).unwrap_or_default());
        self.held = held;
        free.to_owned()
    }

    /// Whether a stop string was met.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped
    }

    /// The rest, when the answer ends without a stop string. A character cut in half becomes U+FFFD.
    pub(crate) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// Bytes up to the end of the last whole character; invalid bytes count as whole, they won't get better.
fn whole_characters(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Err(error) = std::str::from_utf8(bytes.get(at..).unwrap_or_default()) {
        match error.error_len() {
            Some(bad) => at += error.valid_up_to() + bad,
            None => return at + error.valid_up_to(),
        }
    }
    bytes.len()
}

/// Length of the longest proper prefix of `stop` that `text` ends with.
fn overlap(text: &str, stop: &str) -> usize {
    let longest = stop.len().saturating_sub(1).min(text.len());
    (1..=longest)
        .rev()
        .find(|&n| {
            stop.as_bytes()
                .get(..n)
                .is_some_and(|head| text.as_bytes().ends_with(head))
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stops: &[&str], chunks: &[&[u8]]) -> (Vec<String>, bool) {
        let mut out = TextOut::new(stops.iter().map(|s| (*s).to_owned()).collect());
        let mut deltas: Vec<String> = Vec::new();
        for chunk in chunks {
            deltas.push(out.push(chunk));
        }
        let stopped = out.stopped();
        deltas.push(out.finish());
        (deltas, stopped)
    }

    #[test]
    fn a_character_split_over_tokens_comes_whole() {
        let (deltas, _) = run(&[], &[b"a\xE2", b"\x82", b"\xACb"]);
        assert_eq!(deltas, ["a", "", "€b", ""]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_not_held_for_ever() {
        let (deltas, _) = run(&[], &[b"a\xFF", b"b"]);
        assert_eq!(deltas.concat(), "a\u{FFFD}b");
        assert_eq!(deltas[0], "a\u{FFFD}");
    }

    #[test]
    fn a_stop_string_over_two_tokens_is_never_shown() {
        let (deltas, stopped) = run(&["END"], &[b"one E", b"N", b"D two"]);
        assert!(stopped);
        assert_eq!(deltas, ["one ", "", "", ""]);
    }

    #[test]
    fn a_start_that_was_no_stop_string_is_let_go() {
        let (deltas, stopped) = run(&["END"], &[b"E", b"N", b"Emy"]);
        assert!(!stopped);
        assert_eq!(deltas.concat(), "ENEmy");
    }

    #[test]
    fn the_earliest_of_several_stop_strings_wins() {
        let (deltas, stopped) = run(&["zz", "b"], &[b"abzz"]);
        assert!(stopped);
        assert_eq!(deltas.concat(), "a");
    }
}
