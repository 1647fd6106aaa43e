//! Which recording a request that is not there comes nearest to, and where the two part.

use std::fmt::{self, Write};

use indexmap::IndexMap;
use serde_json::Value;

/// A request as texts by their places: the messages, the model, each setting and so on, in the order people look at them.
#[derive(Debug)]
pub(super) struct Places(IndexMap<String, String>);

/// The first difference between the nearest recording and a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// The recording's line in the file, from 1.
    line: usize,
    /// Where; `None` when nothing differs that a recording shows.
    at: Option<Parting>,
}

#[derive(Debug, PartialEq, Eq)]
struct Parting {
    place: String,
    /// The line within it, from 1, where it has several.
    line: Option<usize>,
    recorded: String,
    asked: String,
}

impl Places {
    /// The places of a request as a cassette shows it, to this model.
    pub(super) fn of(model: &str, shown: &Value) -> Self {
        let mut places = IndexMap::new();
        let messages = shown.get("messages").and_then(Value::as_array);
        for (at, message) in messages.into_iter().flatten().enumerate() {
            let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
            places.insert(format!("message {} ({role})", at + 1), parts(message));
        }
        places.insert("the model".to_owned(), model.to_owned());
        for (name, value) in shown.as_object().into_iter().flatten() {
            match value {
                _ if name == "messages" => {}
                Value::Object(members) if name == "settings" => {
                    let members = members.iter();
                    places
                        .extend(members.map(|(name, value)| (format!("the setting `{name}`"), bare(value))));
                }
                value => {
                    places.insert(format!("the {name}"), bare(value));
                }
            }
        }
        Self(places)
    }

    /// How much of two requests is the same, from 0 to 1.
    fn likeness(&self, other: &Self) -> f64 {
        let size = |places: &Self| places.0.values().map(String::len).sum::<usize>();
        let common: usize = self
            .0
            .iter()
            .filter_map(|(place, text)| Some(common(text, other.0.get(place)?)))
            .sum();
        (2 * common) as f64 / (size(self) + size(other)).max(1) as f64
    }

    /// Where these, of a recording, first part from those asked for.
    fn parting(&self, asked: &Self) -> Option<Parting> {
        let mut places = asked
            .0
            .keys()
            .chain(self.0.keys().filter(|place| !asked.0.contains_key(*place)));
        let place = places.find(|place| self.0.get(*place) != asked.0.get(*place))?;
        let (recorded, asked) = (self.0.get(place), asked.0.get(place));
        let (line, [recorded, asked]) = match (recorded, asked) {
            (Some(recorded), Some(asked)) => first_lines(recorded, asked),
            (recorded, asked) => (None, [recorded, asked].map(whole)),
        };
        Some(Parting {
            place: place.clone(),
            line,
            recorded,
            asked,
        })
    }
}

/// The nearest of these recordings, each with its line in the file; the first of those that are equally near.
pub(super) fn nearest(recorded: &[(usize, Places)], asked: &Places) -> Option<Difference> {
    let mut best: Option<(f64, usize, &Places)> = None;
    for (line, places) in recorded {
        let likeness = places.likeness(asked);
        if best.is_none_or(|(most, ..)| likeness > most) {
            best = Some((likeness, *line, places));
        }
    }
    let (_, line, places) = best?;
    Some(Difference {
        line,
        at: places.parting(asked),
    })
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The nearest, on line {}, differs ", self.line)?;
        let Some(at) = &self.at else {
            return f.write_str(
                "only in what a recording does not show: media, the tool choice, or the answer's layout, which \
                 follows from what the model can do.",
            );
        };
        write!(f, "first in {}", at.place)?;
        if let Some(line) = at.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {} was recorded, {} is asked for.", at.recorded, at.asked)
    }
}

