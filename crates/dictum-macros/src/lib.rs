//! The macros of Dictum. Use them through the `dictum` crate.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod common;
mod field_type;
mod fields;
mod parameters;
mod signature;
mod string_form;
mod types;

/// Declares a signature.
#[proc_macro_derive(Signature, attributes(input, output, dictum))]
pub fn derive_signature(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(signature::expand(&input))
}

/// Makes an enum or a struct the type of a field.
#[proc_macro_derive(FieldType, attributes(serde, schemars, dictum))]
pub fn derive_field_type(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(field_type::expand(&input))
}

/// Writes a struct as a record and reads it from one.
#[proc_macro_derive(Fields, attributes(dictum))]
pub fn derive_fields(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(fields::expand(&input))
}

/// Finds the predictors of a program.
#[proc_macro_derive(Parameters, attributes(parameters, dictum))]
pub fn derive_parameters(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(parameters::expand(&input))
}

/// A signature in the string form, checked while the program compiles.
#[proc_macro]
pub fn signature(input: TokenStream) -> TokenStream {
    let call = parse_macro_input!(input as string_form::Call);
    answer(string_form::expand(&call))
}

fn answer(expanded: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
