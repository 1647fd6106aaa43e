use super::*;

#[test]
fn objects_are_closed_and_limits_put_into_words() {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ticket",
        "type": "object",
        "properties": {
            "team": { "$ref": "#/$defs/Team", "description": "Who answers." },
            "urgency": { "type": "integer", "description": "How soon.", "minimum": 1, "maximum": 5, "default": 3 },
            "note": { "type": ["string", "null"], "maxLength": 80 },
            "tags": { "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 3 },
            "some": { "type": "array", "items": { "type": "number" }, "minItems": 2 },
            "other": { "allOf": [{ "$ref": "#/$defs/Team" }], "title": "Other" },
            "day": { "type": "string", "format": "date" },
            "code": { "type": "string", "format": "zip", "pattern": "^\\d{5}$" },
            "place": { "oneOf": [{ "type": "string" }, { "type": "object", "properties": { "x": { "type": "number" } } }] },
        },
        "required": ["team", "tags"],
        "$defs": { "Team": { "type": "string", "enum": ["billing", "sales"] } },
    });
    let expected = json!({
        "$defs": { "Team": { "enum": ["billing", "sales"] } },
        "properties": {
            "team": { "$ref": "#/$defs/Team" },
            "urgency": { "type": "integer", "description": "How soon. (minimum: 1, maximum: 5)" },
            "note": { "anyOf": [{ "type": "string" }, { "type": "null" }], "description": "(maxLength: 80)" },
            "tags": { "type": "array", "items": { "type": "string" }, "minItems": 1, "description": "(maxItems: 3)" },
            "some": { "type": "array", "items": { "type": "number" }, "description": "(minItems: 2)" },
            "other": { "$ref": "#/$defs/Team" },
            "day": { "type": "string", "format": "date" },
            "code": { "type": "string", "description": "(format: \"zip\", pattern: \"^\\\\d{5}$\")" },
            "place": { "anyOf": [
                { "type": "string" },
                { "type": "object", "properties": { "x": { "type": "number" } }, "additionalProperties": false },
            ] },
        },
        "required": ["team", "tags"],
        "additionalProperties": false,
        "type": "object",
    });
    assert_eq!(narrowed(&schema), Some(expected));
}

#[test]
fn narrowing_twice_changes_nothing_more() {
    let schema = json!({
        "type": "object",
        "properties": { "a": { "enum": [1, "b", null] }, "b": { "type": ["object", "null"], "properties": {} } },
    });
    let once = narrowed(&schema).unwrap();
    assert_eq!(narrowed(&once).unwrap(), once);
}

#[test]
fn what_the_subset_cannot_say_is_left_alone() {
    let with = |property: Value| {
        json!({
            "type": "object",
            "properties": { "a": property },
            "$defs": {
                "Loop": { "type": "object", "properties": { "next": { "$ref": "#/$defs/Loop" } } },
                "Leaf": { "type": "string" },
            },
        })
    };
    let unused_loop = with(json!({ "$ref": "#/$defs/Leaf" }));
    assert_eq!(narrowed(&unused_loop), None, "definitions are sent whole");
    for property in [
        json!({ "type": "object", "additionalProperties": { "type": "integer" } }),
        json!({ "type": "object" }),
        json!({}),
        json!(true),
        json!({ "type": "array" }),
        json!({ "type": "array", "prefixItems": [{ "type": "string" }] }),
        json!({ "not": { "type": "string" } }),
        json!({ "allOf": [{ "type": "string" }, { "minLength": 2 }] }),
        json!({ "enum": [{ "a": 1 }] }),
        json!({ "$ref": "https://example.com/schema.json" }),
        json!({ "$ref": "#" }),
        json!({ "$ref": "#/$defs/None" }),
    ] {
        let schema = json!({ "type": "object", "properties": { "a": property } });
        assert_eq!(narrowed(&schema), None, "{property}");
    }
}
