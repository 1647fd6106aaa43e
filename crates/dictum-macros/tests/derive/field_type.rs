//! `derive(FieldType)`: every shape of type, with serde's and schemars' attributes.

use std::collections::BTreeMap;
use std::fmt::Debug;

use dictum::prelude::*;
use dictum::types::{Kind, Schema};
use serde_json::{Value, json};

/// Writes, compares, reads back, and compares again.
fn there_and_back<T: FieldType + PartialEq + Debug>(value: T, json: Value) {
    assert_eq!(serde_json::to_value(&value).unwrap(), json);
    assert_eq!(serde_json::from_value::<T>(json).unwrap(), value);
}

/// Where a request goes.
#[derive(FieldType, Debug, PartialEq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Team {
    Sales,
    /// Money matters.
    BillingDesk,
    #[serde(alias = "tech")]
    Technical = 7,
    Other,
}

#[test]
fn unit_variants_are_an_enumeration() {
    there_and_back(Team::BillingDesk, json!("billing_desk"));
    assert_eq!(
        serde_json::from_value::<Team>(json!("tech")).unwrap(),
        Team::Technical
    );
    let Kind::Enum(team) = Schema::of::<Team>().ty.kind else {
        panic!("not an enumeration")
    };
    assert_eq!(team.name, "Team");
    assert_eq!(team.description.as_deref(), Some("Where a request goes."));
    let members: Vec<_> = team
        .members
        .iter()
        .map(|m| (m.value.clone(), m.description.clone()))
        .collect();
    assert_eq!(
        members,
        [
            (json!("sales"), None),
            (json!("billing_desk"), Some("Money matters.".to_owned())),
            (json!("technical"), None),
            (json!("other"), None),
        ]
    );
    let error = serde_json::from_value::<Team>(json!(3)).unwrap_err().to_string();
    assert!(!error.contains("__"), "the private copy shows: {error}");
}

#[derive(FieldType, Debug, PartialEq)]
enum Shape {
    Dot,
    Circle { radius: f64 },
    Text(String),
    Line(i32, i32),
    Group(Vec<Self>),
    Framed(Box<Shape>),
}

#[test]
fn variants_may_carry_data_and_themselves() {
    there_and_back(Shape::Dot, json!("Dot"));
    there_and_back(
        Shape::Circle { radius: 0.5 },
        json!({ "Circle": { "radius": 0.5 } }),
    );
    there_and_back(Shape::Text("a".into()), json!({ "Text": "a" }));
    there_and_back(Shape::Line(1, -1), json!({ "Line": [1, -1] }));
    there_and_back(
        Shape::Group(vec![Shape::Dot, Shape::Framed(Box::new(Shape::Dot))]),
        json!({ "Group": ["Dot", { "Framed": "Dot" }] }),
    );
    let schema = Schema::of::<Shape>();
    assert!(
        schema.defs.contains_key("Shape"),
        "a recursive type is a definition: {schema:?}"
    );
}

#[derive(FieldType, Debug, PartialEq)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Event {
    Said { words: String },
    Left,
}

#[derive(FieldType, Debug, PartialEq)]
#[serde(untagged)]
enum Amount {
    Exact(u32),
    Roughly(String),
}

#[test]
fn serde_decides_how_variants_are_told_apart() {
    there_and_back(
        Event::Said { words: "no".into() },
        json!({ "kind": "said", "words": "no" }),
    );
    there_and_back(Event::Left, json!({ "kind": "left" }));
    there_and_back(Amount::Exact(3), json!(3));
    there_and_back(Amount::Roughly("some".into()), json!("some"));
    assert!(matches!(Schema::of::<Amount>().ty.kind, Kind::Union(members) if members.len() == 2));
}

/// A place to send things.
#[derive(FieldType, Debug, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Address {
    /// Street and number.
    pub street_line: String,
    #[serde(default = "nowhere", skip_serializing_if = "String::is_empty")]
    pub(crate) city: String,
    #[schemars(range(min = 1, max = 99_999))]
    zip: u32,
    #[serde(skip)]
    seen: std::cell::Cell<bool>,
    r#type: Option<Kindness>,
}

