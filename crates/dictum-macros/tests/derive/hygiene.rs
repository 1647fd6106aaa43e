//! The macros need nothing of the place they are used in.

/// No prelude, and names of the standard library that mean something else.
#[allow(dead_code)]
#[no_implicit_prelude]
mod nothing_in_scope {
    pub(super) struct Option;
    pub(super) struct Result;
    pub(super) struct String;
    pub(super) struct Vec;
    pub(super) struct Box;
    pub(super) struct Record;
    pub(super) trait Clone {}
    pub(super) trait Fields {}
    pub(super) trait Send {}
    #[allow(non_upper_case_globals)]
    const field: u8 = 0;
    #[allow(non_camel_case_types)]
    struct core;
    #[allow(non_camel_case_types)]
    struct std;

    /// Do it.
    #[derive(::dictum::Signature)]
    pub(super) struct Ask {
        /// In.
        #[input(default = "x")]
        record: ::std::string::String,
        #[input(default = ::std::option::Option::None)]
        f: ::std::option::Option<u8>,
        #[output(min = 1, max = 5)]
        other: Kind,
        #[output(pattern = "a", max_length = 3)]
        name: ::std::string::String,
    }

    #[derive(::dictum::FieldType)]
    pub(super) enum Kind {
        One { serializer: u8 },
        Two(::std::boxed::Box<Kind>),
    }

    #[derive(::dictum::FieldType)]
    pub(super) struct Pair<T> {
        a: T,
        b: ::std::vec::Vec<T>,
    }

    #[derive(::dictum::Fields)]
    pub(super) struct Own {
        own: ::std::string::String,
    }

    #[derive(::dictum::Parameters)]
    pub(super) struct Program {
        path: ::dictum::modules::Predict<Ask>,
        visit: Unit,
    }

    #[derive(::dictum::Parameters)]
    pub(super) struct Unit {}

    pub(super) fn string_form() -> ::dictum::signature::SignatureSpec {
        ::dictum::signature!("a: list[str] | None -> b: Literal['x', 1]")
    }
}

use dictum::prelude::*;

#[test]
fn names_in_scope_change_nothing() {
    let spec = nothing_in_scope::Ask::spec();
    assert_eq!(spec.fields().len(), 4);
    let input = nothing_in_scope::AskInput::from_record(record! {}).unwrap();
    assert_eq!((input.record.as_str(), input.f), ("x", None));
    let output = record! { other: serde_json::json!({ "Two": { "One": { "serializer": 1 } } }), name: "a" };
    let read = nothing_in_scope::AskOutput::from_record(output.clone()).unwrap();
    assert_eq!(read.into_record().unwrap(), output);
    assert_eq!(nothing_in_scope::string_form().fields().len(), 2);
}

mod another_path {
    pub(super) use ::dictum as prompts;
}

#[test]
fn generated_code_finds_dictum_where_it_is_told_to() {
    use another_path::prompts;

    #[derive(prompts::Signature)]
    #[dictum(crate = "another_path::prompts")]
    struct Ask {
        #[output]
        answer: String,
    }
    assert_eq!(Ask::spec().outputs().len(), 1);
    assert_eq!(
        prompts::signature!(crate = another_path::prompts, "a -> b")
            .fields()
            .len(),
        2
    );
}
