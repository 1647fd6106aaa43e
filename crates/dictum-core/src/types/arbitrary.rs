//! Any schema, for property tests.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Number, Value, json};

use super::{Constraints, EnumMember, EnumType, Kind, ObjectType, Property, Schema, Type};

/// Names as people choose them, and some they had better not.
fn name() -> BoxedStrategy<String> {
    prop_oneof![
        4 => "[a-z][a-z_]{0,5}",
        1 => prop::sample::select(vec!["type", "$ref", "properties", "a b", "x/y", "p%41", "t~1", "übung"])
            .prop_map(str::to_owned),
    ]
    .boxed()
}

fn text() -> BoxedStrategy<String> {
    "[ -~äß☃\n]{1,12}".boxed()
}

fn number() -> BoxedStrategy<Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        (-1000..1000).prop_map(|n| Number::from_f64(f64::from(n) / 4.0).unwrap()),
    ]
    .boxed()
}

fn numbers() -> BoxedStrategy<Constraints> {
    (
        option::of(number()),
        option::of(number()),
        option::of(number()),
        option::of(number()),
        option::of(1..99_u64),
    )
        .prop_map(|(min, max, exclusive_min, exclusive_max, step)| Constraints {
            min,
            max,
            exclusive_min,
            exclusive_max,
            multiple_of: step.map(Number::from),
            ..Constraints::default()
        })
        .boxed()
}

fn lengths() -> BoxedStrategy<Constraints> {
    (option::of(0..9_u64), option::of(0..9_u64))
        .prop_map(|(min_length, max_length)| Constraints {
            min_length,
            max_length,
            ..Constraints::default()
        })
        .boxed()
}

fn texts() -> BoxedStrategy<Constraints> {
    let pattern = prop::sample::select(vec!["^[a-z]+$", r"^-?\d+$", ".", r"\bword\b"]);
    let format = prop::sample::select(vec!["date-time", "uuid", "uint8"]);
    (lengths(), option::of(pattern), option::of(format))
        .prop_map(|(lengths, pattern, format)| Constraints {
            pattern: pattern.map(str::to_owned),
            format: format.map(str::to_owned),
            ..lengths
        })
        .boxed()
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![
        3 => text().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
    ]
    .boxed()
}

fn enumeration() -> BoxedStrategy<Kind> {
    let member = prop_oneof![
        4 => name().prop_map(|name| EnumMember { value: name.clone().into(), name, description: None }),
        1 => (name(), scalar(), option::of(text()))
            .prop_map(|(name, value, description)| EnumMember { name, value, description }),
    ];
    (name(), option::of(text()), vec(member, 1..4))
        .prop_map(|(name, description, members)| {
            Kind::Enum(Arc::new(EnumType {
                name,
                description,
                members,
            }))
        })
        .boxed()
}

fn constrained(
    kind: impl Strategy<Value = Kind> + 'static,
    constraints: impl Strategy<Value = Constraints> + 'static,
) -> BoxedStrategy<Type> {
    (
        kind,
        prop_oneof![2 => Just(Constraints::default()), 1 => constraints],
    )
        .prop_map(|(kind, constraints)| Type::new(kind).with_constraints(constraints))
        .boxed()
}

/// What the type language can't say.
fn raw() -> BoxedStrategy<Value> {
    prop::sample::select(vec![
        json!({"not": {"type": "string"}}),
        json!({"enum": [0.5, {"a": 1}]}),
        json!({"type": "array", "contains": {"type": "integer"}}),
        json!({"minLength": 3}),
    ])
    .boxed()
}

fn leaf() -> BoxedStrategy<Type> {
    prop_oneof![
        4 => constrained(Just(Kind::Str), texts()),
        4 => constrained(Just(Kind::Int), numbers()),
        2 => constrained(Just(Kind::Float), numbers()),
        2 => Just(Type::bool()),
        2 => vec(prop_oneof![5 => scalar(), 1 => Just(Value::Null)], 1..4)
            .prop_map(|values| Type::new(Kind::Literal(values.into()))),
        2 => enumeration().prop_map(Type::new),
        1 => constrained(Just(Kind::Any(None)), numbers()),
        1 => raw().prop_map(|raw| Type::new(Kind::Any(Some(Arc::new(raw))))),
        1 => prop::sample::select(vec![
            Kind::Image, Kind::Audio, Kind::File, Kind::History, Kind::Reasoning, Kind::ToolCalls,
            Kind::Code { language: "python".into() }, Kind::Code { language: String::new() },
        ]).prop_map(Type::new),
    ]
    .boxed()
}

