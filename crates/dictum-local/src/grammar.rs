//! From the layout of an answer to a grammar that llguidance decodes under.
//!
//! Pieces that stand next to each other become one terminal where they can: a terminal is one automaton, so there is nothing
//! to decide about where one piece ends and the next begins. JSON and free text are rules of their own.

use dictum_core::lm::{OutputShape, Piece};
use serde_json::{Map, Value, json};

use crate::error::EngineError;

/// A layout made ready for decoding.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// The grammar in llguidance's Lark; `None` when any text fits.
    pub(crate) lark: Option<String>,
    /// How an answer that ends in free text is closed.
    pub(crate) closing: Option<Closing>,
}

/// The fixed text behind a last free text. The model need not write it: it may simply end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closing {
    /// The answer ends where the model begins to write this.
    pub(crate) head: String,
    /// What the answer ends with, whichever way the model ended it.
    pub(crate) text: String,
}

/// A choice among more whole numbers than this is left to the JSON grammar.
const MOST_LISTED: i64 = 200;
/// A number needs no more digits; without a bound a small model may write them for ever.
const INTEGER: &str = "/-?(0|[1-9][0-9]{0,17})/";
const FLOAT: &str = r"/-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,10})?([eE][+-]?[0-9]{1,3})?/";
const ANY_TEXT: &str = "/(?s:.*)/";

/// Makes the grammar for a layout.
pub(crate) fn compile(shape: &OutputShape) -> Result<Layout, EngineError> {
    let mut pieces = shape.pieces();
    let mut closing = None;
    if let [before @ .., Piece::Free, Piece::Text(text)] = pieces {
        closing = Some(Closing {
            head: closing_head(text),
            text: text.clone(),
        });
        pieces = shape.pieces().get(..before.len() + 1).unwrap_or_default();
    }
    if matches!(pieces, [Piece::Free] | []) {
        return Ok(Layout { lark: None, closing });
    }
    let mut lark = Lark {
        marks: marks(shape.pieces()),
        ..Lark::default()
    };
    let mut rest = pieces.iter();
    while let Some(piece) = rest.next() {
        match piece {
            Piece::Text(text) => lark.terminal(quote(text)),
            Piece::Choice(options) => lark.terminal(choice(options)?),
            Piece::Int { min: None, max: None } => lark.terminal(INTEGER.to_owned()),
            Piece::Int { min, max } => match listed(*min, *max)? {
                Some(numbers) => lark.terminal(choice(&numbers)?),
                None => lark.rule(&bounded(*min, *max)),
            },
            Piece::Float => lark.terminal(FLOAT.to_owned()),
            Piece::Json(schema) => lark.rule(&json_rule(schema)?),
            Piece::Free => match rest.next() {
                None => lark.rule(ANY_TEXT),
                Some(Piece::Text(end)) => lark.free_until(end),
                Some(_) => {
                    return Err(grammar_error(
                        "free text must be followed by fixed text or by the end of the answer",
                    ));
                }
            },
        }
    }
    Ok(Layout {
        lark: Some(lark.finish()),
        closing,
    })
}

#[derive(Default)]
struct Lark {
    /// What free text may not contain: see [`marks`].
    marks: Vec<String>,
    /// Names of the rules and terminals so far, in order.
    sequence: Vec<String>,
    definitions: String,
    /// Parts of the terminal that is being collected.
    terminal: Vec<String>,
}

impl Lark {
    fn terminal(&mut self, expression: String) {
        self.terminal.push(expression);
    }

    fn close_terminal(&mut self) {
        if !self.terminal.is_empty() {
            let expression = std::mem::take(&mut self.terminal).join(" ");
            self.define("P", "", &expression);
        }
    }

    fn rule(&mut self, body: &str) {
        self.close_terminal();
        self.define("p", "", body);
    }

    /// Any text up to `end`. The text can't contain the start of what marks its end, so as soon as the model has written that much
    /// the rest of the mark is forced.
    fn free_until(&mut self, end: &str) {
        self.close_terminal();
        let own = head(end);
        let never: Vec<String> = std::iter::once(&own)
            .chain(self.marks.iter().filter(|mark| **mark != own))
            .map(|mark| format!(" & ~({ANY_TEXT} {} {ANY_TEXT})", quote(mark)))
            .collect();
        self.define(
            "p",
            &format!("[suffix={}]", quote(end)),
            &format!("{ANY_TEXT}{}", never.concat()),
        );
    }

