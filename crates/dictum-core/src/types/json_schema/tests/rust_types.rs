//! What `schemars` writes for serde's types.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::types::{FieldType, Kind, Schema, Type};

#[derive(Serialize, Deserialize, JsonSchema, PartialEq, Eq, Hash, PartialOrd, Ord, Clone)]
enum Team {
    Billing,
    #[serde(rename = "tech")]
    Technical,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Level {
    Low,
    /// Must be seen today.
    High,
    #[serde(rename = "now")]
    #[allow(dead_code)]
    Now,
}

#[derive(Serialize, Deserialize, JsonSchema, Clone)]
struct Place {
    zip: String,
    team: Option<Team>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum External {
    Unit,
    New(i8),
    Pair(u8, String),
    Fields { team: Team },
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
enum Internal {
    Unit,
    New(Place),
    Fields { a: bool },
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    New(Place),
    Fields { a: bool },
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Place(Place),
    Fields { a: bool },
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Tree {
    kids: Vec<Tree>,
    next: Option<Box<Tree>>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum Expr {
    Number(f64),
    Add(Box<Expr>, Box<Expr>),
    Block(Block),
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Block {
    body: Vec<Expr>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    place: Place,
    #[serde(flatten)]
    choice: Internal,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Open {
    id: u8,
    #[serde(flatten)]
    place: Option<Place>,
    #[serde(flatten)]
    more: HashMap<String, i32>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Generic<T> {
    value: T,
}

/// Somebody.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Person {
    /// As in the passport.
    #[serde(rename = "fullName")]
    full_name: String,
    /// In years.
    #[schemars(range(max = 150))]
    age: u8,
    #[serde(default)]
    tags: Vec<String>,
    #[schemars(length(min = 2), regex(pattern = "^[a-z]+$"))]
    nick: Option<String>,
    /// Where they live.
    home: Place,
    #[serde(skip)]
    #[allow(dead_code)]
    cache: u8,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Empty {}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Meters(f64);

fn has_raw(ty: &Type) -> bool {
    matches!(ty.kind, Kind::Any(Some(_))) || ty.children().into_iter().any(has_raw)
}

/// The outline of the type; its values must fit it, and other ones not.
fn outline<T: FieldType>(values: &[T], others: &[Value]) -> String {
    let schema = Schema::of::<T>();
    assert!(
        !has_raw(&schema.ty) && !schema.defs.values().any(has_raw),
        "{schema:?}"
    );
    for value in values {
        let value = serde_json::to_value(value).unwrap();
        assert_eq!(schema.check(&value), [], "{value} as {schema:?}");
    }
    for other in others {
        assert!(
            serde_json::from_value::<T>(other.clone()).is_err(),
            "{other} is a value"
        );
        assert_ne!(schema.check(other), [], "{other} as {schema:?}");
    }
    let outline = schema.outline();
    let mut lines: Vec<String> = outline
        .definitions
        .iter()
        .map(|(name, text)| format!("{name} = {text}"))
        .collect();
    lines.insert(0, outline.text);
    lines.join("\n")
}

#[test]
fn plain_types() {
    assert_eq!(outline(&["x".to_owned()], &[json!(1)]), "str");
    assert_eq!(
        outline(&['x'], &[json!(""), json!("xy")]),
        "str (exactly 1 character)"
    );
    assert_eq!(outline(&[()], &[json!(1)]), "null");
    assert_eq!(outline(&[json!({"a": [1]})], &[]), "any JSON value");
    assert_eq!(
        outline(&[Duration::new(1, 2)], &[json!({"secs": 1})]),
        "{ secs: int (at least 0), nanos: int (at least 0) }"
    );
    assert_eq!(outline(&[Meters(1.5)], &[json!("1")]), "float");
    assert_eq!(outline(&[Empty {}], &[json!(1)]), "{}");
    assert_eq!(
        outline(&[Some(2_u8), None], &[json!(256)]),
        "int from 0 to 255 or null"
    );
    assert_eq!(outline(&[1.5_f32], &[json!("1")]), "float");
}

#[test]
fn integers_of_every_width_keep_their_bounds() {
    assert_eq!(
        outline(&[i8::MIN, i8::MAX], &[json!(-129), json!(128)]),
        "int from -128 to 127"
    );
    assert_eq!(
        outline(&[0, u8::MAX], &[json!(-1), json!(256)]),
        "int from 0 to 255"
    );
    assert_eq!(
        outline(&[i16::MIN, i16::MAX], &[json!(32_768)]),
        "int from -32768 to 32767"
    );
    assert_eq!(
        outline(&[0, u16::MAX], &[json!(-1), json!(65_536)]),
        "int from 0 to 65535"
    );
    assert_eq!(outline(&[i32::MIN, i32::MAX], &[json!(1_i64 << 31)]), "int");
    assert_eq!(
        outline(&[0, u32::MAX], &[json!(-1), json!(1_i64 << 32)]),
        "int (at least 0)"
    );
    assert_eq!(outline(&[i64::MIN, i64::MAX], &[json!(1_u64 << 63)]), "int");
    assert_eq!(outline(&[0, u64::MAX], &[json!(-1)]), "int (at least 0)");
    assert_eq!(outline(&[0, usize::MAX], &[json!(-1)]), "int (at least 0)");
    assert_eq!(outline(&[isize::MIN], &[json!(1_u64 << 63)]), "int");
    assert_eq!(outline(&[5_u128], &[json!(-1)]), "int (at least 0)");
    assert_eq!(outline(&[-5_i128], &[json!(0.5)]), "int");
    assert_eq!(
        outline(&[std::num::NonZeroU8::MAX], &[json!(0), json!(256)]),
        "int from 1 to 255"
    );
}

#[test]
fn lists_and_maps() {
    assert_eq!(outline(&[vec!["a".to_owned()]], &[json!([1])]), "list of str");
    assert_eq!(
        outline(&[HashSet::from([1_u8])], &[json!([256])]),
        "list of distinct int from 0 to 255"
    );
    assert_eq!(
        outline(&[BTreeSet::from([true])], &[json!([1])]),
        "list of distinct bool"
    );
    assert_eq!(
        outline(&[[true, false]], &[json!([true])]),
        "list of bool (exactly 2 items)"
    );
    assert_eq!(
        outline(&[(true, "a".to_owned())], &[json!([true]), json!([true, 1])]),
        "[bool, str]"
    );
    assert_eq!(
        outline(&[HashMap::from([("a".to_owned(), true)])], &[json!({"a": 1})]),
        "{ [key: str]: bool }"
    );
    assert_eq!(
        outline(&[HashMap::from([(-1_i32, true)])], &[json!({"a": true})]),
        "{ [key: int]: bool }"
    );
    assert_eq!(
        outline(&[HashMap::from([(1_u8, true)])], &[json!({"-1": true})]),
        "{ [key: int (at least 0)]: bool }"
    );
    assert_eq!(
        outline(
            &[BTreeMap::from([(Team::Technical, vec![1])])],
            &[json!({"other": []})]
        ),
        r#"{ [key: "Billing" | "tech"]: list of int }"#
    );
    assert_eq!(
        outline(&[serde_json::Map::new()], &[json!(1)]),
        "{ [key: str]: any JSON value }"
    );
}

#[test]
fn enums() {
    assert_eq!(
        outline(&[Team::Billing, Team::Technical], &[json!("Technical")]),
        "one of: Billing; tech"
    );
    assert_eq!(
        outline(&[Level::Low, Level::High], &[json!("Now")]),
        "one of: Low; now; High (Must be seen today.)"
    );
    assert_eq!(
        outline(&[Some(Level::High), None], &[json!("Now")]),
        "one of: Low; now; High (Must be seen today.), or null"
    );
    let place = Place {
        zip: "1".into(),
        team: None,
    };
    let external = [
        External::Unit,
        External::New(1),
        External::Pair(1, "a".into()),
        External::Fields { team: Team::Billing },
    ];
    assert_eq!(
        outline(
            &external,
            &[json!("New"), json!({"New": 300}), json!({"Pair": [1]})]
        ),
        r#""Unit" or { New: int from -128 to 127 } or { Pair: [int from 0 to 255, str] } or { Fields: { team: "Billing" | "tech" } }"#
    );
    let internal = [
        Internal::Unit,
        Internal::New(place.clone()),
        Internal::Fields { a: true },
    ];
    assert_eq!(
        outline(&internal, &[json!({"type": "New"}), json!({"a": true})]),
        r#"{ type: "Unit" } or { type: "New", zip: str, team?: "Billing" | "tech" or null } or { type: "Fields", a: bool }"#
    );
    let adjacent = [
        Adjacent::Unit,
        Adjacent::New(place.clone()),
        Adjacent::Fields { a: true },
    ];
    assert_eq!(
        outline(&adjacent, &[json!({"t": "New", "c": 1}), json!({"t": "No"})]),
        r#"{ t: "Unit" } or { t: "New", c: { zip: str, team?: "Billing" | "tech" or null } } or { t: "Fields", c: { a: bool } }"#
    );
    let untagged = [
        Untagged::Number(1),
        Untagged::Place(place),
        Untagged::Fields { a: true },
    ];
    assert_eq!(
        outline(&untagged, &[json!("x"), json!({})]),
        r#"int or { zip: str, team?: "Billing" | "tech" or null } or { a: bool }"#
    );
}

#[test]
fn structs() {
    let place = Place {
        zip: "1".into(),
        team: Some(Team::Billing),
    };
    let person = Person {
        full_name: "A".into(),
        age: 150,
        tags: vec![],
        nick: Some("ab".into()),
        home: place.clone(),
        cache: 0,
    };
    assert_eq!(
        outline(
            &[person],
            &[json!({"fullName": "A", "age": 300, "home": {"zip": ""}})]
        ),
        "{\n  fullName: str, // As in the passport.\n  age: int from 0 to 150, // In years.\n  tags?: list of str = [],\n  \
         nick?: str (at least 2 characters, matching /^[a-z]+$/) or null,\n  \
         home: { zip: str, team?: \"Billing\" | \"tech\" or null } // Where they live.\n}"
    );
    assert_eq!(Schema::of::<Person>().description(), Some("Somebody."));
    let flat = Flat {
        id: 1,
        place: place.clone(),
        choice: Internal::Fields { a: true },
    };
    assert_eq!(
        outline(&[flat], &[json!({"id": 1, "zip": "", "type": "Fields"})]),
        "{ id: int from 0 to 255, zip: str, team?: \"Billing\" | \"tech\" or null, type: \"Unit\" } or \
         { id: int from 0 to 255, zip: str, team?: \"Billing\" | \"tech\" or null, type: \"New\" } or \
         { id: int from 0 to 255, zip: str, team?: \"Billing\" | \"tech\" or null, type: \"Fields\", a: bool }"
    );
    let open = Open {
        id: 1,
        place: None,
        more: HashMap::from([("x".into(), 1)]),
    };
    assert_eq!(
        outline(&[open], &[json!({"id": 1, "x": "1"})]),
        r#"{ id: int from 0 to 255, zip?: str, team?: "Billing" | "tech" or null, [other: str]: int }"#
    );
    assert_eq!(
        outline(&[Generic { value: vec![1_u8] }], &[json!({"value": 1})]),
        "{ value: list of int from 0 to 255 }"
    );
}

#[test]
fn recursive_types() {
    let leaf = || Tree {
        kids: vec![],
        next: None,
    };
    let tree = Tree {
        kids: vec![leaf()],
        next: Some(Box::new(leaf())),
    };
    assert_eq!(
        outline(&[tree], &[json!({"kids": [1]}), json!({"kids": [], "next": {}})]),
        "Tree\nTree = { kids: list of Tree, next?: Tree or null }"
    );
    let number = || Box::new(Expr::Number(1.0));
    let expr = Expr::Block(Block {
        body: vec![Expr::Add(number(), number())],
    });
    assert_eq!(
        outline(
            &[expr],
            &[json!({"Add": [{"Number": 1}]}), json!({"Block": {"body": [1]}})]
        ),
        "Expr\nExpr = { Number: float } or { Add: [Expr, Expr] } or { Block: Block }\nBlock = { body: list of Expr }"
    );
}
