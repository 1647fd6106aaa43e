//! The text of a field on its way out.

/// What was handed on of a text field, and what is held back because it may not belong to the value.
#[derive(Debug, Default)]
pub(super) struct Flow {
    sent: String,
    held: String,
    kind: Form,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Too little is here to tell.
    #[default]
    Unknown,
    Plain,
    /// A verbatim block, which is one only if it closes where the field does.
    Verbatim,
}

impl Flow {
    /// What was handed on.
    pub(super) fn sent(&self) -> &str {
        &self.sent
    }

    /// Takes more of the text and gives what can be handed on. With `trim`, white space at the edges is not part of the
    /// value; without (a JSON string), what a missing quote would give back to the object is held.
    pub(super) fn push(&mut self, piece: &str, trim: bool) -> Option<String> {
        if trim && self.kind == Form::Unknown {
            self.held.push_str(piece);
            let start = self.held.trim_start().to_owned();
            self.kind = form(&start);
            if self.kind == Form::Plain {
                self.held.clear();
                return self.release(&start, trim);
            }
            self.held = start;
            return None;
        }
        if self.kind == Form::Verbatim {
            // The value comes whole; what is held is not needed for it.
            return None;
        }
        self.release(piece, trim)
    }

    fn release(&mut self, piece: &str, trim: bool) -> Option<String> {
        let solid = if trim {
            piece.trim_end()
        } else {
            piece.trim_end_matches([' ', '\t', '\r', '\n', ',', '}', ']'])
        };
        let tail = piece.get(solid.len()..).unwrap_or_default();
        if solid.is_empty() {
            self.held.push_str(tail);
            return None;
        }
        let mut text = std::mem::replace(&mut self.held, tail.to_owned());
        text.push_str(solid);
        self.sent.push_str(&text);
        Some(text)
    }

    /// What of the value was not handed on yet; `None` when the value does not go on from what was.
    pub(super) fn rest<'a>(&self, value: &'a str) -> Option<&'a str> {
        value.strip_prefix(self.sent.as_str())
    }

    /// Counts text as handed on.
    pub(super) fn sent_also(&mut self, text: &str) {
        self.sent.push_str(text);
    }
}

/// What text that starts so is, white space before it aside.
fn form(start: &str) -> Form {
    if start.is_empty() {
        return Form::Unknown;
    }
    let fence = start.bytes().take_while(|b| *b == b'~').count();
    // No model writes a fence that long; without a bound, a run of tildes would be counted anew for each piece.
    if fence == 0 || fence > 256 {
        return Form::Plain;
    }
    let rest = start.get(fence..).unwrap_or_default();
    if rest.is_empty() {
        return Form::Unknown;
    }
    for opening in ["verbatim\n", "verbatim\r\n"] {
        if fence >= 3 && rest.starts_with(opening) {
            return Form::Verbatim;
        }
        if fence >= 3 && opening.starts_with(rest) {
            return Form::Unknown;
        }
    }
    Form::Plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pieces: &[&str]) -> (Vec<String>, Flow) {
        let mut flow = Flow::default();
        let out = pieces.iter().filter_map(|piece| flow.push(piece, true)).collect();
        (out, flow)
    }

    #[test]
    fn white_space_comes_with_what_follows_it() {
        let (out, flow) = run(&["  \n", " a ", " \n", "b", "\n\n"]);
        assert_eq!(out, ["a", "  \nb"]);
        assert_eq!(flow.rest("a  \nb!"), Some("!"));
        assert_eq!(flow.rest("other"), None);
    }

    #[test]
    fn tildes_wait_until_they_are_no_verbatim_block() {
        assert_eq!(run(&["~", "~", "~ver", "y"]).0, ["~~~very"]);
        assert!(run(&["~~~verbatim", "\n", "text\n~~~"]).0.is_empty());
    }
}
