//! What must hold of any text, for any type, in any layout. The fuzz target (`fuzz/`) checks the same.

use dictum_core::parse::{self, Layout, escape};
use dictum_core::signature::FieldSpec;
use dictum_core::types::{Schema, Type};
use serde_json::json;

/// Types of every kind.
pub(crate) fn types() -> Vec<Schema> {
    let person = json!({"type": "object", "properties": {
        "name": {"type": "string"}, "age": {"type": "integer", "minimum": 0, "maximum": 255},
        "tags": {"type": "array", "items": {"type": "string"}},
        "mood": {"enum": ["good", "bad"]}, "friend": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    }, "required": ["name", "age"]});
    let mut all: Vec<Schema> = [
        "str",
        "int",
        "float",
        "bool",
        "Literal['a', 'Billing', 'very positive']",
        "list[str]",
        "list[int]",
        "dict[str, int]",
        "dict[int, bool]",
        "Optional[str]",
        "Optional[int]",
        "Union[int, str, list[str]]",
        "tuple[str, int]",
        "set[str]",
        "Any",
        "Code['python']",
        "Reasoning",
        "ToolCalls",
        "Image",
        "History",
        "list[dict[str, Union[int, bool, list[Any]]]]",
    ]
    .iter()
    .map(|text| Schema::parse(text).unwrap())
    .collect();
    all.push(Schema::from_json_schema(&person));
    all
}

/// Reads the text as a value of the type and as an answer, whole and as a beginning.
pub(crate) fn check(text: &str, schema: &Schema, layout: Layout) {
    match parse::value(text, schema) {
        // What came out is a value of the type: written as an adapter writes it, it reads as itself.
        Ok(reading) => match parse::json_value(&escape::json_value(&reading.value, schema), schema) {
            Ok(again) => assert_eq!(again.value, reading.value),
            Err(error) => panic!("{:?} is no value of {:?}: {error}", reading.value, schema.ty),
        },
        Err(error) => {
            assert!(!error.problem.is_empty());
            assert!(error.column <= error.excerpt.chars().count());
            assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1);
        }
    }
    let outputs = [
        FieldSpec::output("answer", schema.clone()),
        FieldSpec::output("x", Type::int()),
    ];
    for outputs in [&outputs[..], &outputs[..1]] {
        let whole = parse::fields(text, layout, outputs);
        assert_eq!(whole.fields.len() + whole.failures.len(), outputs.len());
        let part = parse::partial(text, layout, outputs);
        assert_eq!(part.fields.len() + part.failures.len(), outputs.len());
    }
    assert_eq!(escape::from_chat(&escape::chat(text)), text);
    assert_eq!(escape::from_xml(&escape::xml(text)), text);
}
