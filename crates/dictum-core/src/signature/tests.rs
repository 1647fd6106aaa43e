use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::types::{Type, arbitrary};

fn spec() -> SignatureSpec {
    SignatureSpec::parse("text, hints: list[str] -> label: Literal['a', 'b'], score: float").unwrap()
}

fn message(result: Result<SignatureSpec, SignatureError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn edits_give_a_new_signature_and_leave_the_old_one() {
    let old = spec();
    let why = || FieldSpec::output("why", Type::str());
    assert_eq!(
        old.prepend(why()).unwrap().to_string(),
        "text, hints: list[str] -> why, label: Literal['a', 'b'], score: float"
    );
    assert_eq!(
        old.append(FieldSpec::input("n", Type::int()))
            .unwrap()
            .to_string(),
        "text, hints: list[str], n: int -> label: Literal['a', 'b'], score: float"
    );
    assert_eq!(
        old.insert(1, why()).unwrap().remove("hints").unwrap().to_string(),
        "text -> label: Literal['a', 'b'], why, score: float"
    );
    let changed = old
        .with_field("score", |field| {
            field
                .with_description("From 0 to 1.")
                .with_constraints(Constraints {
                    max: Some(1.into()),
                    ..Constraints::default()
                })
        })
        .unwrap();
    assert_eq!(
        changed.field("score").unwrap().description.as_deref(),
        Some("From 0 to 1.")
    );
    assert_eq!(changed.field("score").unwrap().schema.check(&json!(2)).len(), 1);
    // A kind changed puts the field in the other section.
    let moved = old
        .with_field("hints", |field| FieldSpec {
            kind: FieldKind::Output,
            ..field
        })
        .unwrap();
    assert_eq!(
        moved.to_string(),
        "text -> hints: list[str], label: Literal['a', 'b'], score: float"
    );
    assert_eq!(old, spec());
}

#[test]
fn edits_that_cannot_be_say_what_could() {
    let old = spec();
    assert_eq!(
        message(old.remove("lable")),
        "there is no field `lable`; the fields are `text`, `hints`, `label`, `score`"
    );
    assert_eq!(
        message(old.insert(3, FieldSpec::output("why", Type::str()))),
        "there is no position 3 among the outputs: give 0 to 2"
    );
    assert_eq!(
        message(old.append(FieldSpec::output("text", Type::str()))),
        "the field name `text` is used twice; inputs and outputs share one set of names"
    );
    let one = old.remove("label").unwrap();
    assert_eq!(
        message(one.remove("score")),
        "a signature needs at least one output field"
    );
    assert_eq!(
        message(old.with_field("score", |field| field.with_default("high"))),
        "field `score`: the default does not fit: it must be a number, found \"high\""
    );
}

#[test]
fn instructions_fall_back_to_the_field_names() {
    let old = spec();
    assert_eq!(
        old.instructions(),
        "From `text`, `hints`, produce `label`, `score`."
    );
    let own = old.with_instructions("Label it.").with_name("Label");
    assert_eq!((own.name(), own.instructions().as_ref()), ("Label", "Label it."));
    assert_eq!(
        own.append_instructions("Be quick.").instructions(),
        "Label it.\n\nBe quick."
    );
    assert_eq!(own.with_instructions(" \n").explicit_instructions(), None);
}

#[test]
fn constraints_nobody_can_keep_are_refused() {
    let build = |ty: Type, constraints: Constraints| {
        let field = FieldSpec::output("x", ty).with_constraints(constraints);
        message(SignatureSpec::builder().field(field).build())
    };
    let bounds = |min: i64, max: i64| Constraints {
        min: Some(min.into()),
        exclusive_max: Some(max.into()),
        ..Constraints::default()
    };
    let pattern = |pattern: &str| Constraints {
        pattern: Some(pattern.into()),
        ..Constraints::default()
    };
    assert_eq!(
        build(Type::int(), bounds(3, 3)),
        "field `x`: no number is at least 3 and less than 3"
    );
    assert_eq!(
        build(Type::optional(Type::str()), bounds(1, 3)),
        "field `x`: bounds are for numbers, and the type is `str`"
    );
    assert_eq!(
        build(Type::list(Type::str()), pattern("a")),
        "field `x`: patterns are for texts, and the type is `list[str]`"
    );
    let broken = Type::list(Type::str().with_constraints(pattern("(")));
    assert!(build(broken, Constraints::default()).contains("the pattern `(` is not a regular expression"));
}

#[test]
fn a_narrower_bound_of_the_field_does_not_widen_its_type() {
    let field = FieldSpec::output("n", Schema::of::<Option<u8>>()).with_constraints(Constraints {
        min: Some(3.into()),
        ..Constraints::default()
    });
    assert!(field.schema.check(&json!(null)).is_empty());
    assert_eq!(field.schema.check(&json!(2)).len(), 1);
    assert_eq!(field.schema.check(&json!(256)).len(), 1);
}

#[test]
fn a_signature_read_from_json_is_checked_again() {
    let read = |value| {
        serde_json::from_value::<SignatureSpec>(value)
            .unwrap_err()
            .to_string()
    };
    let field = |kind: &str| json!({"name": "a", "kind": kind, "type": {"type": "integer"}});
    assert_eq!(
        read(json!({"version": 1, "fields": [field("input")]})),
        "a signature needs at least one output field"
    );
    assert_eq!(
        read(json!({"version": 2, "fields": [field("output")]})),
        "this signature is of version 2, and only version 1 can be read; update Dictum"
    );
    let mut bad = field("output");
    bad["default"] = json!("x");
    assert_eq!(
        read(json!({"version": 1, "fields": [bad]})),
        "field `a`: the default does not fit: it must be a whole number, found \"x\""
    );
    // A default of null is a default.
    let null =
        json!({"version": 1, "fields": [{"name": "a", "kind": "output", "type": {}, "default": null}]});
    let spec: SignatureSpec = serde_json::from_value(null.clone()).unwrap();
    assert_eq!(spec.outputs()[0].default, Some(Value::Null));
    assert_eq!(serde_json::to_value(&spec).unwrap(), null);
}

fn any_field() -> impl Strategy<Value = FieldSpec> {
    let text = || prop::option::of("[ -~\n]{0,9}");
    (any::<bool>(), arbitrary::schema(), text(), text()).prop_map(|(input, schema, description, default)| {
        let kind = if input {
            FieldKind::Input
        } else {
            FieldKind::Output
        };
        let default = default
            .map(Value::from)
            .filter(|default| schema.check(default).is_empty());
        FieldSpec {
            description,
            default,
            ..FieldSpec::of(kind, "", schema)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_signature_survives_json(fields in vec(any_field(), 1..4), name in "[A-Z]?", text in prop::option::of("[a-z ]{0,9}")) {
        let named = fields.into_iter().enumerate().map(|(i, field)| FieldSpec { name: format!("f{i}"), ..field });
        // Those with contradicting constraints have no JSON form that reads back.
        let spec = SignatureSpec::new(name, text, named);
        prop_assume!(spec.is_ok());
        let spec = spec.unwrap();
        let written = serde_json::to_string(&spec).unwrap();
        let read: SignatureSpec = serde_json::from_str(&written).unwrap();
        prop_assert!(read == spec, "{written}");
    }
}
