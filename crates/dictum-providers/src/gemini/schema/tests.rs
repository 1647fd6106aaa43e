use super::*;

#[track_caller]
fn becomes(schema: Value, expected: Value) {
    assert_eq!(narrowed(&schema), Some(expected), "{schema}");
}

#[test]
fn an_objects_order_is_said_and_annotations_go() {
    becomes(
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Ticket",
            "type": "object",
            "properties": {
                "reasoning": { "type": "string", "minLength": 1, "description": "Why." },
                "team": { "$ref": "#/$defs/Team", "description": "Who answers." },
                "tags": { "type": "array", "items": { "type": "string", "pattern": "^a" }, "uniqueItems": true, "maxItems": 3 },
                "pattern": { "type": "string", "default": "x", "examples": ["y"] },
            },
            "required": ["reasoning", "team", "tags"],
            "additionalProperties": false,
            "$defs": { "Team": { "type": "string", "enum": ["billing", "sales"], "deprecated": false } },
        }),
        json!({
            "title": "Ticket",
            "type": "object",
            "propertyOrdering": ["reasoning", "team", "tags", "pattern"],
            "properties": {
                "reasoning": { "type": "string", "description": "Why." },
                "team": { "$ref": "#/$defs/Team" },
                "tags": { "type": "array", "items": { "type": "string" }, "maxItems": 3 },
                "pattern": { "type": "string" },
            },
            "required": ["reasoning", "team", "tags"],
            "additionalProperties": false,
            "$defs": { "Team": { "type": "string", "enum": ["billing", "sales"] } },
        }),
    );
}

#[test]
fn listed_values_are_said_by_type() {
    becomes(
        json!({ "const": "a" }),
        json!({ "type": "string", "enum": ["a"] }),
    );
    becomes(
        json!({ "enum": [1, 2], "type": "integer" }),
        json!({ "type": "integer", "enum": [1, 2] }),
    );
    becomes(
        json!({ "const": true, "type": "boolean" }),
        json!({ "type": "boolean" }),
    );
    becomes(
        json!({ "enum": ["a", null, "b"], "type": ["string", "null"] }),
        json!({ "anyOf": [{ "type": "string", "enum": ["a", "b"] }, { "type": "null" }] }),
    );
    becomes(
        json!({ "enum": [[1]], "type": "array" }),
        json!({ "type": "array" }),
    );
}

#[test]
fn combinations_keep_what_can_be_said() {
    becomes(
        json!({ "oneOf": [{ "type": "string", "format": "date" }, true, { "not": { "type": "null" } }] }),
        json!({ "anyOf": [{ "type": "string", "format": "date" }, {}, {}] }),
    );
    becomes(
        json!({ "allOf": [{ "$ref": "#/definitions/T" }], "title": "x", "definitions": { "T": { "type": "string" } } }),
        json!({ "$ref": "#/$defs/T", "$defs": { "T": { "type": "string" } } }),
    );
    becomes(
        json!({ "allOf": [{ "type": "integer", "minimum": 1 }, { "maximum": 5 }] }),
        json!({ "type": "integer", "minimum": 1 }),
    );
    becomes(
        json!({ "type": "object", "additionalProperties": { "type": "number", "multipleOf": 2 } }),
        json!({ "type": "object", "additionalProperties": { "type": "number" } }),
    );
    becomes(
        json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "const": 1 }], "items": false }),
        json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer", "enum": [1] }] }),
    );
}

#[test]
fn bounds_that_exclude_are_moved_or_widened() {
    becomes(
        json!({ "type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10 }),
        json!({ "type": "integer", "minimum": 1, "maximum": 9 }),
    );
    becomes(
        json!({ "type": "number", "exclusiveMinimum": 0.5 }),
        json!({ "type": "number", "minimum": 0.5 }),
    );
}

#[test]
fn a_circle_is_kept_only_where_it_may_end() {
    let node = |required: Value| {
        json!({
            "type": "object",
            "properties": { "root": { "$ref": "#/$defs/Node" } },
            "required": ["root"],
            "$defs": { "Node": {
                "type": "object",
                "properties": { "name": { "type": "string" }, "children": { "type": "array", "items": { "$ref": "#/$defs/Node" } } },
                "required": required,
            } },
        })
    };
    assert!(narrowed(&node(json!(["name"]))).is_some());
    assert_eq!(narrowed(&node(json!(["name", "children"]))), None);
    let through = json!({
        "$ref": "#/$defs/A",
        "$defs": {
            "A": { "type": "object", "properties": { "b": { "anyOf": [{ "$ref": "#/$defs/B" }, { "type": "null" }] } }, "required": ["b"] },
            "B": { "type": "object", "properties": { "a": { "$ref": "#/$defs/A" } }, "required": ["a"] },
        },
    });
    assert_eq!(narrowed(&through), None);
    let whole =
        json!({ "type": "object", "properties": { "again": { "$ref": "#" } }, "required": ["again"] });
    assert_eq!(narrowed(&whole), None);
}

#[test]
fn nothing_to_say_is_not_said_and_twice_is_as_once() {
    for schema in [json!(true), json!({}), json!({ "not": { "type": "string" } })] {
        assert_eq!(narrowed(&schema), None, "{schema}");
    }
    let schema = json!({
        "type": "object",
        "properties": { "a": { "enum": ["x", null] }, "b": { "type": "integer", "exclusiveMinimum": 3 } },
    });
    let once = narrowed(&schema).unwrap();
    assert_eq!(narrowed(&once).unwrap(), once);
}
