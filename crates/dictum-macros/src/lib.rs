//! The macros of Dictum. Use them through the `dictum` crate, which re-exports them beside the traits they implement.
//!
//! A mistake is an error at its place that says what to write instead; `tests/fail` shows the messages.
//!
//! Generated code finds Dictum at `::dictum`. A crate that depends on `dictum-core` alone, or has given `dictum` another
//! name, says so with `#[dictum(crate = "dictum_core")]` below the derive, or `signature!(crate = dictum_core, "...")`.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod common;
mod field_type;
mod fields;
mod parameters;
mod signature;
mod string_form;
mod types;

/// Declares a signature: what a step takes, what it gives, and its instructions.
///
/// The struct itself is only a name for the signature, as in `Predict::<Triage>::new()`. Its values are two structs that
/// the macro makes, with the struct's visibility: `TriageInput` and `TriageOutput`.
///
/// ```
/// use dictum::prelude::*;
///
/// /// Route a customer's message to the team that should answer it.
/// #[derive(Signature)]
/// struct Triage {
///     /// The message as the customer wrote it.
///     #[input]
///     message: String,
///     #[output]
///     team: Team,
///     /// How urgent it is, from 1 (can wait) to 5 (now).
///     #[output(min = 1, max = 5)]
///     urgency: u8,
/// }
///
/// #[derive(FieldType)]
/// enum Team {
///     Billing,
///     Technical,
///     Sales,
/// }
///
/// let spec = Triage::spec();
/// assert_eq!(spec.instructions(), "Route a customer's message to the team that should answer it.");
/// assert_eq!(spec.field("urgency").unwrap().schema.ty.constraints.describe(), ["at least 1", "at most 5"]);
///
/// let input = TriageInput { message: "I was charged twice.".into() };
/// let output = TriageOutput { team: Team::Billing, urgency: 4 };
/// # let _ = (input.message, output.urgency, matches!(output.team, Team::Technical | Team::Sales));
/// ```
///
/// The doc comment of the struct is the instructions (without one, they are made of the field names), the doc comment of
/// a field its description. `#[doc = include_str!("triage.md")]` takes long instructions from a file.
///
/// The type of a field is anything with serde and schemars: numbers, `bool`, `String`, `Option`, `Vec`, tuples, maps,
/// `serde_json::Value`, and types of your own with [`FieldType`](macro@FieldType).
///
/// # Options of `#[input(...)]` and `#[output(...)]`
///
/// | option | holds for | meaning |
/// |---|---|---|
/// | `desc = "..."` | every field | the description, in place of the doc comment |
/// | `default = ...` | every field | what stands for the field when a record or an answer lacks it: a literal, or an expression of the field's type |
/// | `min`, `max`, `exclusive_min`, `exclusive_max` | numbers | bounds of the value |
/// | `multiple_of` | numbers | the step |
/// | `min_length`, `max_length` | texts, lists, maps | bounds of the length in characters, items, entries |
/// | `pattern = "..."` | texts | a regular expression that must match somewhere, in the syntax of the `regex-lite` crate |
///
/// Constraints are shown to the model and enforced on its answers. They add to those of the type, of which the narrower
/// holds; on an `Option` they are about the value, if there is one. That they fit the type, that the range is not empty, and
/// that a literal default keeps them is checked while the program compiles, where the field's type is one that the macro
/// knows by name.
///
/// ```
/// use dictum::prelude::*;
///
/// #[derive(Signature)]
/// struct Review {
///     #[input(default = "en", pattern = "^[a-z]{2}$")]
///     language: String,
///     #[input(max_length = 20)]
///     sentences: Vec<String>,
///     #[output(desc = "Stars, in halves.", min = 0.5, max = 5, multiple_of = 0.5)]
///     stars: f64,
///     #[output(default = Vec::new())]
///     reasons: Vec<String>,
/// }
///
/// let output = ReviewOutput::from_record(record! { stars: 4.5 }).unwrap();
/// assert_eq!(output, ReviewOutput { stars: 4.5, reasons: vec![] });
/// ```
///
/// The two structs implement `Fields`, and `Debug`, `Clone` and `PartialEq` as far as the types of their fields do.
#[proc_macro_derive(Signature, attributes(input, output, dictum))]
pub fn derive_signature(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(signature::expand(&input))
}

/// Makes an enum or a struct the type of a field.
///
/// It implements `serde::Serialize`, `serde::Deserialize` and `schemars::JsonSchema`, without a need for these crates
/// among your dependencies. Doc comments become descriptions that the model reads. All `#[serde(...)]` and
/// `#[schemars(...)]` attributes work.
///
/// ```
/// use dictum::prelude::*;
///
/// /// How a parcel travels.
/// #[derive(FieldType)]
/// #[serde(rename_all = "snake_case")]
/// enum Carrier {
///     /// Cheap, five days.
///     Ground,
///     Air { flight: String },
///     Relay(Vec<Carrier>),
/// }
///
/// #[derive(FieldType)]
/// struct Parcel {
///     /// In grams.
///     #[schemars(range(max = 30_000))]
///     weight: u32,
///     carrier: Option<Carrier>,
/// }
///
/// #[derive(Signature)]
/// struct Plan {
///     #[input]
///     order: String,
///     #[output]
///     parcels: Vec<Parcel>,
/// }
///
/// let plan = PlanOutput::from_record(record! { parcels: [{ "weight": 900, "carrier": { "air": { "flight": "D1" } } }] });
/// assert_eq!(plan.unwrap().parcels[0].weight, 900);
/// # let _ = |parcel: Parcel| parcel.carrier;
/// ```
///
/// Enums with and without data, structs, newtypes, tuple structs, types that contain themselves and generic types work.
/// Types that borrow, unions and types without values do not. `Debug`, `Clone` and the like are yours to derive beside it.
/// A type that derives serde's and schemars' traits by itself is a field type already; do not derive this then.
#[proc_macro_derive(FieldType, attributes(serde, schemars, dictum))]
pub fn derive_field_type(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(field_type::expand(&input))
}