/// The text of a message; a part of another kind as JSON.
fn parts(message: &Value) -> String {
    let parts = message.get("parts").and_then(Value::as_array);
    let mut text = String::new();
    for part in parts.into_iter().flatten() {
        match part.get("text").and_then(Value::as_str) {
            Some(words) => text.push_str(words),
            // Writing to a string can't fail.
            None => drop(write!(text, "{part}")),
        }
    }
    text
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Bytes that two texts have in common at their beginning and their end.
fn common(a: &str, b: &str) -> usize {
    let same = |(a, b): &(u8, u8)| a == b;
    let begin = a.bytes().zip(b.bytes()).take_while(same).count();
    let most = a.len().min(b.len()) - begin;
    let end = a.bytes().rev().zip(b.bytes().rev()).take_while(same).count();
    begin + end.min(most)
}

/// How much of a difference is shown, in characters, and how much of what goes before it on the line.
const SHOWN: usize = 80;
const BEFORE: usize = 20;

/// The first lines in which two texts differ, cut to where they do, and which line it is if they have several.
fn first_lines(a: &str, b: &str) -> (Option<usize>, [String; 2]) {
    let mut lines = (a.lines(), b.lines());
    let mut number = 0;
    let pair = loop {
        number += 1;
        match (lines.0.next(), lines.1.next()) {
            (Some(a), Some(b)) if a == b => {}
            pair => break pair,
        }
    };
    let several = a.contains('\n') || b.contains('\n');
    let texts = match pair {
        (Some(a), Some(b)) => {
            let begin = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
            [a, b].map(|line| cut(line, begin.saturating_sub(BEFORE)))
        }
        (a, b) => [a, b].map(|line| line.map_or_else(|| "nothing".to_owned(), |line| cut(line, 0))),
    };
    (several.then_some(number), texts)
}

/// The start of a text that the other side does not have at all.
fn whole(text: Option<&String>) -> String {
    text.map_or_else(|| "nothing".to_owned(), |text| cut(text, 0))
}

/// So much of a text from the character `from` on, in quotes.
fn cut(text: &str, from: usize) -> String {
    let before = if from > 0 { "..." } else { "" };
    let shown: String = text.chars().skip(from).take(SHOWN).collect();
    let after = if text.chars().nth(from + SHOWN).is_some() {
        "..."
    } else {
        ""
    };
    format!("{:?}", format!("{before}{shown}{after}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(texts: &[&str], settings: Value) -> Places {
        let messages: Vec<Value> = texts
            .iter()
            .map(|text| json!({ "role": "user", "parts": [{ "type": "text", "text": text }] }))
            .collect();
        Places::of("test/m", &json!({ "messages": messages, "settings": settings }))
    }

    fn told(recorded: &[Places], asked: &Places) -> String {
        let recorded: Vec<_> = recorded
            .iter()
            .zip(1..)
            .map(|(places, line)| (line, Places(places.0.clone())))
            .collect();
        nearest(&recorded, asked).unwrap().to_string()
    }

    #[test]
    fn the_nearest_is_the_one_that_shares_most_and_the_first_difference_is_shown() {
        let recorded = [
            places(&["Name a colour.\nAnswer:", "blue"], json!({})),
            places(&["What is 6 times 7?\nAnswer in digits:"], json!({})),
            places(&["What is 6 times 7?\nAnswer:"], json!({ "temperature": 0.5 })),
        ];
        let ask = |texts: &[&str], settings| told(&recorded, &places(texts, settings));
        assert_eq!(
            ask(&["What is 6 times 7?\nAnswer:"], json!({ "temperature": 1.0 })),
            "The nearest, on line 3, differs first in the setting `temperature`: \"0.5\" was recorded, \"1.0\" is asked for."
        );
        assert_eq!(
            ask(&["What is 6 times 7?\nAnswer with digits:"], json!({})),
            "The nearest, on line 2, differs first in message 1 (user), line 2: \"Answer in digits:\" was recorded, \
             \"Answer with digits:\" is asked for."
        );
        assert_eq!(
            ask(&["Name a colour.\nAnswer:", "blue", "another"], json!({})),
            "The nearest, on line 1, differs first in message 3 (user): nothing was recorded, \"another\" is asked for."
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_difference_also_in_other_scripts() {
        let long = "é".repeat(500);
        let text = told(
            &[places(&[&format!("{long}a{long}")], json!({}))],
            &places(&[&format!("{long}b{long}")], json!({})),
        );
        let shown = |middle: &str| format!("\"...{}{middle}{}...\"", "é".repeat(20), "é".repeat(59));
        assert!(text.contains(&shown("a")) && text.contains(&shown("b")), "{text}");
    }

    #[test]
    fn what_a_recording_does_not_show_is_named() {
        let text = told(&[places(&["a"], json!({}))], &places(&["a"], json!({})));
        assert!(text.contains("the answer's layout"), "{text}");
    }
}
