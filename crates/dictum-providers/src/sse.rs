//! Server-sent events from bytes, however they are cut.

use dictum_core::lm::{LmError, LmErrorKind};

use crate::dialect::Framing;

/// One event. Ids are not needed by the dialects so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// What its `event` line says; empty without one.
    pub(crate) name: String,
    /// What its `data` lines hold.
    pub(crate) data: String,
}

/// Longest event, in bytes: beyond it the sender is broken, and memory is not to grow.
const MAX_EVENT: usize = 16 << 20;

/// A reader of server-sent events.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// Bytes of the line that has not ended.
    line: Vec<u8>,
    /// The data lines of the event that has not ended.
    data: Option<String>,
    /// The name of the event that has not ended.
    name: String,
    /// The last byte was a carriage return: a line feed now belongs to it.
    after_cr: bool,
    begun: bool,
}

fn bad(problem: &str) -> LmError {
    LmError::new(LmErrorKind::Decode, problem)
}

impl Framing for Parser {
    type Frame = Event;

    fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), LmError> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (head, tail) = rest.split_at(end);
            let (mark, after) = tail.split_at(1);
            rest = after;
            let joins = self.after_cr && head.is_empty() && mark == b"\n";
            self.after_cr = mark == b"\r";
            if joins {
                continue;
            }
            self.line.extend_from_slice(head);
            self.end_line(events)?;
        }
        if !rest.is_empty() {
            self.after_cr = false;
            self.line.extend_from_slice(rest);
        }
        if self.line.len() + self.data.as_ref().map_or(0, String::len) > MAX_EVENT {
            return Err(bad("an event of the stream is longer than 16 MiB"));
        }
        Ok(())
    }

    /// The standard drops an event without its empty line; servers that forget the last one are common, so it counts here.
    fn finish(&mut self, events: &mut Vec<Event>) -> Result<(), LmError> {
        if !self.line.is_empty() {
            self.end_line(events)?;
        }
        self.end_event(events);
        Ok(())
    }
}

impl Parser {
    fn end_line(&mut self, events: &mut Vec<Event>) -> Result<(), LmError> {
        let line = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&line).map_err(|_| bad("the stream is not UTF-8"))?;
        if !self.begun {
            self.begun = true;
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event(events);
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match (field, &mut self.data) {
            ("data", Some(data)) => {
                data.push('\n');
                data.push_str(value);
            }
            ("data", none) => *none = Some(value.to_owned()),
            ("event", _) => value.clone_into(&mut self.name),
            _ => {}
        }
        Ok(())
    }

    fn end_event(&mut self, events: &mut Vec<Event>) {
        let name = std::mem::take(&mut self.name);
        events.extend(self.data.take().map(|data| Event { name, data }));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(chunks: &[&[u8]]) -> Result<Vec<Event>, LmError> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for chunk in chunks {
            parser.push(chunk, &mut events)?;
        }
        parser.finish(&mut events)?;
        Ok(events)
    }

    fn parse(chunks: &[&[u8]]) -> Result<Vec<String>, LmError> {
        Ok(events(chunks)?.into_iter().map(|event| event.data).collect())
    }

    #[test]
    fn names_belong_to_their_event_only() {
        let read = events(&[b"event: ping\n\nevent: first\nevent:last\ndata: 1\n\ndata: 2\n\n"]).unwrap();
        let read: Vec<(&str, &str)> = read.iter().map(|event| (&*event.name, &*event.data)).collect();
        assert_eq!(read, [("last", "1"), ("", "2")]);
    }

    #[test]
    fn the_parts_of_the_format() {
        let text = "\u{feff}: a comment\nevent: message\nid: 1\ndata: one\n\ndata:two\ndata:  2\n\n\n\nretry: 5\n\ndata\n\ndata: last";
        assert_eq!(parse(&[text.as_bytes()]).unwrap(), ["one", "two\n 2", "", "last"]);
        let error = parse(&[b"data: \xff\n\n"]).unwrap_err();
        assert_eq!(
            (error.kind(), error.message()),
            (LmErrorKind::Decode, "the stream is not UTF-8")
        );
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = Parser::default();
        let chunk = vec![b'x'; 1 << 20];
        let refused = (0..40).any(|_| parser.push(&chunk, &mut Vec::new()).is_err());
        assert!(refused);
    }

    proptest! {
        #[test]
        fn chunking_and_line_ends_change_nothing(
            events in prop::collection::vec("[a-z:é€𝄞 ]{0,12}(\n[a-z ]{1,5})?", 0..6),
            ends in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            cuts in prop::collection::vec(0usize..200, 0..20),
        ) {
            let mut text = String::new();
            for event in &events {
                for line in event.split('\n') {
                    text.push_str("data: ");
                    text.push_str(line);
                    text.push_str(ends);
                }
                text.push_str(ends);
            }
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(parse(&chunks).unwrap(), events);
        }

        #[test]
        fn no_bytes_break_it(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 0..10)) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            drop(parse(&chunks));
        }
    }
}
