use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::types::{Constraints, Kind, arbitrary};

fn show(text: &str) -> String {
    match SignatureSpec::parse(text) {
        Ok(spec) => spec.to_string(),
        Err(SignatureError::Syntax { column, problem, .. }) => format!("{column}: {problem}"),
        Err(other) => format!("?? {other}"),
    }
}

#[test]
fn the_grammar_of_dspy_is_read() {
    let cases = [
        ("question -> answer", "question -> answer"),
        (
            "text, hints: list[str] -> label: Literal['a','b'], score: float",
            "text, hints: list[str] -> label: Literal['a', 'b'], score: float",
        ),
        ("->a", "-> a"),
        (
            " a ,\n b : dict [ str , list[ int ] ] , -> c : int | None ,",
            "a, b: dict[str, list[int]] -> c: Optional[int]",
        ),
        (
            "a: dspy.Image, h: dspy.History -> c: dspy.Code['java'], d: Code, t: typing.Optional[bool]",
            "a: Image, h: History -> c: Code['java'], d: Code['python'], t: Optional[bool]",
        ),
        (
            "a: Audio, f: File -> r: Reasoning, t: ToolCalls, n: None",
            "a: Audio, f: File -> r: Reasoning, t: ToolCalls, n: None",
        ),
        (
            "a -> b: list, c: dict, d: tuple[int, ...], e: tuple[str, int], f: set[str], g: Any, h: tuple[()]",
            "a -> b: list[Any], c: dict[str, Any], d: list[int], e: tuple[str, int], f: set[str], g: Any, h: tuple[()]",
        ),
        (
            "a -> b: Union[int, None, list[str]] | bool",
            "a -> b: Optional[Union[int, list[str], bool]]",
        ),
        ("a -> b: Optional[Optional[int]]", "a -> b: Optional[int]"),
        (
            r#"a -> b: Literal["it's", 'say \"x\"', 3, -1, True, None, 'a->b', '\u00e4\d']"#,
            r#"a -> b: Literal['it\'s', 'say "x"', 3, -1, True, None, 'a->b', 'ä\\d']"#,
        ),
        ("größe -> naïve_bayes", "größe -> naïve_bayes"),
    ];
    for (text, wanted) in cases {
        assert_eq!(show(text), wanted, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_shown_with_its_column_and_what_to_write() {
    let cases = [
        (
            "",
            "1: a signature needs `->` between inputs and outputs: write `question -> answer`",
        ),
        (
            "question, answer",
            "17: a signature needs `->` between inputs and outputs: write `question -> answer`",
        ),
        (
            "question ->",
            "12: expected an output field after `->`: write `question -> answer`",
        ),
        (
            "a -> b -> c",
            "8: a signature has one `->`; write outputs side by side, separated by commas",
        ),
        ("a → b", "3: write `->` for the arrow"),
        ("a - > b", "3: write the arrow as `->`, without a space in it"),
        (
            "a b -> c",
            "3: expected `,`, `:` or `->` after `a`, found `b`: fields are separated by commas",
        ),
        (
            "a,, b -> c",
            "3: there is a comma too many: expected a field name",
        ),
        (
            "a, *, b -> c",
            "4: expected a field name; stars and slashes have no meaning here",
        ),
        (
            "*args -> c",
            "1: expected a field name; stars and slashes have no meaning here",
        ),
        (
            "'a' -> c",
            "1: expected a field name without quotes, found the text \"a\"",
        ),
        (
            "1st -> c",
            "1: `1st` is neither a name nor a number; names start with a letter or `_`",
        ),
        (
            "a? -> c",
            "2: for a value that may be missing write `a: Optional[str]`",
        ),
        (
            "a -> class",
            "6: `class` is a word of Python and can't name a field; write `class_`",
        ),
        (
            "a -> completed",
            "6: `completed` can't be a field name: the chat layout ends an answer with this word; choose another",
        ),
        (
            "a, b -> a",
            "9: there is a field `a` already; inputs and outputs share one set of names",
        ),
        (
            "a: str = 'x' -> c",
            "8: defaults can't stand in the string form: leave `=` out and set the default of `a` with `with_field` or the builder",
        ),
        ("a -> c: strr", "9: there is no type `strr`; write `str`"),
        (
            "a -> c: list[string]",
            "14: there is no type `string`; write `str`",
        ),
        ("a -> c: Imgae", "9: there is no type `Imgae`; write `Image`"),
        (
            "a -> c: Foo",
            "9: there is no type `Foo`; the types are str, int, float, bool, list, dict, tuple, set, Literal, Optional, Union, Any, None, Image, Audio, File, Code, History, Reasoning, ToolCalls",
        ),
        (
            "a -> c: numpy.array",
            "9: `numpy.array` is not known; give the type under this name to `parse_with`",
        ),
        (
            "a -> c: list[str",
            "13: the `[` at column 13 is never closed: it needs a `]`",
        ),
        (
            "a: list[str -> c",
            "8: the `[` at column 8 is never closed: it needs a `]`",
        ),
        ("a -> c: list[str]]", "18: this `]` has no `[`"),
        (
            "a -> c: list[]",
            "13: there is nothing between these brackets: fill them or leave them out",
        ),
        (
            "a -> c: list[int, str]",
            "13: `list` takes one type, found 2: write `list[str]`",
        ),
        (
            "a -> c: dict[str]",
            "13: `dict` takes a type for keys and one for values: write `dict[str, int]`",
        ),
        (
            "a -> c: dict[float, int]",
            "14: `float` can't be the type of keys: write `str`, `int` or a `Literal` of texts",
        ),
        ("a -> c: str[int]", "12: `str` takes nothing in brackets"),
        (
            "a -> c: Optional",
            "9: `Optional` needs a type: write `Optional[str]`",
        ),
        (
            "a -> c: Literal[yes]",
            "17: the values of a `Literal` stand in quotes: write 'yes'",
        ),
        (
            "a -> c: Literal[0.5]",
            "17: 0.5 is not a whole number; put it in quotes, or use the type `float`",
        ),
        ("a -> c: Literal['x]", "17: this text has no closing '"),
        (
            "a -> c: Literal[“x”]",
            "17: `“` is a typographic quote: write ' or \" around texts",
        ),
        (
            "a -> c: 'x' | 'y'",
            "9: a text is not a type: write `Literal['x']`",
        ),
        (
            "a -> c: [str]",
            "9: a type starts with a name: write `list[...]` for a list",
        ),
        (
            "a -> c:",
            "8: expected a type such as `str` or `list[int]`, found the end",
        ),
        (
            "a -> c: Code[java]",
            "14: the language stands in quotes: write `Code['java']`",
        ),
        (
            "a -> c: tuple[..., int]",
            "14: `...` may only stand behind one type: write `tuple[int, ...]`",
        ),
        (
            "ä, größe: foo -> c",
            "11: there is no type `foo`; the types are str, int, float, bool, list, dict, tuple, set, Literal, Optional, Union, Any, None, Image, Audio, File, Code, History, Reasoning, ToolCalls",
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(show(text), wanted, "{text}");
    }
    let deep = format!("a -> b: {}int{}", "list[".repeat(100), "]".repeat(100));
    assert!(
        show(&deep).contains("types are nested more than 64 deep"),
        "{}",
        show(&deep)
    );
}

#[test]
fn an_error_points_at_its_column() {
    let error = SignatureSpec::parse("größe -> b: flot").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no type `flot`; write `float`\n  größe -> b: flot\n              ^"
    );
    let error = Schema::parse("list[int] -> b").unwrap_err();
    assert_eq!(
        error.to_string(),
        "this is a type, and `->` belongs to a signature: leave it out, or parse a signature\n  list[int] -> b\n            ^"
    );
    let error = SignatureSpec::parse("a,\n  b: integer\n-> c").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no type `integer`; write `int`\n  b: integer\n     ^",
        "of several lines, the one with the fault"
    );
}

#[test]
fn types_of_ones_own_bring_their_definitions() {
    let tree = |item: &str| {
        Schema::from_json_schema(
            &serde_json::json!({"title": "Tree", "type": "object", "properties": {
            "value": {"type": item}, "kids": {"type": "array", "items": {"$ref": "#"}},
        }, "required": ["value", "kids"]}),
        )
    };
    let types = IndexMap::from([
        ("Numbers".to_owned(), tree("integer")),
        ("app.Words".to_owned(), tree("string")),
        ("str".to_owned(), Schema::new(Type::int())),
    ]);
    let schema = Schema::parse_with("tuple[Numbers, list[app.Words], Numbers, str]", &types).unwrap();
    // Two types of one name are kept apart.
    assert_eq!(schema.to_string(), "tuple[Tree, list[Tree2], Tree, int]");
    let value = serde_json::json!([{"value": 1, "kids": []}, [{"value": "x", "kids": [{"value": 1, "kids": []}]}],
        {"value": 1, "kids": []}, 1]);
    let misfits: Vec<String> = schema.check(&value).iter().map(ToString::to_string).collect();
    assert_eq!(misfits, ["[1][0].kids[0].value must be text, found 1"]);
    let error = SignatureSpec::parse_with("a -> b: Number", &types).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("there is no type `Number`; write `float`"),
        "{error}"
    );
    let error = SignatureSpec::parse_with("a -> b: Numbesr", &types).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("there is no type `Numbesr`; write `Numbers`"),
        "{error}"
    );
}