    fn define(&mut self, kind: &str, attributes: &str, body: &str) {
        let name = format!("{kind}{}", self.sequence.len());
        self.definitions
            .push_str(&format!("{name}{attributes}: {body}\n"));
        self.sequence.push(name);
    }

    fn finish(mut self) -> String {
        self.close_terminal();
        format!("start: {}\n{}", self.sequence.join(" "), self.definitions)
    }
}

/// Every mark of the layout, each up to what makes it distinctive. Free text may contain none of them: a small model that
/// forgets to end one field and begins the next is led back to the end it forgot. Lines that begin with a letter are not counted
/// as marks, for any text may contain them.
fn marks(pieces: &[Piece]) -> Vec<String> {
    let mut marks = Vec::new();
    for piece in pieces {
        let Piece::Text(text) = piece else { continue };
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with(char::is_alphanumeric))
        {
            let head = head(line);
            if head.len() > 2 && !marks.contains(&head) {
                marks.push(head);
            }
        }
    }
    marks
}

/// The part of a closing mark that free text may not contain. Of a mark that begins with punctuation that is the punctuation, when
/// it is distinctive (`[[ ## `), else with the word that follows (`</answer`). A mark that begins with a letter counts as a whole
/// line. Leading white space is left out: text may well contain that.
fn head(mark: &str) -> String {
    let line = mark.trim_start().lines().next().unwrap_or_default();
    if line.is_empty() {
        return mark.to_owned();
    }
    let word = line.find(char::is_alphanumeric).unwrap_or(line.len());
    let end = match word {
        0 => line.len(),
        1 | 2 => {
            let rest = line.get(word..).unwrap_or_default();
            word + rest
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len())
        }
        _ => word,
    };
    line.get(..end).unwrap_or(line).to_owned()
}

/// The part of a closing mark that ends an answer: its punctuation with the word that follows (`[[ ## completed`). The
/// punctuation alone would not do, for the headers before the text have it too.
fn closing_head(mark: &str) -> String {
    let line = mark.trim_start().lines().next().unwrap_or_default();
    let word = line.find(char::is_alphanumeric).unwrap_or(line.len());
    let rest = line.get(word..).unwrap_or_default();
    let end = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    match line.get(..word + end) {
        Some(head) if word > 0 && !head.is_empty() => head.to_owned(),
        // A mark that begins with a letter counts as a whole line.
        _ if !line.is_empty() => line.to_owned(),
        _ => mark.to_owned(),
    }
}

fn choice(options: &[String]) -> Result<String, EngineError> {
    if options.is_empty() {
        return Err(grammar_error("a choice of nothing"));
    }
    let options: Vec<_> = options.iter().map(|option| quote(option)).collect();
    Ok(format!("({})", options.join(" | ")))
}

/// The whole numbers of a small range, written out.
fn listed(min: Option<i64>, max: Option<i64>) -> Result<Option<Vec<String>>, EngineError> {
    let (Some(min), Some(max)) = (min, max) else {
        return Ok(None);
    };
    if min > max {
        return Err(grammar_error(&format!(
            "no whole number is at least {min} and at most {max}"
        )));
    }
    let few = max.checked_sub(min).is_some_and(|width| width < MOST_LISTED);
    Ok(few.then(|| (min..=max).map(|n| n.to_string()).collect()))
}

fn bounded(min: Option<i64>, max: Option<i64>) -> String {
    let mut schema = Map::from_iter([("type".to_owned(), "integer".into())]);
    for (key, bound) in [("minimum", min), ("maximum", max)] {
        schema.extend(bound.map(|bound| (key.to_owned(), bound.into())));
    }
    format!("%json {}", Value::Object(schema))
}

/// JSON on one line with a space behind `,` and `:`: white space that the model has no say in is forced, not sampled.
fn json_rule(schema: &Value) -> Result<String, EngineError> {
    let mut schema = match schema {
        Value::Object(schema) => schema.clone(),
        Value::Bool(true) => Map::new(),
        other => {
            return Err(grammar_error(&format!(
                "{other} is not a JSON schema that anything fits"
            )));
        }
    };
    let layout = json!({
        "whitespace_flexible": false, "item_separator": ", ", "key_separator": ": ",
        // What a schema says beyond what the grammar can hold is checked when the answer is parsed.
        "lenient": true,
    });
    schema.insert("x-guidance".to_owned(), layout);
    Ok(format!("%json {}", Value::Object(schema)))
}

