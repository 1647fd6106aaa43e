use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::types::arbitrary;

fn text(schema: Value) -> String {
    let outline = Schema::from_json_schema(&schema).outline();
    assert!(outline.definitions.is_empty(), "{outline:?}");
    outline.text
}

#[test]
fn types_are_described_in_few_words() {
    let cases = [
        (json!({"type": "string"}), "str"),
        (json!({"type": "integer", "format": "int64"}), "int"),
        (json!({"type": "integer", "format": "uint32"}), "int (at least 0)"),
        (
            json!({"type": "integer", "format": "uint8", "minimum": 1, "maximum": 5}),
            "int from 1 to 5",
        ),
        (
            json!({"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5}),
            "float (greater than 0, a multiple of 0.5)",
        ),
        (
            json!({"type": "string", "minLength": 1, "maxLength": 1}),
            "str (exactly 1 character)",
        ),
        (
            json!({"type": "string", "maxLength": 9, "pattern": "^a"}),
            "str (at most 9 characters, matching /^a/)",
        ),
        (json!({"enum": ["Billing", "Sales"]}), "one of: Billing; Sales"),
        (
            json!({"enum": ["a; b", " c", "1"]}),
            "one of: \"a; b\"; \" c\"; 1",
        ),
        (json!({"enum": ["1", 1, null]}), "one of: \"1\"; 1; null"),
        (
            json!({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}),
            "one of: a; b, or null",
        ),
        (
            json!({"type": "array", "items": {"type": "string"}, "maxItems": 3}),
            "list of str (at most 3 items)",
        ),
        (
            json!({"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": true}),
            "list of distinct (\"a\" | \"b\")",
        ),
        (
            json!({"type": "array", "items": {"type": ["integer", "null"]}}),
            "list of (int or null)",
        ),
        (
            json!({"anyOf": [{"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 2}}, {"type": "null"}]}),
            "(list of int from 1 to 2) or null",
        ),
        (
            json!({"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
            "(int or str) or null",
        ),
        (
            json!({"type": "object", "propertyNames": {"enum": ["a", "b"]}, "additionalProperties": {"type": "integer"}}),
            "{ [key: \"a\" | \"b\"]: int }",
        ),
        (
            json!({"type": "array", "items": {"type": "string", "maxLength": 9}, "maxItems": 3}),
            "list of (str (at most 9 characters)) (at most 3 items)",
        ),
        (
            json!({"type": "array", "items": {"type": "array", "items": {"type": "string"}, "maxItems": 3}}),
            "list of (list of str (at most 3 items))",
        ),
        (
            json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "maxItems": 2}),
            "[str, int]",
        ),
        (json!({}), "any JSON value"),
        (
            json!({"not": {"type": "string"}}),
            "JSON that fits the JSON Schema {\"not\":{\"type\":\"string\"}}",
        ),
    ];
    for (schema, wanted) in cases {
        assert_eq!(text(schema.clone()), wanted, "{schema}");
    }
}

#[test]
fn objects_are_one_line_unless_something_is_said_about_them() {
    assert_eq!(
        text(json!({"type": "object", "properties": {
            "name": {"type": "string"},
            "first line": {"type": "boolean", "default": true},
            "address": {"type": "object", "properties": {"zip": {"type": ["string", "null"]}}, "required": ["zip"]},
        }, "required": ["name", "address"], "additionalProperties": {"type": "integer"}})),
        r#"{ name: str, "first line"?: bool = true, address: { zip: str or null }, [other: str]: int }"#
    );
    assert_eq!(
        text(json!({"type": "object", "properties": {
            "name": {"type": "string", "description": "As written\n  in the passport.\n\nMore."},
            "address": {"title": "Address", "description": "Where they live", "type": "object", "properties": {
                "zip": {"type": "string", "description": "Postal code"},
            }, "required": ["zip"]},
            "team": {"oneOf": [{"const": "a", "description": "the A"}, {"const": "b"}]},
        }, "required": ["name", "address", "team"]})),
        "{\n  name: str, // As written in the passport.\n  address: {\n    zip: str // Postal code\n  }, // Where they live\n  \
         team: \"a\" (the A) | \"b\"\n}"
    );
}

#[test]
fn recursive_and_repeated_types_are_described_once() {
    let schema = Schema::from_json_schema(&json!({"title": "Tree", "type": "object", "properties": {
        "value": {"type": "integer"},
        "children": {"type": "array", "items": {"$ref": "#"}},
    }, "required": ["value", "children"]}));
    let outline = schema.outline();
    assert_eq!(outline.text, "Tree");
    assert_eq!(
        outline.definitions,
        [(
            "Tree".to_owned(),
            "{ value: int, children: list of Tree }".to_owned()
        )]
    );

    let schema = Schema::from_json_schema(&json!({
        "type": "object",
        "properties": {
            "from": {"$ref": "#/$defs/Place"}, "to": {"$ref": "#/$defs/Place"},
            "yes": {"$ref": "#/$defs/Yes"}, "no": {"$ref": "#/$defs/Yes"},
        },
        "required": ["from", "to", "yes", "no"],
        "$defs": {
            "Place": {"type": "object", "properties": {"street": {"type": "string"}, "zip": {"type": "string"}},
                "required": ["street", "zip"]},
            "Yes": {"enum": ["y", "n"]},
        },
    }));
    let outline = schema.outline();
    // Short ones are repeated.
    assert_eq!(
        outline.text,
        r#"{ from: Place, to: Place, yes: "y" | "n", no: "y" | "n" }"#
    );
    assert_eq!(
        outline.definitions,
        [("Place".to_owned(), "{ street: str, zip: str }".to_owned())]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever the type, each recursive part of it is described, once.
    #[test]
    fn every_definition_is_there(schema in arbitrary::schema()) {
        let outline = schema.outline();
        prop_assert!(!outline.text.is_empty());
        let mut names: Vec<&String> = outline.definitions.iter().map(|(name, _)| name).collect();
        for name in schema.defs.keys() {
            prop_assert!(names.contains(&name), "{name} is missing in {outline:?}");
        }
        let count = names.len();
        names.sort();
        names.dedup();
        prop_assert_eq!(names.len(), count);
        prop_assert!(outline.definitions.iter().all(|(_, text)| !text.is_empty()));
    }
}
