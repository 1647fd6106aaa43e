//! `derive(Signature)`: the spec, the two structs, and the way through records.

use std::collections::{BTreeMap, HashMap};

use dictum::prelude::*;
use dictum::signature::FieldKind;
use dictum::types::{Constraints, Kind};
use serde_json::{Value, json};

#[derive(FieldType, Debug, Clone, PartialEq)]
pub(crate) enum Mood {
    Calm,
    Angry,
}

/// Read a letter.
///
/// - Be brief.
///   - Really.
#[derive(Signature)]
pub(crate) struct Read {
    /// The letter,
    /// whole.
    #[input(min_length = 1)]
    pub letter: String,
    #[output(desc = "How the writer feels.", default = Mood::Calm)]
    /// Not shown: `desc` wins.
    pub mood: Mood,
    #[input(default = "en")]
    pub r#type: String,
    #[input]
    pub notes: Option<Vec<String>>,
    #[output(exclusive_min = 0, max = 1.5, multiple_of = 0.5)]
    pub score: f64,
    #[output(default = -3)]
    pub shift: i64,
    #[output(default = vec![String::from("a"), String::from("b")])]
    pub tags: Vec<String>,
    #[output(min = 1, max = 9, default = 2)]
    pub rank: Option<u16>,
    #[output(pattern = "^[a-z]+$", max_length = 8)]
    pub word: String,
}

#[test]
fn the_spec_has_the_fields_in_order_inputs_first() {
    let spec = Read::spec();
    let names: Vec<_> = spec
        .fields()
        .iter()
        .map(|field| (field.name.as_str(), field.kind))
        .collect();
    use FieldKind::{Input, Output};
    assert_eq!(
        names,
        [
            ("letter", Input),
            ("type", Input),
            ("notes", Input),
            ("mood", Output),
            ("score", Output),
            ("shift", Output),
            ("tags", Output),
            ("rank", Output),
            ("word", Output),
        ]
    );
}

#[test]
fn doc_comments_are_instructions_and_descriptions() {
    let spec = Read::spec();
    assert_eq!(
        spec.explicit_instructions(),
        Some("Read a letter.\n\n- Be brief.\n  - Really.")
    );
    let described = |name: &str| spec.field(name).unwrap().description.clone();
    assert_eq!(described("letter").as_deref(), Some("The letter,\nwhole."));
    assert_eq!(described("mood").as_deref(), Some("How the writer feels."));
    assert_eq!(described("score"), None);
}

#[derive(Signature)]
#[doc = "Follow these rules."]
#[doc = concat!("Rule ", 1, ": be kind.")]
struct FromMacro {
    #[output]
    answer: String,
}

#[derive(Signature)]
struct Bare {
    #[input]
    question: String,
    #[output]
    answer: String,
}

#[test]
fn instructions_may_come_from_a_macro_or_be_made_of_the_names() {
    assert_eq!(
        FromMacro::spec().instructions(),
        "Follow these rules.\nRule 1: be kind."
    );
    assert_eq!(Bare::spec().explicit_instructions(), None);
    assert_eq!(Bare::spec().instructions(), "From `question`, produce `answer`.");
}

fn constraints(spec: &SignatureSpec, name: &str) -> Constraints {
    match &spec.field(name).unwrap().schema.ty {
        ty if matches!(ty.kind, Kind::Optional(_)) => {
            let Kind::Optional(inner) = &ty.kind else {
                unreachable!()
            };
            inner.constraints.clone()
        }
        ty => ty.constraints.clone(),
    }
}

#[test]
fn constraints_join_those_of_the_type_and_reach_into_options() {
    let spec = Read::spec();
    assert_eq!(constraints(&spec, "letter").describe(), ["at least 1 long"]);
    assert_eq!(
        constraints(&spec, "score").describe(),
        ["greater than 0", "at most 1.5", "a multiple of 0.5"]
    );
    assert_eq!(constraints(&spec, "rank").describe(), ["at least 1", "at most 9"]);
    assert!(
        constraints(&spec, "word")
            .check(&json!("word1"))
            .iter()
            .any(|v| v.rule.contains("match"))
    );
    // No bound of its own: the type's width is what holds.
    assert_eq!(constraints(&spec, "shift").min.unwrap().as_i64(), Some(i64::MIN));
}

