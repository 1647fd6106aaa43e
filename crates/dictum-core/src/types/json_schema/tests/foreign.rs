//! Schemas that others write, and schemas meant to hurt.

use serde_json::{Value, json};

use crate::types::{Kind, Schema};

fn show(schema: Value) -> String {
    Schema::from_json_schema(&schema).outline().text
}

#[test]
fn what_pydantic_writes_is_read() {
    let schema = json!({
        "$defs": {
            "Color": {"enum": ["red", "green"], "title": "Color", "type": "string"},
            "Item": {"title": "Item", "type": "object", "required": ["name", "color"], "properties": {
                "name": {"title": "Name", "type": "string", "maxLength": 9},
                "color": {"$ref": "#/$defs/Color"},
                "price": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}], "default": null, "title": "Price"},
                "kind": {"const": "item", "default": "item", "title": "Kind", "type": "string"},
            }},
        },
        "title": "Basket", "type": "object", "required": ["items"],
        "properties": {
            "items": {"items": {"$ref": "#/$defs/Item"}, "title": "Items", "type": "array", "minItems": 1},
            "by_day": {"additionalProperties": {"type": "integer"}, "propertyNames": {"format": "date"}, "title": "By Day", "type": "object"},
            "at": {"format": "date-time", "title": "At", "type": "string"},
            "favourite": {"allOf": [{"$ref": "#/$defs/Color"}], "default": "red", "description": "The best."},
        },
    });
    assert_eq!(
        show(schema),
        "{\n  items: list of { name: str (at most 9 characters), color: \"red\" | \"green\", price?: float (greater than 0) or null, \
         kind?: \"item\" = \"item\" } (at least 1 item),\n  \
         by_day?: { [key: str (in date format)]: int },\n  at?: str (in date-time format),\n  \
         favourite?: \"red\" | \"green\" = \"red\" // The best.\n}"
    );
}

#[test]
fn older_drafts_are_read() {
    let schema = json!({"definitions": {"A": {"type": "integer"}}, "type": "array",
        "items": [{"$ref": "#/definitions/A"}, {"type": "string"}], "minItems": 2, "maxItems": 2});
    assert_eq!(show(schema), "[int, str]");
}

#[test]
fn what_cannot_be_said_is_kept_with_all_that_it_needs() {
    let schema = json!({
        "type": "array", "items": {"not": {"$ref": "#/$defs/A"}},
        "$defs": {"A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}}, "B": {"type": "string"}, "C": {}},
    });
    let read = Schema::from_json_schema(&schema);
    let Kind::List { item, .. } = &read.ty.kind else {
        panic!("{read:?}")
    };
    let wanted = json!({
        "not": {"$ref": "#/$defs/A"},
        "$id": "urn:dictum:part",
        "$defs": {"A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}}, "B": {"type": "string"}},
    });
    assert!(
        matches!(&item.kind, Kind::Any(Some(raw)) if **raw == wanted),
        "{read:?}"
    );
    assert_eq!(Schema::from_json_schema(&read.to_json_schema()), read);
}

#[test]
fn unsayable_parts_are_kept_as_they_are() {
    for schema in [
        json!(false),
        json!(3),
        json!({"type": "wrong"}),
        json!({"$ref": "#/$defs/Nowhere"}),
        json!({"$ref": "http://example.org/schema"}),
        json!({"type": "string", "pattern": "(?=a)"}),
        json!({"enum": []}),
        json!({"enum": [{"a": 1}]}),
        json!({"type": "array", "prefixItems": [{"type": "string"}]}),
        json!({"type": "object", "patternProperties": {"^a": {}, "^b": {}}, "additionalProperties": false}),
        json!({"allOf": [{"type": "string"}, {"type": "integer"}]}),
        json!({"anyOf": [{"type": "string"}], "oneOf": [{"type": "string"}]}),
        json!({"type": "integer", "minimum": "1"}),
    ] {
        let read = Schema::from_json_schema(&schema);
        assert!(
            matches!(&read.ty.kind, Kind::Any(Some(raw)) if **raw == schema),
            "{schema} is {read:?}"
        );
        assert_eq!(Schema::from_json_schema(&read.to_json_schema()), read);
    }
}

#[test]
fn schemas_that_would_explode_are_read_by_reference() {
    // 2^40 types if every reference were put in place.
    let mut defs = serde_json::Map::new();
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/L{}", level + 1)});
        let object =
            json!({"type": "object", "properties": {"a": next.clone(), "b": next}, "required": ["a", "b"]});
        defs.insert(format!("L{level}"), object);
    }
    defs.insert("L40".into(), json!({"type": "integer"}));
    let read = Schema::from_json_schema(&json!({"$ref": "#/$defs/L0", "$defs": defs}));
    assert!(read.defs.contains_key("L39"), "{:?}", read.defs.keys());
    let value = (0..40).fold(json!(1), |inner, _| json!({"a": inner, "b": 1}));
    assert!(!read.check(&value).is_empty());
}

#[test]
fn merging_a_schema_into_itself_ends() {
    let circle = json!({"$ref": "#/$defs/A", "$defs": {
        "A": {"$ref": "#/$defs/A", "properties": {"x": {"type": "integer"}}},
        "B": {"allOf": [{"$ref": "#/$defs/B"}, {"$ref": "#/$defs/B"}]},
    }});
    let read = Schema::from_json_schema(&circle);
    assert_eq!(read.ty.kind, Kind::Ref("A".into()));
    let both = json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]});
    assert!(!Schema::from_json_schema(&both).defs.is_empty());
}

#[test]
fn deep_schemas_end() {
    let mut deep = json!({"type": "string"});
    for _ in 0..300 {
        let mut outer = serde_json::Map::new();
        outer.insert("items".into(), deep);
        deep = Value::Object(outer);
    }
    let read = Schema::from_json_schema(&deep);
    assert!(matches!(read.ty.kind, Kind::List { .. }));
}
