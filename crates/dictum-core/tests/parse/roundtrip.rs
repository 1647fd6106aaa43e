//! A value that is rendered as a demo and parsed comes back as it was, whatever it holds.

use dictum_core::adapter::{Adapter, ChatAdapter, JsonAdapter, XmlAdapter};
use dictum_core::parse::{self, Layout, escape};
use dictum_core::signature::FieldSpec;
use dictum_core::types::{Schema, Type};
use proptest::prelude::*;
use serde_json::Value;

use crate::values::{fenced, nasty_text, typed};

/// The fields as the adapter of the layout shows them in a demonstration.
pub(crate) fn render(layout: Layout, fields: &[(FieldSpec, Value)]) -> String {
    let adapter: &dyn Adapter = match layout {
        Layout::Chat => &ChatAdapter::default(),
        Layout::Xml => &XmlAdapter::default(),
        Layout::Json => &JsonAdapter::default(),
    };
    let fields: Vec<(&FieldSpec, Option<&Value>)> =
        fields.iter().map(|(field, value)| (field, Some(value))).collect();
    adapter.write_answer(&fields, "")
}

pub(crate) fn layouts() -> impl Strategy<Value = Layout> {
    prop::sample::select(vec![Layout::Chat, Layout::Xml, Layout::Json])
}

fn check(layout: Layout, fields: &[(FieldSpec, Value)]) -> Result<(), TestCaseError> {
    let text = render(layout, fields);
    let outputs: Vec<FieldSpec> = fields.iter().map(|(field, _)| field.clone()).collect();
    let answer = parse::fields(&text, layout, &outputs);
    prop_assert!(answer.failures.is_empty(), "{:#?}\n{text}", answer.failures);
    for (field, value) in fields {
        prop_assert_eq!(answer.fields.get(&field.name), Some(value), "{}", text);
    }
    prop_assert!(answer.fields.len() == fields.len());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1000), ..ProptestConfig::default() })]

    #[test]
    fn any_text_survives_every_layout(layout in layouts(), first in nasty_text(), second in nasty_text()) {
        let fields = [
            (FieldSpec::output("answer", Type::str()), Value::from(first)),
            (FieldSpec::output("x", Type::str()), Value::from(second)),
        ];
        check(layout, &fields)?;
        check(layout, &fields[..1])?;
    }

    #[test]
    fn any_typed_value_survives_every_layout(
        layout in layouts(), (ty, value) in typed(), text in nasty_text(), (other, second) in typed(),
    ) {
        check(layout, &[
            (FieldSpec::output("answer", Schema::new(ty)), value),
            (FieldSpec::output("item", Type::str()), Value::from(text)),
            (FieldSpec::output("entry", Schema::new(other)), second),
        ])?;
    }

    #[test]
    fn escapes_undo_themselves(text in nasty_text()) {
        let chat = escape::chat(&text);
        prop_assert_eq!(escape::from_chat(&chat), text.as_str());
        let apart = format!("\n{chat}\n\n");
        prop_assert_eq!(escape::from_chat(&apart), text.as_str());
        let xml = escape::xml(&text);
        prop_assert!(!xml.contains('<'));
        prop_assert_eq!(escape::from_xml(&xml), text.as_str());
        let apart = format!("\n{xml}\n");
        prop_assert_eq!(escape::from_xml(&apart), text.as_str());
    }

    #[test]
    fn code_survives_every_layout(layout in layouts(), text in prop_oneof![nasty_text(), fenced()]) {
        let text = Value::from(text);
        let field = |ty: &str, value: Value| (FieldSpec::output("code", Schema::parse(ty).unwrap()), value);
        for field in [
            field("Code['python']", text.clone()),
            field("Optional[Code['python']]", text.clone()),
            field("list[Code['python']]", vec![text.clone(), text.clone()].into()),
            field("dict[str, Optional[Code['rust']]]", serde_json::json!({"a": text, "b": null})),
            field("Union[int, Code['python']]", text.clone()),
            field("Union[str, list[Code['python']]]", vec![text.clone()].into()),
        ] {
            check(layout, &[field])?;
        }
    }
}

#[test]
fn a_property_may_be_called_like_its_field() {
    let property = dictum_core::types::Property {
        name: "answer".into(),
        ty: Type::list(Type::str()),
        description: None,
        required: true,
        default: None,
    };
    let object = dictum_core::types::ObjectType {
        name: String::new(),
        description: None,
        properties: vec![property],
        additional: None,
    };
    let ty = Type::new(dictum_core::types::Kind::Object(object.into()));
    let field = FieldSpec::output("answer", Schema::new(ty));
    check(
        Layout::Xml,
        &[(field, serde_json::json!({ "answer": ["a", "b"] }))],
    )
    .unwrap();
}