/// A Lark string. Lark reads JSON's escapes.
fn quote(text: &str) -> String {
    Value::from(text).to_string()
}

fn grammar_error(cause: &str) -> EngineError {
    EngineError::Grammar {
        cause: cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use llguidance::api::TopLevelGrammar;
    use llguidance::toktrie::ApproximateTokEnv;
    use llguidance::{Matcher, ParserFactory};

    use super::*;

    /// Whether the grammar of `pieces` takes exactly `text`, with a tokenizer whose tokens are bytes.
    fn takes(pieces: &[Piece], text: &str) -> bool {
        let layout = compile(&OutputShape::new(pieces.to_vec())).unwrap();
        let mut matcher = matcher(&layout.lark.expect("a grammar"));
        let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
        let taken = matcher.try_consume_tokens(&tokens).unwrap();
        taken == tokens.len() && (matcher.is_stopped() || matcher.is_accepting().unwrap())
    }

    fn matcher(lark: &str) -> Matcher {
        let mut factory = ParserFactory::new_simple(&ApproximateTokEnv::single_byte_env()).unwrap();
        factory.quiet();
        let matcher = Matcher::new(factory.create_parser(TopLevelGrammar::from_lark(lark.to_owned())));
        assert_eq!(matcher.get_error(), None, "{lark}");
        matcher
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn choice_of(options: &[&str]) -> Piece {
        Piece::Choice(options.iter().map(|option| (*option).to_owned()).collect())
    }

    #[test]
    fn fixed_text_and_choices_take_exactly_what_they_say() {
        let pieces = [
            text("[[ ## label ## ]]\n"),
            choice_of(&["yes", "yes, but", "no \"quotes\" \\ é"]),
            text("\n\nend"),
        ];
        assert!(takes(&pieces, "[[ ## label ## ]]\nyes\n\nend"));
        assert!(takes(&pieces, "[[ ## label ## ]]\nyes, but\n\nend"));
        assert!(takes(&pieces, "[[ ## label ## ]]\nno \"quotes\" \\ é\n\nend"));
        assert!(!takes(&pieces, "[[ ## label ## ]]\nmaybe\n\nend"));
        assert!(!takes(&pieces, "[[ ## label ## ]]\nyes\n\nend "));
        assert!(!takes(&pieces, "yes"));
    }

    #[test]
    fn what_ends_a_last_free_text_is_in_nothing_before_it() {
        let pieces = vec![
            text("[[ ## answer ## ]]\n"),
            Piece::Free,
            text("\n\n[[ ## completed ## ]]"),
        ];
        let closing = compile(&OutputShape::new(pieces)).unwrap().closing.unwrap();
        assert_eq!(closing.head, "[[ ## completed");
        assert_eq!(closing_head("\n</answer>"), "</answer");
        assert_eq!(closing_head("\nEND OF TEXT"), "END OF TEXT");
    }

    #[test]
    fn a_choice_before_a_text_that_could_continue_it_is_not_torn() {
        let pieces = [choice_of(&["a", "ab"]), text("bc")];
        assert!(takes(&pieces, "abc"));
        assert!(takes(&pieces, "abbc"));
        assert!(!takes(&pieces, "ac"));
    }

    #[test]
    fn numbers_keep_their_bounds() {
        let int = |min, max| [Piece::Int { min, max }, text(";")];
        assert!(
            takes(&int(None, None), "-120;")
                && !takes(&int(None, None), "012;")
                && !takes(&int(None, None), "1.5;")
        );
        assert!(takes(&int(Some(1), Some(5)), "5;") && !takes(&int(Some(1), Some(5)), "6;"));
        assert!(!takes(&int(Some(1), Some(5)), "-1;"));
        let wide = int(Some(-1000), Some(100_000));
        assert!(
            takes(&wide, "-1000;")
                && takes(&wide, "99999;")
                && !takes(&wide, "100001;")
                && !takes(&wide, "-1001;")
        );
        let from = int(Some(10), None);
        assert!(takes(&from, "10;") && takes(&from, "123456;") && !takes(&from, "9;"));
        assert!(
            compile(&OutputShape::new(vec![Piece::Int {
                min: Some(3),
                max: Some(2)
            }]))
            .is_err()
        );
        for (number, fits) in [
            ("1.5", true),
            ("-0.25e-3", true),
            ("7", true),
            ("1.", false),
            (".5", false),
        ] {
            assert_eq!(
                takes(&[Piece::Float, text(";")], &format!("{number};")),
                fits,
                "{number}"
            );
        }
    }

    #[test]
    fn json_follows_its_schema_on_one_line() {
        let schema = json!({
            "type": "object", "required": ["a", "b"], "additionalProperties": false,
            "properties": { "a": { "type": "integer" }, "b": { "type": "array", "items": { "enum": ["x", "y"] } } },
        });
        let pieces = [text("> "), Piece::Json(schema), text("\nend")];
        assert!(takes(&pieces, "> {\"a\": 1, \"b\": [\"x\", \"y\"]}\nend"));
        assert!(!takes(&pieces, "> {\"a\": 1, \"b\": [\"z\"]}\nend"));
        assert!(!takes(&pieces, "> {\"a\": \"1\", \"b\": []}\nend"));
        assert!(takes(&[Piece::Json(json!(true))], "[1, {\"k\": null}]"));
        assert!(compile(&OutputShape::new(vec![Piece::Json(json!(false))])).is_err());
    }

    #[test]
    fn free_text_ends_where_its_mark_begins_and_the_mark_is_then_forced() {
        let pieces = [
            text("[[ ## why ## ]]\n"),
            Piece::Free,
            text("\n\n[[ ## label ## ]]\n"),
            choice_of(&["yes", "no"]),
        ];
        assert!(takes(
            &pieces,
            "[[ ## why ## ]]\nBecause [1] it\n\nis.\n\n[[ ## label ## ]]\nno"
        ));
        assert!(!takes(
            &pieces,
            "[[ ## why ## ]]\nI know: [[ ## other ## ]]\n\n[[ ## label ## ]]\nno"
        ));
        let layout = compile(&OutputShape::new(pieces.to_vec())).unwrap();
        let mut matcher = matcher(&layout.lark.unwrap());
        let so_far: Vec<u32> = "[[ ## why ## ]]\nBecause.\n\n[[ ## "
            .bytes()
            .map(u32::from)
            .collect();
        matcher.consume_tokens(&so_far).unwrap();
        assert_eq!(
            String::from_utf8(matcher.compute_ff_bytes()).unwrap(),
            "label ## ]]\n"
        );
    }

    #[test]
    fn a_last_free_text_may_simply_end_and_is_closed_afterwards() {
        let shape = OutputShape::new(vec![text("<a>\n"), Piece::Free, text("\n</a>")]);
        let layout = compile(&shape).unwrap();
        assert_eq!(
            layout.closing,
            Some(Closing {
                head: "</a".to_owned(),
                text: "\n</a>".to_owned()
            })
        );
        assert!(takes(&[text("<a>\n"), Piece::Free], "<a>\nanything"));
        assert_eq!(
            compile(&OutputShape::new(vec![Piece::Free])).unwrap(),
            Layout {
                lark: None,
                closing: None
            }
        );
    }

    #[test]
    fn free_text_with_nothing_to_end_it_is_refused() {
        let error = compile(&OutputShape::new(vec![Piece::Free, Piece::Float]))
            .unwrap_err()
            .to_string();
        assert!(error.contains("free text must be followed"), "{error}");
    }

    #[test]
    fn the_head_of_a_mark_is_its_distinctive_part() {
        assert_eq!(head("\n\n[[ ## label ## ]]\n"), "[[ ## ");
        assert_eq!(head("\n</some_answer>\n<next>"), "</some_answer");
        assert_eq!(head("\nThe end: \nof it"), "The end: ");
        assert_eq!(head("\n"), "\n");
    }

    #[test]
    fn free_text_cannot_begin_the_next_field_before_its_own_end() {
        let pieces = [
            text("<why>\n"),
            Piece::Free,
            text("\n</why>\n<kind>\n"),
            choice_of(&["a"]),
            text("\n</kind>"),
        ];
        assert!(takes(
            &pieces,
            "<why>\n1 < 2 and <b>so</b> on\n</why>\n<kind>\na\n</kind>"
        ));
        assert!(!takes(
            &pieces,
            "<why>\nso\n<kind>\na\n</kind>\n</why>\n<kind>\na\n</kind>"
        ));
        // A line of plain words marks nothing.
        let pieces = [text("Why\n"), Piece::Free, text("\n\nEnd of answer")];
        let with_more = [&pieces[..], &[choice_of(&["!"])]].concat();
        assert!(takes(&with_more, "Why\nWhy not? In the End.\n\nEnd of answer!"));
    }
}
