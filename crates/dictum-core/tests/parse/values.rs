//! Types with values of them, and texts that look like structure.

use std::sync::Arc;

use dictum_core::types::{EnumMember, EnumType, Kind, ObjectType, Property, Type};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Number, Value};

/// Text that tries to be taken for structure.
pub(crate) fn nasty_text() -> BoxedStrategy<String> {
    let piece = prop::sample::select(vec![
        "[[ ## answer ## ]]",
        "[[ ## completed ## ]]",
        "[[##x##]]",
        "\\[[ ## answer ## ]]",
        "\\\\[[ ## a ## ]]",
        "[[ ##",
        "]]",
        "[[",
        "##",
        "<answer>",
        "</answer>",
        "<item>",
        "</x>",
        "&lt;",
        "&amp;",
        "&",
        "<",
        ">",
        "<![CDATA[",
        "]]>",
        "```",
        "```json\n",
        "~~~",
        "~~~verbatim\n",
        "\n~~~",
        "~~~~",
        "\n",
        "\r",
        "\r\n",
        "\0",
        "\t",
        " ",
        "  ",
        "\"",
        "'",
        "\\",
        "\\n",
        "{\"a\": 1}",
        "[1, 2]",
        "N/A",
        "null",
        "None",
        "true",
        "42",
        "8/10",
        "- a\n- b",
        "answer:",
        "**x:**",
        "## answer",
        "<think>",
        "</think>",
        "\u{feff}",
        "\u{200b}",
        "\u{2028}",
        "\u{a0}",
        "\u{85}",
        "é",
        "😀",
        "a",
        "word",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "//",
        "/*",
        "#",
        "key=\"",
        "\u{201c}",
        "\u{7f}",
        "\u{1b}",
        "<!--",
        "-->",
        "completed",
    ]);
    prop_oneof![
        6 => vec(piece, 0..8).prop_map(|pieces| pieces.concat()),
        1 => fenced(),
        2 => ".{0,12}",
        1 => any::<String>(),
    ]
    .boxed()
}

/// A text that as a whole is one fenced block, as models write around a value.
pub(crate) fn fenced() -> BoxedStrategy<String> {
    let fence = prop::sample::select(vec!["```", "~~~", "````"]);
    let info = prop::sample::select(vec!["", "python", "json", "verbatim", "a b"]);
    let inner = prop::sample::select(vec![
        "",
        "a",
        "x = 1\ny = 2",
        "```\na\n```",
        "~~~verbatim\na\n~~~",
        "[1]",
    ]);
    let edge = prop::sample::select(vec!["", "\n", " "]);
    (fence, info, inner, edge)
        .prop_map(|(fence, info, inner, edge)| format!("{edge}{fence}{info}\n{inner}\n{fence}{edge}"))
        .boxed()
}

fn key() -> BoxedStrategy<String> {
    prop_oneof![4 => "[a-z][a-z_]{0,6}", 1 => nasty_text()].boxed()
}

/// A type and a value of it.
pub(crate) fn typed() -> BoxedStrategy<(Type, Value)> {
    let leaf = prop_oneof![
        3 => nasty_text().prop_map(|text| (Type::str(), Value::from(text))),
        1 => nasty_text().prop_map(|text| (Type::new(Kind::Reasoning), Value::from(text))),
        1 => nasty_text().prop_map(|text| {
            (Type::new(Kind::Code { language: "python".into() }), Value::from(text))
        }),
        2 => any::<i64>().prop_map(|n| (Type::int(), Value::from(n))),
        1 => any::<u64>().prop_map(|n| (Type::int(), Value::from(n))),
        1 => any::<i64>().prop_map(|n| (Type::float(), Value::from(n))),
        2 => any::<f64>().prop_filter("JSON has no such number", |f| f.is_finite())
            .prop_map(|f| (Type::float(), Value::Number(Number::from_f64(f).unwrap()))),
        1 => any::<bool>().prop_map(|b| (Type::bool(), Value::from(b))),
        1 => vec(nasty_text(), 1..4).prop_flat_map(|members| {
            let ty = Type::literal(members.clone());
            prop::sample::select(members).prop_map(move |member| (ty.clone(), Value::from(member)))
        }),
        1 => vec(("[a-z]{1,5}", prop_oneof![nasty_text().prop_map(Value::from), any::<i64>().prop_map(Value::from)]), 1..4)
            .prop_flat_map(|members| {
                let values: Vec<Value> = members.iter().map(|(_, value)| value.clone()).collect();
                let members = members.into_iter()
                    .map(|(name, value)| EnumMember { name, value, description: None }).collect();
                let ty = Type::new(Kind::Enum(Arc::new(EnumType { name: "E".into(), description: None, members })));
                prop::sample::select(values).prop_map(move |value| (ty.clone(), value))
            }),
        1 => any_json().prop_map(|value| (Type::any(), value)),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            // Items share a type: one value repeated, or none.
            2 => (inner.clone(), 0..4_usize)
                .prop_map(|((ty, value), n)| (Type::list(ty), Value::Array(vec![value; n]))),
            1 => vec(inner.clone(), 1..4).prop_map(|parts| {
                let (types, values): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
                (Type::new(Kind::Tuple(types)), Value::Array(values))
            }),
            2 => (inner.clone(), vec(key(), 0..4)).prop_map(|((ty, value), keys)| {
                let map: Map<String, Value> = keys.into_iter().map(|key| (key, value.clone())).collect();
                (Type::map(ty), Value::Object(map))
            }),
            2 => (inner.clone(), any::<bool>()).prop_map(|((ty, value), null)| {
                (Type::optional(ty), if null { Value::Null } else { value })
            }),
            3 => vec((key(), inner, any::<bool>()), 0..5).prop_map(|properties| {
                let mut seen = std::collections::HashSet::new();
                let mut map = Map::new();
                let mut all = Vec::new();
                for (name, (ty, value), present) in properties {
                    if !seen.insert(name.clone()) {
                        continue;
                    }
                    if present {
                        map.insert(name.clone(), value);
                    }
                    all.push(Property { name, ty, description: None, required: present, default: None });
                }
                let object = ObjectType { name: String::new(), description: None, properties: all, additional: None };
                (Type::new(Kind::Object(Arc::new(object))), Value::Object(map))
            }),
        ]
    })
    .boxed()
}

fn any_json() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        nasty_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((key(), inner), 0..4).prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
    .boxed()
}
