//! `signature!("question -> answer: float")`: the string form, read while the program compiles.

use dictum_core::signature::{FieldKind, FieldSpec, SignatureError, SignatureSpec};
use dictum_core::types::{Kind, Type};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Error, LitStr, Path, Result, Token};

use crate::fields::json_tokens;
use crate::signature::constraints_tokens;

/// What stands in the parentheses: `[crate = path,] "inputs -> outputs" [, "instructions"]`.
pub(crate) struct Call {
    krate: TokenStream,
    form: LitStr,
    instructions: Option<LitStr>,
}

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut krate = quote!(::dictum);
        if input.peek(Token![crate]) {
            input.parse::<Token![crate]>()?;
            input.parse::<Token![=]>()?;
            let path = input.call(Path::parse_mod_style)?;
            krate = quote!(#path);
            input.parse::<Token![,]>()?;
        }
        let form = literal(
            input,
            "write the signature as a literal: `signature!(\"question -> answer\")`; to read one at run time, call `SignatureSpec::parse`",
        )?;
        let mut instructions = None;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
            if !input.is_empty() {
                instructions = Some(literal(
                    input,
                    "write the instructions as a literal: `signature!(\"question -> answer\", \"Answer in one word.\")`",
                )?);
                input.parse::<Option<Token![,]>>()?;
            }
        }
        if !input.is_empty() {
            return Err(input.error("`signature!` takes a signature and, at most, instructions"));
        }
        Ok(Self {
            krate,
            form,
            instructions,
        })
    }
}

fn literal(input: ParseStream<'_>, problem: &str) -> Result<LitStr> {
    let at = input.span();
    input.parse().map_err(|_| Error::new(at, problem))
}

pub(crate) fn expand(call: &Call) -> Result<TokenStream> {
    let spec = SignatureSpec::parse(&call.form.value()).map_err(|error| explain(&call.form, &error))?;
    let krate = &call.krate;
    let fields = spec
        .fields()
        .iter()
        .map(|field| field_tokens(krate, field).map_err(|problem| Error::new(call.form.span(), problem)))
        .collect::<Result<Vec<_>>>()?;
    let instructions = call.instructions.as_ref().map_or_else(String::new, LitStr::value);
    Ok(quote!(#krate::__private::spec("", #instructions, [#(#fields),*])))
}

/// The mistake, at its column within the literal where the compiler lets us point there.
fn explain(form: &LitStr, error: &SignatureError) -> Error {
    let mut span = form.span();
    if let SignatureError::Syntax { text, column, .. } = error
        && let Some(within) = column_span(form, text, *column)
    {
        span = within;
    }
    Error::new(span, error.to_string())
}

fn column_span(form: &LitStr, text: &str, column: usize) -> Option<Span> {
    let literal = form.token();
    // Only a plain literal has the same columns as its text.
    if literal.to_string() != format!("\"{text}\"") {
        return None;
    }
    let start: usize = text
        .chars()
        .take(column.checked_sub(1)?)
        .map(char::len_utf8)
        .sum();
    literal.subspan(start + 1..=start + 1)
}

type Tokens = std::result::Result<TokenStream, String>;

fn field_tokens(krate: &TokenStream, field: &FieldSpec) -> Tokens {
    let signature = quote!(#krate::signature);
    let kind = match field.kind {
        FieldKind::Input => quote!(#signature::FieldKind::Input),
        FieldKind::Output => quote!(#signature::FieldKind::Output),
    };
    let name = &field.name;
    let ty = type_tokens(krate, &field.schema.ty)?;
    Ok(quote!(#signature::FieldSpec::of(#kind, #name, #ty)))
}

/// An expression that makes the type. The string form has no named types, so there are no definitions to carry.
fn type_tokens(krate: &TokenStream, ty: &Type) -> Tokens {
    let kinds = quote!(#krate::types::Kind);
    let boxed = |ty: &Type| -> Tokens {
        let ty = type_tokens(krate, ty)?;
        Ok(quote!(::std::boxed::Box::new(#ty)))
    };
    let many = |types: &[Type]| -> Tokens {
        let types = types
            .iter()
            .map(|ty| type_tokens(krate, ty))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(quote!(::std::vec::Vec::from([#(#types),*])))
    };
    let kind = match &ty.kind {
        Kind::Any(None) => quote!(#kinds::Any(::core::option::Option::None)),
        Kind::Null => quote!(#kinds::Null),
        Kind::Str => quote!(#kinds::Str),
        Kind::Int => quote!(#kinds::Int),
        Kind::Float => quote!(#kinds::Float),
        Kind::Bool => quote!(#kinds::Bool),
        Kind::Literal(values) => {
            let values = values.iter().map(|value| json_tokens(krate, value));
            quote!(#kinds::Literal(::std::sync::Arc::new([#(#values),*])))
        }
        Kind::List { item, unique } => {
            let item = boxed(item)?;
            quote!(#kinds::List { item: #item, unique: #unique })
        }
        Kind::Tuple(items) => {
            let items = many(items)?;
            quote!(#kinds::Tuple(#items))
        }
        Kind::Map { key, value } => {
            let (key, value) = (boxed(key)?, boxed(value)?);
            quote!(#kinds::Map { key: #key, value: #value })
        }
        Kind::Optional(inner) => {
            let inner = boxed(inner)?;
            quote!(#kinds::Optional(#inner))
        }
        Kind::Union(types) => {
            let types = many(types)?;
            quote!(#kinds::Union(#types))
        }
        Kind::Image => quote!(#kinds::Image),
        Kind::Audio => quote!(#kinds::Audio),
        Kind::File => quote!(#kinds::File),
        Kind::Code { language } => {
            quote!(#kinds::Code { language: ::core::convert::From::from(#language) })
        }
        Kind::History => quote!(#kinds::History),
        Kind::Reasoning => quote!(#kinds::Reasoning),
        Kind::ToolCalls => quote!(#kinds::ToolCalls),
        other => {
            return Err(format!(
                "`signature!` can't write this type yet ({other:?}); use `SignatureSpec::parse` at run time"
            ));
        }
    };
    let mut made = quote!(#krate::types::Type::new(#kind));
    if !ty.constraints.is_empty() {
        let constraints = constraints_tokens(krate, &ty.constraints);
        made = quote!(#made.with_constraints(#constraints));
    }
    Ok(made)
}
