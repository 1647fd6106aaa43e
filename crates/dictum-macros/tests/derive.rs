#![allow(missing_docs)]
use dictum::prelude::*;

/// Route a customer's message to the team that should answer it.
#[derive(Signature)]
struct Triage {
    /// The message as the customer wrote it.
    #[input]
    message: String,
    /// How urgent it is, from 1 (can wait) to 5 (now).
    #[output(min = 1, max = 5)]
    urgency: u8,
    #[output(default = "x")]
    r#type: Option<String>,
    #[output(default = vec![1, 2])]
    v: Vec<u8>,
}

#[test]
fn a() {
    println!("{:#?}", Triage::spec());
    let i = TriageInput { message: "m".into() };
    println!("{:?}", i.clone().into_record());
    println!("{:?}", TriageOutput::from_record(record! {urgency: 3}));
}
#[derive(FieldType, Debug)]
enum Team {
    /// money
    Billing,
    Sales,
}
#[derive(FieldType, Debug)]
enum Shape {
    Circle { r: f64 },
    Many(Vec<Self>),
    Box(Box<Shape>),
    Unit,
}
#[derive(FieldType, Debug)]
struct Id(String);
#[derive(FieldType, Debug)]
struct Pt(u8, u8);
#[derive(FieldType, Debug)]
struct Pair<T> {
    a: T,
    b: Option<T>,
}
#[derive(FieldType, Debug)]
#[serde(rename_all = "camelCase")]
struct Tree {
    pub the_kids: Vec<Tree>,
    pub up: Option<Box<Self>>,
    s: Pair<String>,
    t: Team,
    i: Id,
    p: Pt,
}
#[derive(FieldType, Debug)]
struct Arr<const N: usize> {
    a: Vec<[u8; 4]>,
}
#[test]
fn b() {
    println!("{:#}", dictum::__private::schemars::schema_for!(Tree).as_value());
    println!("{:#}", dictum::__private::schemars::schema_for!(Shape).as_value());
    println!(
        "{}",
        serde_json::to_value(&Shape::Many(vec![Shape::Unit])).unwrap()
    );
    println!("{:?}", serde_json::from_str::<Tree>(r#"3"#));
    println!("{:?}", serde_json::from_str::<Shape>(r#"{"x":1}"#));
}