fn nowhere() -> String {
    "nowhere".to_owned()
}

#[derive(FieldType, Debug, PartialEq)]
#[serde(transparent)]
struct Kindness(Team);

#[test]
fn structs_keep_their_names_documents_and_attributes() {
    there_and_back(
        Address {
            street_line: "Main 1".into(),
            city: "Ulm".into(),
            zip: 5,
            seen: false.into(),
            r#type: Some(Kindness(Team::Technical)),
        },
        json!({ "streetLine": "Main 1", "city": "Ulm", "zip": 5, "type": "technical" }),
    );
    let read: Address = serde_json::from_value(json!({ "streetLine": "x", "zip": 1 })).unwrap();
    assert_eq!((read.city.as_str(), read.r#type), ("nowhere", None));
    let error =
        serde_json::from_value::<Address>(json!({ "streetLine": "x", "zip": 1, "no": 1 })).unwrap_err();
    assert!(error.to_string().contains("unknown field `no`"), "{error}");

    let Kind::Object(address) = Schema::of::<Address>().ty.kind else {
        panic!("not an object")
    };
    assert_eq!(address.name, "Address");
    assert_eq!(address.description.as_deref(), Some("A place to send things."));
    let names: Vec<_> = address.properties.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["streetLine", "city", "zip", "type"]);
    assert_eq!(
        address.properties[0].description.as_deref(),
        Some("Street and number.")
    );
    assert_eq!(
        address.properties[2].ty.constraints.describe(),
        ["at least 1", "at most 99999"]
    );
    assert!(!address.properties[1].required && address.properties[0].required);
}

#[derive(FieldType, Debug, PartialEq)]
#[serde(rename = "identifier")]
struct Id(String);

#[derive(FieldType, Debug, PartialEq)]
struct Point(i32, i32);

#[derive(FieldType, Debug, PartialEq)]
struct Scored<S, const N: usize = 1> {
    value: S,
    score: Option<f64>,
    others: BTreeMap<String, S>,
}

#[derive(FieldType, Debug, PartialEq)]
struct Tree {
    id: Id,
    at: Point,
    best: Scored<Point>,
    children: Vec<Tree>,
    parent: Option<Box<Self>>,
}

#[test]
fn types_nest_and_recur_and_may_be_generic() {
    let leaf = |id: &str| Tree {
        id: Id(id.into()),
        at: Point(1, 2),
        best: Scored {
            value: Point(3, 4),
            score: None,
            others: BTreeMap::new(),
        },
        children: Vec::new(),
        parent: None,
    };
    let mut tree = leaf("root");
    tree.children.push(leaf("a"));
    let small = json!({ "value": [3, 4], "score": null, "others": {} });
    there_and_back(
        tree,
        json!({
            "id": "root", "at": [1, 2], "best": small, "parent": null,
            "children": [{ "id": "a", "at": [1, 2], "best": small, "parent": null, "children": [] }],
        }),
    );
    let schema = Schema::of::<Tree>();
    let tree = schema.resolve(&schema.ty).unwrap();
    assert!(
        matches!(&tree.kind, Kind::Object(tree) if tree.properties.len() == 5),
        "{tree:?}"
    );
    assert!(matches!(Schema::of::<Id>().ty.kind, Kind::Str));
    assert!(matches!(Schema::of::<Point>().ty.kind, Kind::Tuple(items) if items.len() == 2));
}

#[test]
fn generic_types_of_one_name_do_not_share_a_schema() {
    #[derive(FieldType)]
    #[allow(dead_code)]
    struct Both {
        numbers: Scored<u8>,
        texts: Scored<String>,
    }
    let Kind::Object(both) = Schema::of::<Both>().ty.kind else {
        panic!("not an object")
    };
    let value_kind = |index: usize| match &both.properties[index].ty.kind {
        Kind::Object(scored) => scored.properties[0].ty.kind.clone(),
        other => panic!("not an object: {other:?}"),
    };
    assert_eq!((value_kind(0), value_kind(1)), (Kind::Int, Kind::Str));
}

/// Its absent fields are those of `Limits::default()`.
#[derive(FieldType, Debug, PartialEq)]
#[serde(default, rename_all = "camelCase")]
struct Limits {
    most_words: u32,
    tone: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            most_words: 80,
            tone: "plain".into(),
        }
    }
}

