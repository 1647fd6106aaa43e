//! `#[derive(FieldType)]`: an enum or struct of the user's as the type of a field.
//!
//! What makes a type a field type is serde and schemars. So that users need not name either, the macro makes a private
//! copy of the declaration inside an anonymous constant, lets serde's and schemars' own derives work on the copy (with
//! `remote`, serde's way of deriving for a type declared elsewhere), and hands the calls on. Every `#[serde(...)]` and
//! `#[schemars(...)]` attribute, and every doc comment, thus means what their documentation says.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{
    Attribute, Data, DeriveInput, Error, Field, Fields, Generics, Meta, Result, Type, Variant, Visibility,
    WherePredicate, parse_quote,
};

use crate::common::{Container, Mistakes, item_keyword};
use crate::{fields, types};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::read(&input.attrs)?;
    check(input)?;
    let krate = &container.krate;
    let ident = &input.ident;
    let copy = private_copy(krate, input);
    let copy_ident = &copy.ident;
    let (_, type_generics, _) = input.generics.split_for_impl();
    let turbofish = type_generics.as_turbofish();

    let serde = quote!(#krate::__private::serde);
    let schemars = quote!(#krate::__private::schemars);
    let string = quote!(::std::borrow::Cow<'static, ::core::primitive::str>);

    let field_type = quote!(#krate::types::FieldType);
    let generics = bounded(&input.generics, &field_type);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let mut read_generics = generics.clone();
    read_generics.params.insert(0, parse_quote!('de));
    let (read_impl, _, read_where) = read_generics.split_for_impl();
    let mut carried_generics = generics.clone();
    carried_generics
        .make_where_clause()
        .predicates
        .extend(field_bounds(krate, input));
    let (_, _, carried_where) = carried_generics.split_for_impl();
    let asked: Vec<_> = field_types(input)
        .iter()
        .map(|ty| fields::ops(krate, ty))
        .collect();

    Ok(quote! {
        const _: () = {
            // The code of the derives below calls these by method, prelude or not.
            #[allow(unused_imports)]
            use ::core::convert::{From as _, Into as _};

            #copy

            // Each field's type is asked for here, by name, so that one that is no field type is an error at the field.
            #[allow(dead_code)]
            fn __fields #impl_generics () #where_clause {
                #( let _ = #asked; )*
            }

            impl #impl_generics #krate::__private::Carry for #ident #type_generics #carried_where {
                fn write<__S: #serde::Serializer>(&self, serializer: __S) -> ::core::result::Result<__S::Ok, __S::Error> {
                    #copy_ident #turbofish::serialize(self, serializer)
                }

                fn read<'de, __D: #serde::Deserializer<'de>>(deserializer: __D) -> ::core::result::Result<Self, __D::Error> {
                    #copy_ident #turbofish::deserialize(deserializer)
                }

                fn inline_schema() -> ::core::primitive::bool {
                    <#copy_ident #type_generics as #schemars::JsonSchema>::inline_schema()
                }

                fn schema_name() -> #string {
                    <#copy_ident #type_generics as #schemars::JsonSchema>::schema_name()
                }

                fn schema_id() -> #string {
                    <#copy_ident #type_generics as #schemars::JsonSchema>::schema_id()
                }

                fn json_schema(generator: &mut #schemars::SchemaGenerator) -> #schemars::Schema {
                    <#copy_ident #type_generics as #schemars::JsonSchema>::json_schema(generator)
                }
            }

            #[automatically_derived]
            impl #impl_generics #serde::Serialize for #ident #type_generics #where_clause {
                fn serialize<__S>(&self, serializer: __S) -> ::core::result::Result<__S::Ok, __S::Error>
                where
                    __S: #serde::Serializer,
                {
                    <Self as #krate::__private::Carried>::write(self, serializer)
                }
            }

            #[automatically_derived]
            impl #read_impl #serde::Deserialize<'de> for #ident #type_generics #read_where {
                fn deserialize<__D>(deserializer: __D) -> ::core::result::Result<Self, __D::Error>
                where
                    __D: #serde::Deserializer<'de>,
                {
                    <Self as #krate::__private::Carried>::read(deserializer)
                }
            }

            #[automatically_derived]
            impl #impl_generics #schemars::JsonSchema for #ident #type_generics #where_clause {
                fn inline_schema() -> ::core::primitive::bool {
                    <Self as #krate::__private::Carried>::inline_schema()
                }

                fn schema_name() -> #string {
                    <Self as #krate::__private::Carried>::schema_name()
                }

                fn schema_id() -> #string {
                    <Self as #krate::__private::Carried>::schema_id()
                }

                fn json_schema(generator: &mut #schemars::SchemaGenerator) -> #schemars::Schema {
                    <Self as #krate::__private::Carried>::json_schema(generator)
                }
            }
        };
    })
}