fn key() -> BoxedStrategy<Type> {
    prop_oneof![
        3 => Just(Type::str()),
        1 => constrained(Just(Kind::Str), texts().prop_map(|mut texts| {
            // This pattern is how an integer key is written.
            texts.pattern = texts.pattern.filter(|pattern| pattern != r"^-?\d+$");
            texts
        })),
        1 => constrained(Just(Kind::Int), numbers()),
        1 => vec(name(), 1..4).prop_map(Type::literal),
        1 => enumeration().prop_map(Type::new),
    ]
    .boxed()
}

fn property(ty: impl Strategy<Value = Type> + 'static) -> BoxedStrategy<Property> {
    (
        name(),
        ty,
        option::of(text()),
        any::<bool>(),
        option::of(scalar()),
    )
        .prop_map(|(name, ty, description, required, default)| Property {
            name,
            ty,
            description,
            required,
            default,
        })
        .boxed()
}

fn object(ty: impl Strategy<Value = Type> + Clone + 'static) -> BoxedStrategy<ObjectType> {
    let own_name = prop_oneof![Just(String::new()), name()];
    (
        own_name,
        option::of(text()),
        vec(property(ty.clone()), 0..4),
        option::weighted(0.2, ty),
    )
        .prop_map(|(name, description, mut properties, additional)| {
            let mut seen = std::collections::HashSet::new();
            properties.retain(|property| seen.insert(property.name.clone()));
            ObjectType {
                name,
                description,
                properties,
                // Nothing more allowed is `None`.
                additional: additional
                    .filter(|ty| !matches!(&ty.kind, Kind::Any(Some(raw)) if raw.is_boolean())),
            }
        })
        .boxed()
}

/// A type without references.
pub(crate) fn ty() -> BoxedStrategy<Type> {
    leaf().prop_recursive(4, 24, 4, nested).boxed()
}

fn nested(inner: BoxedStrategy<Type>) -> BoxedStrategy<Type> {
    let list = (inner.clone(), any::<bool>()).prop_map(|(item, unique)| Kind::List {
        item: Box::new(item),
        unique,
    });
    let map = (key(), inner.clone()).prop_map(|(key, value)| Kind::Map {
        key: Box::new(key),
        value: Box::new(value),
    });
    prop_oneof![
        3 => constrained(list, lengths()),
        1 => vec(inner.clone(), 0..4).prop_map(|items| Type::new(Kind::Tuple(items))),
        2 => constrained(map, lengths()),
        2 => constrained(inner.clone().prop_map(|inner| Kind::Optional(Box::new(inner))), numbers()),
        2 => constrained(vec(inner.clone(), 2..4).prop_map(Kind::Union), lengths()),
        4 => object(inner).prop_map(|object| Type::new(Kind::Object(Arc::new(object)))),
    ]
    .boxed()
}

/// Any schema; one in three is recursive.
pub(crate) fn schema() -> BoxedStrategy<Schema> {
    let recursive = (vec(name(), 1..4), vec(object(ty()), 3), ty(), any::<bool>()).prop_map(
        |(mut names, objects, ty, in_object)| {
            let mut seen = std::collections::HashSet::new();
            names.retain(|name| seen.insert(name.clone()));
            let reference = |name: &String| Type::new(Kind::Ref(name.clone()));
            // A ring, so that every definition is recursive and reachable.
            let defs = names.iter().zip(names.iter().cycle().skip(1)).zip(objects).map(
                |((own, next), mut object)| {
                    object.properties.retain(|property| property.name != "next");
                    object.properties.push(Property {
                        name: "next".into(),
                        ty: Type::optional(reference(next)),
                        description: Some("another".into()),
                        required: false,
                        default: None,
                    });
                    (own.clone(), Type::new(Kind::Object(Arc::new(object))))
                },
            );
            let first = reference(&names[0]);
            Schema {
                ty: if in_object {
                    Type::new(Kind::Tuple(vec![ty, first]))
                } else {
                    first
                },
                defs: Arc::new(defs.collect()),
            }
        },
    );
    prop_oneof![2 => ty().prop_map(Schema::new), 1 => recursive].boxed()
}
