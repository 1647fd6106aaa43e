//! `#[derive(Fields)]`: a struct of named fields written as a record and read from one.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use serde_json::Value;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Generics, Ident, Result, Type};

use crate::common::{Container, Mistakes, item_keyword};
use crate::types;

/// One field: where it is in the struct, and what it is in the record.
pub(crate) struct Member<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) name: &'a str,
    pub(crate) ty: &'a Type,
    pub(crate) default: Option<Absent<'a>>,
}

/// What stands for a field that a record does not have.
pub(crate) enum Absent<'a> {
    Json(&'a Value),
    /// What this function gives.
    Call(Ident),
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::read(&input.attrs)?;
    let ident = &input.ident;
    let Data::Struct(syn::DataStruct {
        fields: syn::Fields::Named(fields),
        ..
    }) = &input.data
    else {
        return Err(Error::new(
            item_keyword(input),
            format!(
                "a record has named fields, so `Fields` needs a struct with them; write `struct {ident} {{ question: String }}`"
            ),
        ));
    };
    if let Some(lifetime) = input.generics.lifetimes().next() {
        return Err(Error::new_spanned(
            lifetime,
            format!(
                "`{ident}` borrows, and is read from records that are gone by then; remove the lifetime and write `String` for `&str`"
            ),
        ));
    }
    let mut mistakes = Mistakes::default();
    let named: Vec<(&Ident, String, &Type)> = fields
        .named
        .iter()
        .filter_map(|field| {
            let ident = field.ident.as_ref()?;
            let name = ident.unraw().to_string();
            mistakes.keep(types::check(&name, &field.ty))?;
            Some((ident, name, &field.ty))
        })
        .collect();
    mistakes.finish()?;
    let members: Vec<Member<'_>> = named
        .iter()
        .map(|(ident, name, ty)| Member {
            ident,
            name,
            ty,
            default: None,
        })
        .collect();
    Ok(implement(&container.krate, ident, &input.generics, &members))
}

/// `impl Fields`.
pub(crate) fn implement(
    krate: &TokenStream,
    ident: &Ident,
    generics: &Generics,
    members: &[Member<'_>],
) -> TokenStream {
    let mut bounded = generics.clone();
    if !generics.params.is_empty() {
        let clause = bounded.make_where_clause();
        for member in members {
            let ty = member.ty;
            clause
                .predicates
                .push(syn::parse_quote!(#ty: #krate::types::FieldType + ::core::marker::Send));
        }
    }
    let (impl_generics, _, where_clause) = bounded.split_for_impl();
    let (_, type_generics, _) = generics.split_for_impl();
    let writes = members.iter().map(|member| {
        let (member_ident, name) = (member.ident, member.name);
        let ops = ops(krate, member.ty);
        quote!(#ops.write(&mut __record, #name, &self.#member_ident)?;)
    });
    let reads = members.iter().map(|member| {
        let (member_ident, name, ty) = (member.ident, member.name, member.ty);
        let ops = ops(krate, ty);
        match &member.default {
            None => quote!(#member_ident: #ops.read(&mut __record, #name)?),
            Some(Absent::Json(value)) => {
                let value = json_tokens(krate, value);
                quote!(#member_ident: #ops.read_or_json(&mut __record, #name, || #value)?)
            }
            Some(Absent::Call(function)) => {
                quote!(#member_ident: #ops.read_or(&mut __record, #name, #function)?)
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl #impl_generics #krate::Fields for #ident #type_generics #where_clause {
            fn into_record(self) -> ::core::result::Result<#krate::Record, #krate::Error> {
                #[allow(unused_mut)]
                let mut __record = #krate::Record::new();
                #(#writes)*
                ::core::result::Result::Ok(__record)
            }

            fn from_record(
                #[allow(unused_mut, unused_variables)] mut __record: #krate::Record,
            ) -> ::core::result::Result<Self, #krate::Error> {
                ::core::result::Result::Ok(Self { #(#reads,)* })
            }
        }
    }
}

/// What generated code does with a field of this type. The one place that asks for `FieldType`, so that a type that is
/// none is one error, not one for each use.
pub(crate) fn ops(krate: &TokenStream, ty: &Type) -> TokenStream {
    quote_spanned!(ty.span()=> #krate::__private::field::<#ty>())
}

/// An expression for the JSON of a literal.
pub(crate) fn json_tokens(krate: &TokenStream, value: &Value) -> TokenStream {
    let json = quote!(#krate::__private::serde_json);
    match value {
        Value::Bool(truth) => quote!(#json::Value::Bool(#truth)),
        Value::String(text) => quote!(#json::Value::String(::core::convert::From::from(#text))),
        Value::Number(number) => {
            if let Some(n) = number.as_u64() {
                quote!(<#json::Value as ::core::convert::From<_>>::from(#n))
            } else if let Some(n) = number.as_i64() {
                quote!(<#json::Value as ::core::convert::From<_>>::from(#n))
            } else {
                let n = number.as_f64().unwrap_or_default();
                quote!(<#json::Value as ::core::convert::From<_>>::from(#n))
            }
        }
        Value::Null | Value::Array(_) | Value::Object(_) => quote!(#json::Value::Null),
    }
}
