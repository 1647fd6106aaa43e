//! Rust types for the kinds of value that plain Rust has no type for. All of them are ordinary field types.

mod code;
mod history;
mod media;
mod text;
mod tools;

pub use code::{Code, Language, languages};
pub use history::History;
pub use media::{Audio, DataUriError, File, Image};
pub use text::Reasoning;
pub use tools::{ToolCall, ToolCalls};

use super::{Kind, Schema, Type};

/// `schemars`' form of a special kind.
fn json_schema(kind: Kind) -> schemars::Schema {
    let schema = Schema::new(Type::new(kind)).to_json_schema();
    // It is an object, always; `true` would be the schema of any value.
    schemars::Schema::try_from(schema).unwrap_or_default()
}

/// Implements `JsonSchema` for a type that stands for a special kind.
macro_rules! special {
    ($type:ty, $kind:expr $(, $parameter:ident: $bound:path)?) => {
        impl $(<$parameter: $bound>)? schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                $crate::types::Type::new($kind).to_string().into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::types::values::json_schema($kind)
            }
        }
    };
}
use special;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record;
    use serde_json::{Value, json};

    #[test]
    fn each_type_stands_for_its_kind_also_inside_others() {
        let kind = |schema: Schema| schema.ty.kind;
        assert_eq!(kind(Schema::of::<Image>()), Kind::Image);
        assert_eq!(kind(Schema::of::<Audio>()), Kind::Audio);
        assert_eq!(kind(Schema::of::<File>()), Kind::File);
        assert_eq!(kind(Schema::of::<History>()), Kind::History);
        assert_eq!(kind(Schema::of::<Reasoning>()), Kind::Reasoning);
        assert_eq!(kind(Schema::of::<ToolCalls>()), Kind::ToolCalls);
        assert_eq!(Schema::of::<Code>().to_string(), "Code['python']");
        assert_eq!(
            Schema::of::<Vec<Option<Code<languages::Sql>>>>().to_string(),
            "list[Optional[Code['sql']]]"
        );
    }

    #[test]
    fn values_are_the_json_their_schema_takes() {
        fn check<T: crate::types::FieldType + PartialEq + std::fmt::Debug>(value: T, wanted: Value) {
            let json = serde_json::to_value(&value).unwrap();
            assert_eq!(json, wanted);
            assert_eq!(Schema::of::<T>().check(&json), []);
            assert_eq!(serde_json::from_value::<T>(json).unwrap(), value);
        }
        check(Image::url("https://a/b.png"), json!({"url": "https://a/b.png"}));
        check(
            Audio::bytes("audio/wav", [1, 2, 255]),
            json!({"media_type": "audio/wav", "base64": "AQL/"}),
        );
        check(
            File::id("file-1").with_name("a.pdf"),
            json!({"id": "file-1", "name": "a.pdf"}),
        );
        check(Code::<languages::Rust>::new("fn a() {}"), json!("fn a() {}"));
        check(Reasoning::new("because"), json!("because"));
        check(
            History::new().with(record! { question: "Why?", answer: 42 }),
            json!([{"question": "Why?", "answer": 42}]),
        );
        let call = ToolCall::new("search").with("query", "rust");
        check(
            ToolCalls::from(vec![call]),
            json!([{"name": "search", "args": {"query": "rust"}}]),
        );
    }
}