#[test]
fn defaults_stand_in_the_spec_and_for_what_a_record_lacks() {
    let spec = Read::spec();
    let default = |name: &str| spec.field(name).unwrap().default.clone();
    assert_eq!(default("type"), Some(json!("en")));
    assert_eq!(default("mood"), Some(json!("Calm")));
    assert_eq!(default("shift"), Some(json!(-3)));
    assert_eq!(default("tags"), Some(json!(["a", "b"])));
    assert_eq!(default("score"), None);

    let out = ReadOutput::from_record(record! { score: 0.5, word: "so" }).unwrap();
    assert_eq!(
        out,
        ReadOutput {
            mood: Mood::Calm,
            score: 0.5,
            shift: -3,
            tags: vec!["a".into(), "b".into()],
            rank: Some(2),
            word: "so".into(),
        }
    );
    // A `null` is there: it is not replaced by the default.
    let out = ReadOutput::from_record(record! { score: 0.5, word: "so", rank: Value::Null }).unwrap();
    assert_eq!(out.rank, None);
}

#[test]
fn values_come_back_as_they_went() {
    let input = ReadInput {
        letter: "Dear [[ ## letter ## ]]\n\u{0}\"you\"".into(),
        r#type: "de".into(),
        notes: None,
    };
    let record = input.clone().into_record().unwrap();
    assert_eq!(record.names().collect::<Vec<_>>(), ["letter", "type", "notes"]);
    assert_eq!(ReadInput::from_record(record).unwrap(), input);

    let record = record! { letter: "x", type: "en" };
    assert_eq!(ReadInput::from_record(record).unwrap().notes, None);
}

#[test]
fn a_record_that_does_not_fit_names_the_field() {
    let problem = |record| ReadOutput::from_record(record).unwrap_err().to_string();
    assert_eq!(problem(record! { word: "so" }), "field `score` is missing");
    let wrong = problem(record! { score: "high", word: "so" });
    assert!(wrong.starts_with("field `score` has the wrong type:"), "{wrong}");
    let wrong = problem(record! { score: 1, word: "so", mood: "Glad" });
    assert!(wrong.contains("`mood`") && wrong.contains("Glad"), "{wrong}");
}

#[derive(Signature)]
#[allow(clippy::type_complexity)]
struct Widths {
    #[output]
    a: (i8, i16, i32, i64, isize),
    #[output]
    b: (u8, u16, u32, u64, usize),
    #[output]
    c: (f32, f64, bool, char),
    #[output]
    d: HashMap<String, BTreeMap<u32, Vec<Option<(String, bool)>>>>,
    #[output]
    e: Value,
    #[output]
    f: Box<[u8; 3]>,
}

#[test]
fn every_width_and_nesting_is_a_field() {
    let spec = Widths::spec();
    assert!(matches!(&spec.field("a").unwrap().schema.ty.kind, Kind::Tuple(items) if items.len() == 5));
    assert!(matches!(
        &spec.field("d").unwrap().schema.ty.kind,
        Kind::Map { .. }
    ));
    assert!(matches!(&spec.field("e").unwrap().schema.ty.kind, Kind::Any(_)));
    let record = record! {
        a: [-128, 1, 1, i64::MIN, 1],
        b: [255, 1, 1, u64::MAX, 1],
        c: json!([0.5, 0.25, true, "ß"]),
        d: json!({ "k": { "7": [null, ["x", true]] } }),
        e: json!({ "any": [1, "thing"] }),
        f: [1, 2, 3],
    };
    let out = WidthsOutput::from_record(record.clone()).unwrap();
    assert_eq!((out.a.3, out.b.3, out.c.3), (i64::MIN, u64::MAX, 'ß'));
    assert_eq!(out.into_record().unwrap(), record);
}

mod elsewhere {
    use dictum::prelude::*;

    #[derive(Signature)]
    pub(crate) struct Ask {
        #[input]
        question: String,
        #[output]
        answer: String,
    }
}

#[test]
fn made_structs_are_as_visible_as_the_signature() {
    let input = elsewhere::AskInput {
        question: "Why?".into(),
    };
    let output = elsewhere::AskOutput {
        answer: input.question.clone(),
    };
    assert_eq!(output.answer, "Why?");
    assert_eq!(format!("{output:?}"), r#"AskOutput { answer: "Why?" }"#);
    assert_eq!(elsewhere::Ask::spec().fields().len(), 2);
}

#[derive(FieldType)]
struct Opaque(u8);

#[derive(Signature)]
struct Hold {
    #[input]
    plain: String,
    #[output]
    opaque: Opaque,
}

#[test]
fn a_field_that_is_not_clone_costs_only_its_own_side_the_trait() {
    // `HoldOutput` is neither `Clone` nor `Debug`, as `Opaque` is not; that it compiles is the point.
    let input = HoldInput { plain: "x".into() };
    assert_eq!(input.clone(), input);
    let out = HoldOutput::from_record(record! { opaque: 7 }).unwrap();
    assert_eq!(out.opaque.0, 7);
    assert_eq!(Hold::spec().outputs().len(), 1);
}
