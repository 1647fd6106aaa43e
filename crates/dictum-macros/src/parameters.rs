//! `#[derive(Parameters)]`: every field is visited under its name.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Index, Result};

use crate::common::{Container, Mistakes, item_keyword, unknown_option};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::read(&input.attrs)?;
    let program = {
        let krate = &container.krate;
        quote!(#krate::program)
    };
    let ident = &input.ident;
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(
            item_keyword(input),
            format!(
                "the path of a predictor must not depend on a value, so `Parameters` needs a struct; write `struct {ident}` with an `Option` for each part that may be absent"
            ),
        ));
    };

    let mut mistakes = Mistakes::default();
    let visited: Vec<(usize, &Field)> = data
        .fields
        .iter()
        .enumerate()
        .filter(|(_, field)| mistakes.keep(is_skipped(field)) == Some(false))
        .collect();
    mistakes.finish()?;

    let mut generics = input.generics.clone();
    if generics.type_params().next().is_some() {
        let clause = generics.make_where_clause();
        for (_, field) in &visited {
            let ty = &field.ty;
            clause
                .predicates
                .push(syn::parse_quote!(#ty: #program::Parameters));
        }
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = input.generics.split_for_impl();

    let mut shared = Vec::new();
    let mut unique = Vec::new();
    for (index, field) in visited {
        let (name, member) = match &field.ident {
            Some(ident) => (ident.unraw().to_string(), ident.to_token_stream()),
            None => (index.to_string(), Index::from(index).to_token_stream()),
        };
        let ty = &field.ty;
        // Said of the type, so that a field that can't be visited is pointed at.
        let of_type = quote_spanned!(ty.span()=> <#ty as #program::Parameters>);
        shared.push(
            quote!(__path.field(#name, |__path| #of_type::visit(&self.#member, __path, &mut *__visit));),
        );
        unique.push(quote!(__path.field(#name, |__path| #of_type::visit_mut(&mut self.#member, __path, &mut *__visit));));
    }
    Ok(quote! {
        #[automatically_derived]
        #[allow(unused_variables)]
        impl #impl_generics #program::Parameters for #ident #type_generics #where_clause {
            fn visit<'__program>(
                &'__program self,
                __path: &mut #program::ParameterPath,
                __visit: &mut dyn ::core::ops::FnMut(&#program::ParameterPath, #program::Parameter<'__program>),
            ) {
                #(#shared)*
            }

            fn visit_mut(
                &mut self,
                __path: &mut #program::ParameterPath,
                __visit: &mut dyn ::core::ops::FnMut(&#program::ParameterPath, #program::ParameterMut<'_>),
            ) {
                #(#unique)*
            }
        }
    })
}

fn is_skipped(field: &Field) -> Result<bool> {
    let mut skipped = false;
    for attr in field
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("parameters"))
    {
        attr.meta.require_list().map_err(|_| {
            Error::new_spanned(attr, "write `#[parameters(skip)]` for a field without predictors")
        })?;
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("skip") {
                return Err(unknown_option(
                    &meta.path,
                    "parameters",
                    &["skip"],
                    &[("ignore", "skip")],
                ));
            }
            skipped = true;
            Ok(())
        })?;
    }
    Ok(skipped)
}