#[test]
fn defaults_of_the_whole_type_stand_for_its_fields() {
    let read: Limits = serde_json::from_value(json!({ "mostWords": 5 })).unwrap();
    assert_eq!(
        read,
        Limits {
            most_words: 5,
            tone: "plain".into()
        }
    );
    let Kind::Object(limits) = Schema::of::<Limits>().ty.kind else {
        panic!("not an object")
    };
    assert_eq!(limits.properties[0].default, Some(json!(80)));
    assert_eq!(limits.properties[1].default, Some(json!("plain")));
}

/// Not a field type.
#[derive(Debug, Clone, PartialEq)]
struct Meters(f64);

/// A length as people write it.
#[derive(FieldType, Debug, Clone, PartialEq)]
#[serde(try_from = "String", into = "String")]
struct Length {
    meters: Meters,
}

impl TryFrom<String> for Length {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text.strip_suffix(" m").ok_or("a length ends in ` m`")?;
        Ok(Self {
            meters: Meters(
                number
                    .parse()
                    .map_err(|_| format!("`{number}` is not a number"))?,
            ),
        })
    }
}

impl From<Length> for String {
    fn from(length: Length) -> Self {
        format!("{} m", length.meters.0)
    }
}

#[derive(FieldType, Debug, PartialEq)]
enum Mark {
    At(Length),
    #[serde(skip)]
    #[allow(dead_code)]
    Raw(Meters),
    #[serde(other)]
    Nowhere,
}

#[test]
fn what_serde_goes_around_need_not_be_a_field_type() {
    there_and_back(Mark::At(Length { meters: Meters(2.5) }), json!({ "At": "2.5 m" }));
    assert_eq!(
        serde_json::from_value::<Mark>(json!("Elsewhere")).unwrap(),
        Mark::Nowhere
    );
    let error = serde_json::from_value::<Length>(json!("2.5"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("a length ends in ` m`"), "{error}");
    assert!(matches!(Schema::of::<Length>().ty.kind, Kind::Str));
}

/// A place.
#[derive(FieldType, Debug, PartialEq)]
struct Spot {
    zip: String,
}

#[derive(FieldType, Debug, PartialEq)]
#[serde(tag = "do")]
enum Tagged {
    /// Leave it as it is.
    Nothing,
    /// Send someone there.
    Visit(Spot),
    /// Write to them.
    Reply {
        text: String,
    },
    Plain(Spot),
}

#[derive(FieldType, Debug, PartialEq)]
#[serde(untagged)]
enum Untagged {
    /// Send someone there.
    Visit(Spot),
    /// Write to them.
    Reply { text: String },
}

#[test]
fn variants_that_hold_data_say_what_they_are() {
    let outline = |schema: Schema| schema.outline().text;
    let tagged = outline(Schema::of::<Tagged>());
    for words in ["Leave it as it is.", "Send someone there.", "Write to them."] {
        assert_eq!(tagged.matches(words).count(), 1, "{words} in {tagged}");
    }
    // What says nothing of its own is what it holds.
    assert_eq!(tagged.matches("A place.").count(), 1, "{tagged}");
    let untagged = outline(Schema::of::<Untagged>());
    for words in ["Send someone there.", "Write to them."] {
        assert_eq!(untagged.matches(words).count(), 1, "{words} in {untagged}");
    }
    // And back from JSON Schema, as states keep it.
    let again = Schema::from_json_schema(&Schema::of::<Tagged>().to_json_schema());
    assert_eq!(outline(again), tagged);
}