/// Makes a struct of named fields the input or output of a module of your own.
///
/// A record entry that is absent reads as `null`, so that an `Option` is `None`.
///
/// ```
/// use dictum::prelude::*;
///
/// #[derive(Fields)]
/// struct Question {
///     question: String,
///     hints: Option<Vec<String>>,
/// }
///
/// let record = Question { question: "Why?".into(), hints: None }.into_record().unwrap();
/// assert_eq!(record, record! { question: "Why?", hints: null });
/// let error = Question::from_record(record! { question: 3 }).err().unwrap();
/// assert!(error.to_string().starts_with("field `question` has the wrong type"));
/// ```
#[proc_macro_derive(Fields, attributes(dictum))]
pub fn derive_fields(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(fields::expand(&input))
}

/// Finds the predictors of a program and its texts that can be learned, for saving, loading and compiling it.
///
/// Every field is visited, and its name is its part of the path. A field whose type does not implement `Parameters` does
/// not compile, so that no predictor is forgotten; mark it `#[parameters(skip)]` if it has none.
///
/// ```
/// use dictum::prelude::*;
/// use dictum::modules::{ChainOfThought, Predict};
/// use dictum::program::predictors;
///
/// #[derive(Parameters)]
/// struct Rag {
///     rewrite: Option<Predict>,
///     answer: ChainOfThought,
///     passages: usize,
///     #[parameters(skip)]
///     search: fn(&str) -> Vec<String>,
/// }
///
/// let rag = Rag {
///     rewrite: Some(Predict::parse("question -> query")?),
///     answer: ChainOfThought::parse("context: list[str], question -> answer")?,
///     passages: 5,
///     search: |_| vec![],
/// };
/// let paths: Vec<String> = predictors(&rag).into_iter().map(|(path, _)| path).collect();
/// assert_eq!(paths, ["rewrite", "answer.predict"]);
/// # let _ = (rag.passages, rag.search);
/// # Ok::<(), dictum::signature::SignatureError>(())
/// ```
#[proc_macro_derive(Parameters, attributes(parameters, dictum))]
pub fn derive_parameters(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(parameters::expand(&input))
}

/// A signature in the string form, read while the program compiles: an expression of type `SignatureSpec`.
///
/// A second literal gives the instructions.
///
/// ```
/// use dictum::prelude::*;
///
/// let spec = signature!("text, hints: list[str] -> label: Literal['spam', 'ham'], score: float");
/// assert_eq!(spec.outputs().len(), 2);
///
/// let spec = signature!("question -> answer", "Answer in one word.");
/// assert_eq!(spec.instructions(), "Answer in one word.");
/// ```
///
/// A mistake in the string does not compile:
///
/// ```compile_fail
/// let spec = dictum::signature!("question -> answer: flaot");
/// ```
#[proc_macro]
pub fn signature(input: TokenStream) -> TokenStream {
    let call = parse_macro_input!(input as string_form::Call);
    answer(string_form::expand(&call))
}

fn answer(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::TokenStream as Tokens;
    use syn::parse_quote;

    /// Whether the words `:: dictum` stand anywhere in the tokens, string literals included.
    fn mentions_facade(tokens: &Tokens) -> bool {
        let text = tokens.to_string().replace(' ', "");
        text.contains("::dictum::")
    }

    #[test]
    fn nothing_generated_needs_the_facade_when_told_another_path() {
        let signature: DeriveInput = parse_quote! {
            #[dictum(crate = "dictum_core")]
            struct Ask {
                #[input(min_length = 1, pattern = "a", default = "a")] question: String,
                #[output(min = 0.5, default = make())] score: Option<f64>,
            }
        };
        let field_type: DeriveInput = parse_quote! {
            #[dictum(crate = dictum_core)]
            enum Tree<T> { Leaf(T), Inner { children: Vec<Self> } }
        };
        let program: DeriveInput = parse_quote! {
            #[dictum(crate = "dictum_core")]
            struct Program<M> { first: M, #[parameters(skip)] rest: u8 }
        };
        let form: string_form::Call = parse_quote!(
            crate = dictum_core,
            "a: list[int] | None -> b: Literal['x', 1], c: tuple[str, bool]",
            "Do."
        );
        let generated = [
            signature::expand(&signature),
            field_type::expand(&field_type),
            fields::expand(&program),
            parameters::expand(&program),
            string_form::expand(&form),
        ];
        for generated in generated {
            let tokens = generated.expect("expands");
            assert!(!mentions_facade(&tokens), "{tokens}");
        }
    }

    #[test]
    fn without_a_path_generated_code_uses_the_facade() {
        let input: DeriveInput = parse_quote!(
            struct Question {
                question: String,
            }
        );
        assert!(mentions_facade(&fields::expand(&input).expect("expands")));
    }
}