/// Only what the string form can say, in its plain form.
fn sayable(ty: &Type) -> Option<Type> {
    let boxed = |ty: &Type| sayable(ty).map(Box::new);
    let kind = match &ty.kind {
        Kind::Any(_) => Kind::Any(None),
        Kind::Enum(_) | Kind::Object(_) | Kind::Ref(_) => return None,
        Kind::List { item, unique } => Kind::List {
            item: boxed(item)?,
            unique: *unique,
        },
        Kind::Tuple(items) => Kind::Tuple(items.iter().filter_map(sayable).collect()),
        Kind::Map { key, value } => match &key.kind {
            Kind::Str | Kind::Int | Kind::Literal(_) => Kind::Map {
                key: boxed(key)?,
                value: boxed(value)?,
            },
            _ => return None,
        },
        Kind::Optional(inner) => match sayable(inner)? {
            Type {
                kind: Kind::Optional(_) | Kind::Null,
                ..
            } => return None,
            inner => Kind::Optional(Box::new(inner)),
        },
        Kind::Union(types) => {
            let flat = |ty: &Type| !matches!(ty.kind, Kind::Optional(_) | Kind::Null | Kind::Union(_));
            let types: Vec<Type> = types.iter().filter_map(sayable).filter(flat).collect();
            if types.len() < 2 {
                return types.into_iter().next();
            }
            Kind::Union(types)
        }
        other => other.clone(),
    };
    Some(Type {
        kind,
        constraints: Constraints::default(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_type_written_reads_back_the_same(ty in arbitrary::ty().prop_filter_map("not sayable", |ty| sayable(&ty))) {
        let schema = Schema::new(ty);
        let written = schema.to_string();
        prop_assert_eq!(Schema::parse(&written).unwrap(), schema, "{}", written);
    }

    #[test]
    fn a_signature_written_reads_back_the_same(types in vec(arbitrary::ty().prop_filter_map("not sayable", |ty| sayable(&ty)), 1..4)) {
        let fields = types.into_iter().enumerate().map(|(i, ty)| match i {
            0 => crate::signature::FieldSpec::output("out", ty),
            i => crate::signature::FieldSpec::input(format!("in_{i}"), ty),
        });
        let spec = SignatureSpec::new("", None, fields).unwrap();
        let written = spec.to_string();
        prop_assert_eq!(SignatureSpec::parse(&written).unwrap(), spec, "{}", written);
    }

    /// Whatever stands there: an answer, and an error with a column inside the text or just behind it.
    #[test]
    fn no_text_is_too_much(words in vec(prop_oneof![
        "[a-z]{1,3}", Just(" ".to_owned()), "\\PC",
        prop::sample::select(vec![
            "->", "[", "]", ",", ":", "'", "\"", "\\", "|", "...", "=", "Literal[", "list", "dict[", "int", "None",
            "Optional", "tuple[(", ")", "dspy.", "-1", "\n", "Union[", "str", "Code[",
        ]).prop_map(str::to_owned),
    ], 0..24)) {
        let text = words.concat();
        for result in [SignatureSpec::parse(&text).map(|spec| spec.to_string()), Schema::parse(&text).map(|schema| schema.to_string())] {
            match result {
                Ok(written) => prop_assert!(!written.is_empty()),
                Err(SignatureError::Syntax { column, problem, .. }) => {
                    prop_assert!((1..=text.chars().count() + 1).contains(&column), "{column} in {text:?}");
                    prop_assert!(!problem.is_empty());
                }
                Err(other) => prop_assert!(false, "{other:?} for {text:?}"),
            }
        }
    }
}

#[test]
fn literals_keep_their_values() {
    let schema = Schema::parse(r"Literal['a\nb', -3, True, None, 18446744073709551615]").unwrap();
    let Kind::Literal(values) = &schema.ty.kind else {
        panic!("{schema:?}")
    };
    let wanted = [
        Value::from("a\nb"),
        (-3).into(),
        true.into(),
        Value::Null,
        u64::MAX.into(),
    ];
    assert_eq!(values.as_ref(), wanted);
}

#[test]
fn an_open_bracket_is_named_where_it_stands() {
    for (text, column) in [
        ("text: list[str -> label: str", 11),
        ("text: list[str, hints: dict[str, int] -> label", 11),
        ("text -> label: dict[str, list[int], other: int", 20),
        // A field without a type would be taken for one.
        ("text -> labels: list[str, score", 21),
    ] {
        let error = SignatureSpec::parse(text).unwrap_err();
        let SignatureError::Syntax {
            column: at, problem, ..
        } = &error
        else {
            panic!("{error:?}")
        };
        assert_eq!(*at, column, "{error}");
        assert!(
            problem.contains(&format!("column {column} is never closed")),
            "{error}"
        );
    }
}
