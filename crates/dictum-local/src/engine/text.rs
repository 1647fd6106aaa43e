//! From token bytes to text that may be shown: whole characters only, nothing that may yet turn out to be a stop string.

use crate::grammar::Closing;

/// Collects an answer's bytes and lets go of what is certain.
#[derive(Debug)]
pub(crate) struct TextOut {
    stops: Vec<String>,
    closing: Option<Closing>,
    held: Vec<u8>,
    /// The end of what was let go of, as much as a closing mark's leading white space may need.
    tail: String,
    stopped: bool,
}

impl TextOut {
    pub(crate) fn new(mut stops: Vec<String>, closing: Option<Closing>) -> Self {
        stops.extend(closing.as_ref().map(|closing| closing.head.clone()));
        stops.retain(|stop| !stop.is_empty());
        Self {
            stops,
            closing,
            held: Vec::new(),
            tail: String::new(),
            stopped: false,
        }
    }

    /// Takes the next token's bytes; returns what can be let go of now.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> String {
        let free = self.take(bytes);
        self.remember(&free);
        free
    }

    fn take(&mut self, bytes: &[u8]) -> String {
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

    /// The rest, when nothing more comes. A character cut in half becomes U+FFFD. An answer that is `complete` also gets its closing
    /// mark.
    pub(crate) fn finish(&mut self, complete: bool) -> String {
        let mut rest = String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned();
        self.remember(&rest);
        if let Some(closing) = self.closing.take().filter(|_| complete) {
            // The model may have written the white space before the mark, or some of it.
            let mark = closing.text.trim_start();
            let space = closing
                .text
                .get(..closing.text.len() - mark.len())
                .unwrap_or_default();
            let there = (0..=space.len())
                .rev()
                .find(|n| space.get(..*n).is_some_and(|head| self.tail.ends_with(head)))
                .unwrap_or(0);
            rest.push_str(space.get(there..).unwrap_or_default());
            rest.push_str(mark);
        }
        rest
    }

    fn remember(&mut self, text: &str) {
        if let Some(closing) = &self.closing {
            self.tail.push_str(text);
            let surplus = self.tail.len().saturating_sub(closing.text.len());
            let cut = (surplus..=self.tail.len()).find(|at| self.tail.is_char_boundary(*at));
            self.tail.drain(..cut.unwrap_or(0));
        }
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
        let mut out = TextOut::new(stops.iter().map(|s| (*s).to_owned()).collect(), None);
        let mut deltas: Vec<String> = Vec::new();
        for chunk in chunks {
            deltas.push(out.push(chunk));
        }
        let stopped = out.stopped();
        deltas.push(out.finish(true));
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
    fn a_closing_mark_stands_once_however_the_model_ended() {
        for written in ["yes", "yes\n", "yes\n\n", "yes\n\n[[ ## comp"] {
            let closing = Closing {
                head: "[[ ## ".to_owned(),
                text: "\n\n[[ ## end ## ]]".to_owned(),
            };
            let mut out = TextOut::new(Vec::new(), Some(closing));
            let text = out.push(written.as_bytes()) + &out.finish(true);
            assert_eq!(text, "yes\n\n[[ ## end ## ]]", "after {written:?}");
        }
    }

    #[test]
    fn an_answer_cut_off_is_not_closed() {
        let closing = Closing {
            head: "</a".to_owned(),
            text: "</a>".to_owned(),
        };
        let mut out = TextOut::new(Vec::new(), Some(closing));
        assert_eq!(out.push(b"ye") + &out.finish(false), "ye");
    }

    #[test]
    fn the_earliest_of_several_stop_strings_wins() {
        let (deltas, stopped) = run(&["zz", "b"], &[b"abzz"]);
        assert!(stopped);
        assert_eq!(deltas.concat(), "a");
    }
}
