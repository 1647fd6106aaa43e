//! The programs of `scripts/dspy/programs.py`, as Dictum has them.

use dictum_core::modules::{ChainOfThought, Predict};
use dictum_core::program::{Parameter, ParameterMut, ParameterPath, Parameters};
use dictum_core::signature::{FieldSpec, SignatureSpec};
use dictum_core::types::{Schema, Type};
use indexmap::IndexMap;
use serde_json::json;

/// `derive(Parameters)` by hand: this crate can't use its own derive.
macro_rules! parameters {
    ($type:ty: $($field:ident),*) => {
        impl Parameters for $type {
            fn visit<'a>(&'a self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, Parameter<'a>)) {
                $( path.field(stringify!($field), |path| self.$field.visit(path, visit)); )*
            }
            fn visit_mut(&mut self, path: &mut ParameterPath, visit: &mut dyn FnMut(&ParameterPath, ParameterMut<'_>)) {
                $( path.field(stringify!($field), |path| self.$field.visit_mut(path, visit)); )*
            }
        }
    };
}

#[derive(Clone)]
pub(crate) struct TwoSteps {
    pub(crate) summarize: ChainOfThought,
    pub(crate) classify: Predict,
}
parameters!(TwoSteps: summarize, classify);

#[derive(Clone)]
pub(crate) struct Containers {
    hops: Vec<ChainOfThought>,
    by_language: IndexMap<String, Predict>,
}
parameters!(Containers: hops, by_language);

fn triage() -> SignatureSpec {
    let spec = SignatureSpec::parse(
        "message -> team: Literal['billing', 'technical', 'sales'], priority: Optional[int]",
    );
    let fields = spec.unwrap().fields().to_vec();
    let described = fields.into_iter().map(|field| match field.name.as_str() {
        "message" => field.with_description("as the customer wrote it"),
        _ => field,
    });
    let instructions = "Route a message to the team that should answer it.";
    SignatureSpec::new("Triage", Some(instructions.into()), described).unwrap()
}

pub(crate) fn predict() -> Predict {
    Predict::parse("question, hints: list[str] -> answer: float").unwrap()
}

pub(crate) fn chain_of_thought() -> ChainOfThought {
    ChainOfThought::parse("question -> answer").unwrap()
}

pub(crate) fn two_steps() -> TwoSteps {
    TwoSteps {
        summarize: ChainOfThought::parse("document -> summary").unwrap(),
        classify: Predict::from_spec(triage()),
    }
}

pub(crate) fn containers() -> Containers {
    let hop = || ChainOfThought::parse("question, notes: list[str] -> query").unwrap();
    Containers {
        hops: vec![hop(), hop()],
        by_language: [("en", "text -> label"), ("it's", "text -> label: int")]
            .into_iter()
            .map(|(key, spec)| (key.to_owned(), Predict::parse(spec).unwrap()))
            .collect(),
    }
}

pub(crate) fn pydantic() -> Predict {
    let address = || {
        Schema::from_json_schema(&json!({
            "title": "Address",
            "type": "object",
            "properties": {
                "street": {"type": "string"},
                "number": {"type": "integer"},
                "tags": {"type": "array", "items": {"type": "string"}, "default": []},
            },
            "required": ["street", "number"],
        }))
    };
    let list = Type::new(dictum_core::types::Kind::List {
        item: Box::new(address().ty),
        unique: false,
    });
    let fields = [
        FieldSpec::input("letter", Type::str()),
        FieldSpec::output("address", address()).with_description("the sender's address"),
        FieldSpec::output("others", list),
        FieldSpec::output("urgent", Type::bool()),
    ];
    let instructions = "Find the address in the letter.";
    Predict::from_spec(SignatureSpec::new("Extract", Some(instructions.into()), fields).unwrap())
}

pub(crate) fn unicode() -> Predict {
    Predict::from_spec(triage())
}
