//! Finds where the answer begins, after the thinking in front of it.

use crate::parse::coerce::same_key;
use crate::parse::{Layout, thinking};
use crate::signature::FieldSpec;

/// The beginning of an answer.
#[derive(Debug, Default)]
pub(super) struct Lead {
    place: Place,
    /// Thinking up to here was handed on.
    told: usize,
}

/// What was seen of the beginning.
#[derive(Debug)]
enum Place {
    /// Here the answer begins, or a block of thinking does.
    Start(usize),
    /// Inside thinking that this tag ends; nothing before this place does.
    Inside(&'static str, usize),
    /// Here the answer begins.
    Body(usize),
}

impl Default for Place {
    fn default() -> Self {
        Self::Start(0)
    }
}

impl Lead {
    /// The byte where the answer begins, once that is known. What is thinking in front of it goes to `thinking`.
    pub(super) fn body(
        &mut self,
        text: &str,
        layout: Layout,
        outputs: &[FieldSpec],
        thinking: &mut String,
    ) -> Option<usize> {
        let is_field =
            |tag: &str| layout == Layout::Xml && outputs.iter().any(|field| same_key(&field.name, tag));
        loop {
            match self.place {
                Place::Body(at) => return Some(at),
                Place::Inside(close, from) => {
                    let rest = text.get(from..)?;
                    match thinking::find(rest, close) {
                        Some(at) => {
                            self.tell(text, from + at, thinking);
                            self.place = Place::Start(from + at + close.len());
                        }
                        None => {
                            // The tag may have begun.
                            let keep = rest.len().saturating_sub(close.len());
                            let mut next = from + keep;
                            while !text.is_char_boundary(next) {
                                next -= 1;
                            }
                            self.tell(text, next, thinking);
                            self.place = Place::Inside(close, next);
                            return None;
                        }
                    }
                }
                Place::Start(from) => {
                    let rest = text.get(from..)?;
                    let start = rest.trim_start();
                    let at = from + rest.len() - start.len();
                    self.place = Place::Start(at);
                    let tags = thinking::TAGS
                        .iter()
                        .filter(|(open, _)| !is_field(thinking::name(open)));
                    let mut undecided = start.is_empty();
                    let mut found = None;
                    for (open, close) in tags {
                        if thinking::has_prefix(start, open) {
                            found = Some((*open, *close));
                            break;
                        }
                        undecided |= start.len() < open.len() && thinking::has_prefix(open, start);
                    }
                    match found {
                        Some((open, close)) => {
                            self.told = at + open.len();
                            self.place = Place::Inside(close, self.told);
                        }
                        None if undecided => return None,
                        None => self.place = Place::Body(at),
                    }
                }
            }
        }
    }

    fn tell(&mut self, text: &str, until: usize, thinking: &mut String) {
        thinking.push_str(text.get(self.told..until).unwrap_or_default());
        self.told = self.told.max(until);
    }
}