fn check(input: &DeriveInput) -> Result<()> {
    let ident = &input.ident;
    if let Some(lifetime) = input.generics.lifetimes().next() {
        return Err(Error::new_spanned(
            lifetime,
            format!(
                "`{ident}` borrows, and a field's value is read from an answer that is gone by then; remove the lifetime and write `String` for `&str`"
            ),
        ));
    }
    match &input.data {
        Data::Union(_) => {
            return Err(Error::new(
                item_keyword(input),
                format!(
                    "a union does not say which of its fields holds; write `enum {ident}` with one variant for each"
                ),
            ));
        }
        Data::Enum(data) => {
            if data.variants.is_empty() {
                return Err(Error::new_spanned(
                    ident,
                    format!(
                        "`{ident}` has no variants, so no value is one; add the cases: `enum {ident} {{ First, Second }}`"
                    ),
                ));
            }
        }
        Data::Struct(data) => {
            if data.fields.is_empty() {
                return Err(Error::new_spanned(
                    ident,
                    format!(
                        "`{ident}` holds nothing that a model could fill in; give it fields: `struct {ident} {{ name: String }}`"
                    ),
                ));
            }
        }
    }
    let mut mistakes = Mistakes::default();
    for (name, field) in plain_fields(input) {
        mistakes.keep(types::check(&name, &field.ty));
    }
    mistakes.finish()
}

/// The fields that serde treats by their types' own impls, with what to call them in messages.
fn plain_fields(input: &DeriveInput) -> Vec<(String, &Field)> {
    let named = |prefix: &str, fields: &Fields| -> Vec<String> {
        let names = fields
            .iter()
            .enumerate()
            .map(|(index, field)| match &field.ident {
                Some(ident) => format!("{prefix}{}", ident.unraw()),
                None => format!("{prefix}{index}"),
            });
        names.collect()
    };
    let all: Vec<(String, &Field)> = match &input.data {
        _ if !is_plain(&input.attrs) => Vec::new(),
        Data::Struct(data) => named("", &data.fields).into_iter().zip(&data.fields).collect(),
        Data::Enum(data) => {
            let variants = data.variants.iter().filter(|variant| is_plain(&variant.attrs));
            variants
                .flat_map(|variant| {
                    named(&format!("{}.", variant.ident.unraw()), &variant.fields)
                        .into_iter()
                        .zip(&variant.fields)
                })
                .collect()
        }
        Data::Union(_) => Vec::new(),
    };
    all.into_iter()
        .filter(|(_, field)| is_plain(&field.attrs))
        .collect()
}

/// Whether no attribute tells serde to skip what it stands on, or to go another way than through it.
fn is_plain(attrs: &[Attribute]) -> bool {
    let around = [
        "skip",
        "skip_serializing",
        "skip_deserializing",
        "with",
        "serialize_with",
        "deserialize_with",
        "schema_with",
        "from",
        "try_from",
        "into",
    ];
    !around.iter().any(|word| has_option(attrs, word))
}

/// Whether a `#[serde(...)]` or `#[schemars(...)]` among the attributes has this option at its top level.
fn has_option(attrs: &[Attribute], word: &str) -> bool {
    attrs.iter().filter(|attr| is_data_attribute(attr)).any(|attr| {
        attr.meta.require_list().is_ok_and(|list| {
            list.tokens
                .clone()
                .into_iter()
                .any(|token| matches!(token, TokenTree::Ident(ident) if ident == word))
        })
    })
}

fn is_data_attribute(attr: &Attribute) -> bool {
    ["serde", "schemars"]
        .iter()
        .any(|name| attr.path().is_ident(name))
}

