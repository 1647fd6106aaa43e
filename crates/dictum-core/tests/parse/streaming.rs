//! An answer that arrives in pieces reads like one that arrives whole, however it is cut.

use std::collections::BTreeMap;

use dictum_core::parse::stream::{FieldEvent, FieldReader};
use dictum_core::parse::{self, Answer, Layout};
use dictum_core::signature::FieldSpec;
use dictum_core::types::{Schema, Type};
use proptest::prelude::*;
use serde_json::Value;

use crate::roundtrip::{layouts, render};
use crate::values::{nasty_text, typed};

/// What the events of one answer add up to.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    texts: BTreeMap<String, String>,
    done: BTreeMap<String, Value>,
    failed: Vec<String>,
    replaced: Vec<String>,
    partials: usize,
    /// Texts that were handed on before the end.
    early: usize,
}

impl Seen {
    fn take(&mut self, event: FieldEvent, started: &mut Vec<String>, early: bool) {
        let field = event.field().to_string();
        match event {
            FieldEvent::Started { .. } => {
                assert!(!started.contains(&field), "{field} starts twice");
                started.push(field);
                return;
            }
            FieldEvent::Failed { .. } => {
                self.done.remove(&field);
                self.failed.push(field);
                return;
            }
            _ => assert!(started.contains(&field), "{field} has not started"),
        }
        match event {
            FieldEvent::Text { text, .. } => {
                assert!(!self.done.contains_key(&field), "text after the end of {field}");
                assert!(!text.is_empty());
                self.early += usize::from(early);
                self.texts.entry(field).or_default().push_str(&text);
            }
            FieldEvent::Partial { .. } => self.partials += 1,
            FieldEvent::Done { value, .. } => {
                assert_eq!(self.done.insert(field, value), None);
            }
            FieldEvent::Replaced { .. } => {
                self.texts.remove(&field);
                self.done.remove(&field);
                self.replaced.push(field);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Cuts a text at these places, taken round its length.
fn cut<'t>(text: &'t str, places: &[usize]) -> Vec<&'t str> {
    let mut at: Vec<usize> = places.iter().map(|place| place % (text.len() + 1)).collect();
    at.retain(|at| text.is_char_boundary(*at));
    at.extend([0, text.len()]);
    at.sort_unstable();
    at.dedup();
    at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

fn one_by_one(text: &str) -> Vec<&str> {
    text.split_inclusive(|_| true).collect()
}

fn stream(pieces: &[&str], layout: Layout, outputs: &[FieldSpec]) -> (Seen, Answer) {
    let mut reader = FieldReader::new(layout, outputs);
    let (mut seen, mut started) = (Seen::default(), Vec::new());
    for piece in pieces {
        reader.push(piece);
        while let Some(event) = reader.next_event() {
            seen.take(event, &mut started, true);
        }
    }
    let answer = parse::fields(reader.text(), layout, outputs);
    for event in reader.finish(&answer) {
        seen.take(event, &mut started, false);
    }
    (seen, answer)
}

/// What must hold of any answer: the events end where the parser does.
fn agrees(seen: &Seen, answer: &Answer, outputs: &[FieldSpec]) {
    for field in outputs {
        let value = answer.fields.get(&field.name);
        assert_eq!(seen.done.get(&field.name), value, "{}", field.name);
        if let (true, Some(Value::String(text))) = (
            matches!(field.schema.ty.kind, dictum_core::types::Kind::Str),
            value,
        ) {
            let streamed = seen.texts.get(&field.name).map_or("", String::as_str);
            assert_eq!(streamed, text, "{}", field.name);
        }
    }
    let failed: Vec<&str> = answer
        .failures
        .iter()
        .map(|failure| failure.field.as_str())
        .collect();
    assert_eq!(seen.failed, failed);
}

fn texts(names: &[&str]) -> Vec<FieldSpec> {
    names
        .iter()
        .map(|name| FieldSpec::output(*name, Type::str()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1000), ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_any_pieces_ends_where_the_parser_does(
        text in nasty_text(), layout in layouts(), places in prop::collection::vec(any::<usize>(), 0..12), (ty, _) in typed(),
    ) {
        let outputs = [FieldSpec::output("answer", Type::str()), FieldSpec::output("x", Schema::new(ty))];
        for outputs in [&outputs[..], &outputs[..1]] {
            for pieces in [cut(&text, &places), one_by_one(&text)] {
                let (seen, answer) = stream(&pieces, layout, outputs);
                agrees(&seen, &answer, outputs);
            }
        }
    }

    #[test]
    fn an_answer_in_its_layout_is_never_taken_back(
        layout in layouts(), first in nasty_text(), (ty, value) in typed(), last in nasty_text(),
        places in prop::collection::vec(any::<usize>(), 0..12), thinking in any::<bool>(),
    ) {
        let fields = [
            (FieldSpec::output("answer", Type::str()), Value::from(first)),
            (FieldSpec::output("entry", Schema::new(ty)), value),
            (FieldSpec::output("x", Type::str()), Value::from(last)),
        ];
        let outputs: Vec<FieldSpec> = fields.iter().map(|(field, _)| field.clone()).collect();
        let lead = if thinking { "<think>\n[[ ## answer ## ]] <answer> {\"answer\": 1}\n</think>\n" } else { "" };
        let text = format!("{lead}{}", render(layout, &fields));
        for pieces in [cut(&text, &places), one_by_one(&text), vec![text.as_str()]] {
            let (seen, answer) = stream(&pieces, layout, &outputs);
            agrees(&seen, &answer, &outputs);
            prop_assert!(seen.replaced.is_empty(), "{:?}\n{}", seen, text);
            prop_assert!(seen.failed.is_empty());
        }
    }
}

/// A text that holds no structure of the layout, so that it can stand in a sloppy answer as it is.
fn loose_text(layout: Layout) -> impl Strategy<Value = String> {
    nasty_text().prop_map(move |text| match layout {
        Layout::Chat => {
            // More than two in a row must not leave two behind.
            let mut text = text;
            while text.contains("##") || text.contains("~~~") {
                text = text.replace("##", "#").replace("~~~", "~");
            }
            text
        }
        Layout::Xml => text.replace(['<', '~'], "~ "),
        Layout::Json => text.replace('"', "'").replace('\\', "\\\\"),
    })
}

/// An answer with every field once, in order, and what models do around that: decorated headers, a fence, prose after it,
/// line breaks in JSON texts, a comma too many, a closing tag forgotten at the end.
fn sloppy(layout: Layout, values: &[(&str, &str)], habit: usize) -> String {
    let each = |form: &dyn Fn(&str, &str) -> String| -> String {
        values.iter().map(|(name, value)| form(name, value)).collect()
    };
    match layout {
        Layout::Chat => {
            let text = each(&|name, value| match habit % 4 {
                0 => format!("[[ ## {name} ## ]]\n{value}\n"),
                1 => format!("**[[ ## {name} ## ]]**: {value}\n\n"),
                2 => format!("### [[##{}##]]\n{value}\n", name.to_uppercase()),
                _ => format!("1. [[ ## {name} ## ] {value}\n"),
            });
            format!(
                "{}{text}{}",
                ["", "Sure!\n", "\n \n"][habit % 3],
                ["", "[[ ## completed ## ]]", "[[ ## compl"][habit % 3]
            )
        }
        Layout::Xml => {
            let text = each(&|name, value| match habit % 2 {
                0 => format!("<{name}>{value}</{name}>\n"),
                _ => format!("  < <{name} type='a'>\n{value}\n</{name}>"),
            });
            let text = text.trim_end();
            if habit.is_multiple_of(5) {
                return text.strip_suffix("</x>").unwrap_or(text).to_owned();
            }
            format!("{text}\nI hope this helps.")
        }
        Layout::Json => {
            let text = each(&|name, value| format!("\"{name}\": \"{value}\", "));
            let body = text.trim_end_matches([' ', ',']);
            match habit % 4 {
                0 => format!("{{{body},}}"),
                1 => format!("```json\n{{{body}}}\n```\nI hope this helps."),
                2 => format!("{{\n{body}\n}}\n\nI hope this helps."),
                _ => format!(" {{{body}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1000), ..ProptestConfig::default() })]

    #[test]
    fn nor_is_a_sloppy_one(
        (layout, first, last) in layouts().prop_flat_map(|layout| (Just(layout), loose_text(layout), loose_text(layout))),
        habit in 0..60_usize, places in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let outputs = texts(&["answer", "x"]);
        let text = sloppy(layout, &[("answer", &first), ("x", &last)], habit);
        for pieces in [cut(&text, &places), one_by_one(&text)] {
            let (seen, answer) = stream(&pieces, layout, &outputs);
            agrees(&seen, &answer, &outputs);
            prop_assert!(seen.replaced.is_empty(), "{:?}\n{}", seen, text);
        }
    }
}

/// What the properties above found.
#[test]
fn rare_texts_are_not_taken_back() {
    let line = "```json\n{\"answer\": \"```\u{2028}\n\", \"x\": \"\"}\n```\nI hope this helps.";
    let last = "```json\n{\"answer\": \"\", \"x\": \"\u{2028}```\r\n\"}\n```\nI hope this helps.";
    let tag = "{\"answer\": \"</think>{<answer>\", \"x\": \"\"}";
    let block = "```json\n{\"answer\": \"\n```python\n\n```\n\", \"x\": \"[[##x##]][[ ## answer ## ]]\"}\n```\nI hope this helps.";
    let outputs = texts(&["answer", "x"]);
    for text in [
        block,
        line,
        last,
        tag,
        tag.trim_end_matches('}'),
        tag.trim_end_matches(['"', '}']),
    ] {
        for pieces in [one_by_one(text), vec![text]] {
            let (seen, answer) = stream(&pieces, Layout::Json, &outputs);
            agrees(&seen, &answer, &outputs);
            assert!(seen.replaced.is_empty(), "{seen:?}\n{text}");
        }
    }
}

#[test]
fn thinking_comes_early_and_apart() {
    let outputs = texts(&["answer"]);
    let text = "\n<THINK>\nTwo </thin plus two.\n</think> <think>é</think>[[ ## answer ## ]]\n4\n\n[[ ## completed ## ]]";
    for pieces in [vec![text], one_by_one(text), cut(text, &[3, 20, 31])] {
        let mut reader = FieldReader::new(Layout::Chat, &outputs);
        let (mut thinking, mut times) = (String::new(), 0);
        for piece in &pieces {
            reader.push(piece);
            let more = reader.take_thinking();
            times += usize::from(more.is_some());
            thinking.push_str(&more.unwrap_or_default());
        }
        assert_eq!(thinking, "\nTwo </thin plus two.\né");
        assert!(times > 10 || pieces.len() < 10);
        assert_eq!(reader.done().text("answer"), Some("4"));
    }
}

#[test]
fn text_comes_early_and_word_by_word() {
    let outputs = texts(&["reasoning", "answer"]);
    let words = "It says so, twice: \"yes\" & more.\nSee [1] and [[2]]. ".repeat(20);
    for layout in [Layout::Chat, Layout::Json, Layout::Xml] {
        let fields: Vec<(FieldSpec, Value)> = outputs
            .iter()
            .map(|field| (field.clone(), Value::from(words.trim())))
            .collect();
        let text = render(layout, &fields);
        let pieces: Vec<&str> = text.split_inclusive(' ').collect();
        let (seen, answer) = stream(&pieces, layout, &outputs);
        agrees(&seen, &answer, &outputs);
        assert!(
            seen.early > pieces.len() / 2,
            "{layout:?}: {} of {}",
            seen.early,
            pieces.len()
        );
    }
}

#[test]
fn structured_values_grow() {
    let spec =
        dictum_core::signature::SignatureSpec::parse("q -> rows: list[dict[str, int]], label: str").unwrap();
    let rows: Vec<Value> = (0..40)
        .map(|n| serde_json::json!({"n": n, "square": n * n}))
        .collect();
    for layout in [Layout::Chat, Layout::Json, Layout::Xml] {
        let fields = [
            (spec.outputs()[0].clone(), Value::from(rows.clone())),
            (spec.outputs()[1].clone(), Value::from("squares")),
        ];
        let text = render(layout, &fields);
        let mut reader = FieldReader::new(layout, spec.outputs());
        let mut sizes = Vec::new();
        for piece in one_by_one(&text) {
            reader.push(piece);
            while let Some(event) = reader.next_event() {
                if let FieldEvent::Partial { value, .. } = event {
                    let list = value.as_array().unwrap().clone();
                    // All but the last row are whole already.
                    assert_eq!(
                        list.iter().rev().skip(1).rev().collect::<Vec<_>>(),
                        rows.iter().take(list.len().saturating_sub(1)).collect::<Vec<_>>()
                    );
                    sizes.push(list.len());
                }
            }
        }
        assert!(sizes.is_sorted() && sizes.len() > 5, "{layout:?} {sizes:?}");
    }
}

#[test]
fn a_long_value_is_read_anew_a_bounded_number_of_times() {
    let outputs = [FieldSpec::output(
        "rows",
        Schema::parse("list[dict[str, int]]").unwrap(),
    )];
    let list = |rows: usize| vec![r#"{"a": 1, "b": 22, "c": 333}"#; rows].join(", ");
    for layout in [Layout::Chat, Layout::Json, Layout::Xml] {
        for rows in [400, 4_000] {
            let list = list(rows);
            let text = match layout {
                Layout::Chat => format!("[[ ## rows ## ]]\n[{list}]\n\n[[ ## completed ## ]]\n"),
                Layout::Json => format!("{{\"rows\": [{list}]}}"),
                Layout::Xml => format!("<rows>[{list}]</rows>\n"),
            };
            let mut reader = FieldReader::new(layout, &outputs);
            // What was read anew, by the length of the text at that time: rows grow with each reading.
            let (mut readings, mut bytes) = (0, 0);
            for piece in text.as_bytes().chunks(8) {
                reader.push(std::str::from_utf8(piece).unwrap());
                while let Some(event) = reader.next_event() {
                    if matches!(event, FieldEvent::Partial { .. }) {
                        readings += 1;
                        bytes += reader.text().len();
                    }
                }
            }
            assert!(readings > 10, "{layout:?}: only {readings}");
            assert!(
                bytes < 5 * text.len(),
                "{layout:?}: {bytes} bytes were read for {} in {readings} readings",
                text.len()
            );
        }
    }
}

#[test]
fn escapes_may_be_cut_anywhere() {
    let outputs = texts(&["answer"]);
    let json = [
        (r"a \ud83d\ude00 \u00e9\n\t\/ b", "a 😀 é\n\t/ b"),
        (r"\\ud83d \\\\ud83d \u005cn", r"\ud83d \\ud83d \n"),
        (
            r"\ud83d alone, \ude00 too, \ud83d\u0041",
            "\u{fffd} alone, \u{fffd} too, \u{fffd}A",
        ),
        (r"C:\data \d \u12 x \'", r"C:\data \d \u12 x '"),
        (
            r#"he said \"}, \" and , } ] went"#,
            r#"he said "}, " and , } ] went"#,
        ),
    ];
    let json = json.map(|(written, meant)| (Layout::Json, format!("{{\"answer\": \"{written}\"}}"), meant));
    let xml = [
        (
            "a &#x1F600;&amp;lt; &quot;b&quot; & c &nosuch; &",
            "a 😀&lt; \"b\" & c &nosuch; &",
        ),
        ("<![CDATA[ <answer> & &amp; ]]> x", "<answer> & &amp;  x"),
        (
            "1 < 2 <b>bold</b> <!-- </answer> --> <i",
            "1 < 2 <b>bold</b> <!-- </answer> --> <i",
        ),
    ];
    let xml = xml.map(|(written, meant)| (Layout::Xml, format!("<answer>{written}</answer>"), meant));
    let chat = [
        (
            r"a \[[ ## answer ## ]] b \\[[ ##",
            r"a [[ ## answer ## ]] b \[[ ##",
        ),
        ("x\n1. [[ ## y\n- [[ ## ", "x\n1. [[ ## y\n- [[ ##"),
    ];
    let chat = chat.map(|(written, meant)| {
        let text = format!("[[ ## answer ## ]]\n{written}\n\n[[ ## completed ## ]]");
        (Layout::Chat, text, meant)
    });
    for (layout, text, meant) in json.into_iter().chain(xml).chain(chat) {
        let answer = parse::fields(&text, layout, &outputs);
        assert_eq!(answer.fields.text("answer"), Some(meant), "{text}");
        for at in 0..text.len() {
            for pieces in [cut(&text, &[at]), cut(&text, &[at, at + 1]), one_by_one(&text)] {
                let (seen, answer) = stream(&pieces, layout, &outputs);
                agrees(&seen, &answer, &outputs);
                assert!(seen.replaced.is_empty(), "{text}\n{pieces:?}");
                assert!(seen.early > 0, "{text}");
            }
        }
    }
}
