//! Names of types, and what people write in their place.

use indexmap::IndexMap;

use crate::types::Schema;

/// The names the grammar knows.
pub(super) const KNOWN: [&str; 20] = [
    "str",
    "int",
    "float",
    "bool",
    "list",
    "dict",
    "tuple",
    "set",
    "Literal",
    "Optional",
    "Union",
    "Any",
    "None",
    "Image",
    "Audio",
    "File",
    "Code",
    "History",
    "Reasoning",
    "ToolCalls",
];

/// Words of Python, which can't name a field there and so not in its string form.
const PYTHON_WORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

pub(super) fn is_python_word(name: &str) -> bool {
    PYTHON_WORDS.contains(&name)
}

/// What to write in place of an unknown type name.
pub(super) fn suggestion(name: &str, types: &IndexMap<String, Schema>) -> String {
    let other_word = match name {
        "string" | "String" | "text" | "Text" | "char" | "date" | "datetime" | "bytes" => Some("str"),
        "integer" | "Integer" | "Int" | "number_int" | "long" | "i8" | "i16" | "i32" | "i64" | "u8"
        | "u16" | "u32" | "u64" | "usize" | "isize" => Some("int"),
        "number" | "Number" | "double" | "Float" | "f32" | "f64" | "decimal" | "Decimal" => Some("float"),
        "boolean" | "Boolean" | "Bool" => Some("bool"),
        "array" | "Array" | "Vec" | "vector" | "Sequence" | "Iterable" => Some("list"),
        "object" | "Object" | "map" | "Map" | "HashMap" | "json" | "JSON" => Some("dict"),
        "Option" | "Maybe" => Some("Optional"),
        "Enum" | "enum" | "Choice" => Some("Literal"),
        "any" | "unknown" | "Value" => Some("Any"),
        "null" | "nil" | "none" | "NULL" => Some("None"),
        _ => None,
    };
    let nearest = other_word.or_else(|| nearest(name, types.keys().map(String::as_str).chain(KNOWN)));
    match nearest {
        Some(known) => format!("write `{known}`"),
        None => {
            let own: Vec<&str> = types.keys().map(String::as_str).collect();
            let own = if own.is_empty() {
                String::new()
            } else {
                format!("{}, ", own.join(", "))
            };
            format!("the types are {own}{}", KNOWN.join(", "))
        }
    }
}

/// The name most like this one, if one is like it.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let most = (lower.chars().count() / 3).max(1);
    known
        .map(|each| (strsim::damerau_levenshtein(&lower, &each.to_lowercase()), each))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, each)| each)
}