/// The declaration again, under another name and with the derives of serde and schemars.
fn private_copy(krate: &TokenStream, input: &DeriveInput) -> DeriveInput {
    let ident = &input.ident;
    let mut copy = input.clone();
    copy.vis = Visibility::Inherited;
    copy.ident = format_ident!("__DictumCopyOf{}", ident.unraw(), span = ident.span());
    let remote = ident.to_string();
    let serde = quote!(#krate::__private::serde).to_string().replace(' ', "");
    let schemars = quote!(#krate::__private::schemars).to_string().replace(' ', "");
    // The derives stand first: an attribute before the derive that it belongs to is being phased out of the language.
    let default = format!("<{} as ::core::default::Default>::default", itself(input));
    let own = std::mem::take(&mut copy.attrs)
        .into_iter()
        .filter(is_passed_on)
        .map(|attr| name_default(attr, &default));
    copy.attrs = [
        parse_quote!(#[derive(
            #krate::__private::serde::Serialize,
            #krate::__private::serde::Deserialize,
            #krate::__private::schemars::JsonSchema
        )]),
        parse_quote!(#[serde(crate = #serde, remote = #remote)]),
        parse_quote!(#[schemars(crate = #schemars)]),
    ]
    .into_iter()
    .chain(own)
    .collect();
    // Messages of serde say the type's name; without this they would say the copy's.
    if !has_option(&input.attrs, "rename") {
        let name = ident.unraw().to_string();
        copy.attrs.push(parse_quote!(#[serde(rename = #name)]));
    }
    // With these bounds the derives' code compiles whatever the fields are; `Carry` is what asks for them. On a generic
    // type they would compete with the bounds that the derives work out, which suffice there.
    if input.generics.params.is_empty() {
        copy.generics
            .make_where_clause()
            .predicates
            .extend(field_bounds(krate, input));
    }
    let itself = itself(input);
    let tidy = |fields: &mut Fields| {
        for field in fields.iter_mut() {
            field.vis = Visibility::Inherited;
            field.attrs.retain(is_passed_on);
            field.ty = with_self(&field.ty, &itself);
        }
    };
    match &mut copy.data {
        Data::Struct(data) => tidy(&mut data.fields),
        Data::Enum(data) => {
            let unit = |variant: &Variant| matches!(variant.fields, Fields::Unit);
            let bare = |variant: &Variant| {
                !variant
                    .attrs
                    .iter()
                    .any(|attr| is_passed_on(attr) && !attr.path().is_ident("serde"))
            };
            let uniform = data.variants.iter().all(|variant| unit(variant) && bare(variant));
            for variant in &mut data.variants {
                // schemars lists variants with nothing to say before all others. A transformation is something.
                if !uniform && unit(variant) {
                    variant
                        .attrs
                        .push(parse_quote!(#[schemars(transform = #krate::__private::in_its_place)]));
                }
                variant.attrs.retain(is_passed_on);
                tidy(&mut variant.fields);
            }
        }
        Data::Union(_) => {}
    }
    copy
}

/// `#[serde(default)]` on a type asks for `Default` of the type it stands on, which here is the copy. This says whose.
fn name_default(mut attr: Attribute, function: &str) -> Attribute {
    if let Meta::List(list) = &mut attr.meta
        && (list.path.is_ident("serde") || list.path.is_ident("schemars"))
    {
        let tokens: Vec<TokenTree> = list.tokens.clone().into_iter().collect();
        let ends = |next: Option<&TokenTree>| next.is_none_or(|next| next.to_string() == ",");
        list.tokens = tokens
            .iter()
            .enumerate()
            .flat_map(|(index, token)| match token {
                TokenTree::Ident(ident) if ident == "default" && ends(tokens.get(index + 1)) => {
                    quote!(default = #function)
                }
                other => other.to_token_stream(),
            })
            .collect();
    }
    attr
}

fn is_passed_on(attr: &Attribute) -> bool {
    is_data_attribute(attr) || attr.path().is_ident("doc") || attr.path().is_ident("deprecated")
}

fn replace_self(tokens: TokenStream, itself: &TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => itself.clone(),
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace_self(group.stream(), itself));
                inner.set_span(group.span());
                TokenTree::Group(inner).into()
            }
            other => other.into(),
        })
        .collect()
}

/// The generics with a bound on each type parameter.
fn bounded(generics: &Generics, bound: &TokenStream) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#bound));
    }
    generics
}

/// For each field, the bound that its type is a field type.
///
/// `for<'a>` defers the bound to where the impl is used; without it a type that is none would be an error there and here.
fn field_bounds(krate: &TokenStream, input: &DeriveInput) -> Vec<WherePredicate> {
    let types = field_types(input);
    types
        .iter()
        .map(|ty| parse_quote!(for<'__bound> #ty: #krate::types::FieldType))
        .collect()
}

/// The types of those fields, as one writes them outside of the type.
fn field_types(input: &DeriveInput) -> Vec<Type> {
    let itself = itself(input);
    plain_fields(input)
        .into_iter()
        .map(|(_, field)| with_self(&field.ty, &itself))
        .collect()
}

/// The type with `Self` replaced: it means the copy inside the copy.
fn with_self(ty: &Type, itself: &TokenStream) -> Type {
    match types::mentions_self(ty) {
        true => Type::Verbatim(replace_self(ty.to_token_stream(), itself)),
        false => ty.clone(),
    }
}

/// The type as one writes it within its own impls.
fn itself(input: &DeriveInput) -> TokenStream {
    let ident = &input.ident;
    let (_, type_generics, _) = input.generics.split_for_impl();
    quote!(#ident #type_generics)
}
