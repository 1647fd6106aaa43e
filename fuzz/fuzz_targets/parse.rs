//! Any text, in any layout, for any type: no panic, and what is read is a value of its type.
//!
//! The first byte chooses the type, the second the layout; the rest is the answer.
#![no_main]

use std::sync::LazyLock;

use dictum_core::parse::{self, Layout, escape};
use dictum_core::signature::FieldSpec;
use dictum_core::types::{Schema, Type};
use libfuzzer_sys::fuzz_target;

static TYPES: LazyLock<Vec<Schema>> = LazyLock::new(|| {
    [
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
        "ToolCalls",
        "Image",
        "list[dict[str, Union[int, bool, list[Any]]]]",
    ]
    .iter()
    .map(|text| Schema::parse(text).expect("the types are well formed"))
    .collect()
});

fuzz_target!(|data: &[u8]| {
    let [ty, layout, rest @ ..] = data else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let schema = &TYPES[usize::from(*ty) % TYPES.len()];
    let layout = [Layout::Chat, Layout::Json, Layout::Xml][usize::from(*layout) % 3];
    match parse::value(text, schema) {
        Ok(reading) => {
            let again = parse::json_value(&reading.value, schema).expect("what was read is a value of its type");
            assert_eq!(again.value, reading.value);
        }
        Err(error) => assert!(!format!("{error:#}").is_empty()),
    }
    let outputs = [
        FieldSpec::output("answer", schema.clone()),
        FieldSpec::output("score", Type::int()),
    ];
    for outputs in [&outputs[..], &outputs[..1]] {
        let whole = parse::fields(text, layout, outputs);
        assert_eq!(whole.fields.len() + whole.failures.len(), outputs.len());
        let part = parse::partial(text, layout, outputs);
        assert_eq!(part.fields.len() + part.failures.len(), outputs.len());
    }
    assert_eq!(escape::from_chat(&escape::chat(text)), text);
    assert_eq!(escape::from_xml(&escape::xml(text)), text);
});
