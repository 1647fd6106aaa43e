//! `derive(Fields)`: a struct of one's own as a module's input or output.

use dictum::prelude::*;

#[derive(Fields, Debug, PartialEq)]
struct Question {
    r#type: String,
    tries: Option<u8>,
}

#[derive(Fields, Debug, PartialEq)]
struct Page<T, const N: usize>
where
    T: Clone,
{
    items: Vec<T>,
    total: usize,
}

#[derive(Fields, Debug, PartialEq)]
struct Nothing {}

#[test]
fn a_struct_goes_through_a_record() {
    let record = Question {
        r#type: "open".into(),
        tries: Some(2),
    }
    .into_record()
    .unwrap();
    assert_eq!(record, record! { type: "open", tries: 2 });
    let back = Question::from_record(record! { type: "open", unknown: 1 }).unwrap();
    assert_eq!(
        back,
        Question {
            r#type: "open".into(),
            tries: None
        }
    );
    assert_eq!(
        Question::from_record(record! { tries: 1 })
            .unwrap_err()
            .to_string(),
        "field `type` is missing"
    );
    assert_eq!(
        Nothing::from_record(Nothing {}.into_record().unwrap()).unwrap(),
        Nothing {}
    );
}

#[test]
fn a_generic_struct_goes_through_a_record() {
    let page = Page::<Option<String>, 3> {
        items: vec![Some("a".into()), None],
        total: 2,
    };
    let record = page.into_record().unwrap();
    assert_eq!(record, record! { items: ["a", null], total: 2 });
    assert_eq!(Page::<Option<String>, 3>::from_record(record).unwrap().total, 2);
}
