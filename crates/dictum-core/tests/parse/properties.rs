//! What must hold of any text and any type.

use dictum_core::parse::{self, Layout};
use dictum_core::signature::FieldSpec;
use dictum_core::types::{Kind, Schema, Type};
use proptest::prelude::*;
use serde_json::Value;

use crate::any_answer;
use crate::roundtrip::layouts;
use crate::values::{nasty_text, typed};

/// Whether what was read from the beginning of a text can stand beside the whole value: nothing in it is a number,
/// boolean or choice that the whole does not have at the same place; texts may be shorter.
fn is_beginning(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::String(part), Value::String(whole)) => {
            // An escape that was cut in the middle may leave a backslash or replacement behind.
            let part = part
                .trim_end_matches(['\\', 'u', '\u{fffd}'])
                .trim_end_matches(|c: char| c.is_ascii_hexdigit());
            let part = part.trim_end_matches(['\\', 'u', '\u{fffd}']);
            whole.starts_with(part.trim_end()) || part.len() < 12
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.len() <= whole.len()
                && part
                    .iter()
                    .zip(whole)
                    .all(|(part, whole)| is_beginning(part, whole))
        }
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(key, part)| match whole.get(key) {
                Some(whole) => is_beginning(part, whole),
                // An optional property that had not come yet, or a default.
                None => part.is_null(),
            })
        }
        (Value::Null, _) => true,
        (part, whole) => part == whole,
    }
}

/// Types whose JSON, cut off, can only be read as JSON: no text in them can swallow the rest.
fn only_json(ty: &Type) -> bool {
    match &ty.kind {
        Kind::Int | Kind::Float | Kind::Bool => true,
        Kind::List { item, .. } => only_json(item) || matches!(item.kind, Kind::Str),
        Kind::Tuple(types) => types.iter().all(only_json),
        Kind::Map { value, .. } => only_json(value),
        Kind::Object(object) => object.properties.iter().all(|property| only_json(&property.ty)),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1000), ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_misread_or_makes_it_panic(
        text in nasty_text(), schema in prop::sample::select(any_answer::types()), layout in layouts(),
    ) {
        any_answer::check(&text, &schema, layout);
    }

    #[test]
    fn clean_json_reads_as_itself((ty, value) in typed()) {
        let schema = Schema::new(ty);
        let written = parse::escape::json_value(&value, &schema);
        let reading = parse::json_value(&written, &schema);
        prop_assert!(reading.is_ok(), "{:?}", reading);
        let reading = reading.unwrap();
        prop_assert_eq!(&reading.value, &value);
        prop_assert_eq!(reading.repairs, vec![]);
        if schema.ty.is_text() {
            return Ok(());
        }
        for text in [serde_json::to_string(&written).unwrap(), serde_json::to_string_pretty(&written).unwrap()] {
            let reading = parse::value(&escape(&text), &schema);
            prop_assert!(reading.is_ok(), "{:?}\n{}", reading, text);
            let reading = reading.unwrap();
            prop_assert_eq!(&reading.value, &value, "{}", text);
            prop_assert_eq!(reading.repairs, vec![], "{}", text);
        }
    }

    #[test]
    fn a_cut_text_gives_no_wrong_scalar((ty, value) in typed(), at in 0.0..1.0_f64) {
        let text = value.to_string();
        // A marker's escape belongs to the layout, not to JSON.
        if text.contains("[[") {
            return Ok(());
        }
        let mut cut = (text.len() as f64 * at) as usize;
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        let judged = only_json(&ty) && (value.is_array() || value.is_object());
        let schema = Schema::new(ty);
        let Ok(reading) = parse::value(&text[..cut], &schema) else { return Ok(()) };
        if judged && cut < text.len() {
            let noted = reading.repairs.iter().any(|note| note.what == "truncated");
            prop_assert!(noted, "{:?} from {} is not marked as cut off", reading, &text[..cut]);
            prop_assert!(is_beginning(&reading.value, &value), "{} from {}", reading.value, &text[..cut]);
        }
    }
}

/// As an adapter writes it.
fn escape(text: &str) -> String {
    parse::escape::chat(text).into_owned()
}

#[test]
fn a_beginning_of_an_answer_gives_what_is_complete() {
    let outputs = [
        FieldSpec::output("reasoning", Type::str()),
        FieldSpec::output("score", Type::int()),
    ];
    let text = "[[ ## reasoning ## ]]\nIt is late.\n\n[[ ## score ## ]]\n42";
    let answer = parse::partial(text, Layout::Chat, &outputs);
    assert_eq!(answer.fields.text("reasoning"), Some("It is late."));
    // `42` may become `421`.
    assert!(!answer.fields.contains("score"));
    let answer = parse::partial(&format!("{text}\n"), Layout::Chat, &outputs);
    assert_eq!(answer.fields.get("score"), Some(&Value::from(42)));
    let answer = parse::partial("[[ ## reasoning ## ]]\nIt is la", Layout::Chat, &outputs);
    assert_eq!(answer.fields.text("reasoning"), Some("It is la"));
    assert!(
        answer
            .repairs
            .iter()
            .any(|note| note.at == "reasoning" && note.what == "truncated")
    );
    // The whole answer is taken at its word.
    assert_eq!(
        parse::fields(text, Layout::Chat, &outputs).fields.get("score"),
        Some(&Value::from(42))
    );
}

#[test]
fn constraints_are_checked_at_every_level() {
    let schema = Schema::from_json_schema(&serde_json::json!({"type": "object", "properties": {
        "people": {"type": "array", "items": {"type": "object",
            "properties": {"age": {"type": "integer", "maximum": 130}}, "required": ["age"]}},
    }, "required": ["people"]}));
    let outputs = [FieldSpec::output("data", schema)];
    let answer = parse::fields(
        "[[ ## data ## ]]\n{\"people\": [{\"age\": 5}, {\"age\": 200}]}",
        Layout::Chat,
        &outputs,
    );
    assert!(answer.fields.is_empty());
    let message = answer.failures[0].to_string();
    assert!(
        message.contains("people[1].age") && message.contains("130") && message.contains("200"),
        "{message}"
    );
}

#[test]
fn errors_point_at_the_place() {
    let outputs = [
        FieldSpec::output("a", Type::str()),
        FieldSpec::output("n", Type::int()),
    ];
    let answer = parse::fields(
        "[[ ## a ## ]]\nx\n\n[[ ## n ## ]]\nScore: 8/10\n",
        Layout::Chat,
        &outputs,
    );
    let parse::FailureReason::Unreadable(error) = &answer.failures[0].reason else {
        panic!("{:?}", answer.failures);
    };
    assert_eq!((error.line, error.excerpt.as_str()), (5, "Score: 8/10"));
    assert!(error.column >= 7 && error.column <= 8, "{}", error.column);
    assert!(error.problem.contains("whole number"), "{}", error.problem);
}

#[test]
fn deep_nesting_is_an_error_not_an_overflow() {
    for text in [
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        "<a>".repeat(100_000),
        "(".repeat(100_000),
    ] {
        for schema in any_answer::types() {
            let _ = parse::value(&text, &schema);
            for layout in [Layout::Chat, Layout::Json, Layout::Xml] {
                let _ = parse::fields(&text, layout, &[FieldSpec::output("a", schema.clone())]);
            }
        }
    }
}
