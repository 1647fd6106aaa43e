//! `#[derive(Signature)]`: from one annotated struct to the input and output types and the spec.

mod options;

use dictum_core::signature::{FieldSpec, SignatureSpec};
use dictum_core::types::Type as ValueType;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, Ident, Result, Type, Visibility};

use crate::common::{Container, Doc, Mistakes, item_keyword};
use crate::fields::{self, Absent, Member};
use crate::types;
use options::Options;
pub(crate) use options::{DefaultValue, constraints_tokens};

/// One field of the struct.
struct Declared {
    ident: Ident,
    name: String,
    vis: Visibility,
    ty: Type,
    output: bool,
    doc: Doc,
    options: Options,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let container = Container::read(&input.attrs)?;
    let declared = declared_fields(input)?;
    let krate = &container.krate;
    let ident = &input.ident;
    let (outputs, inputs): (Vec<_>, Vec<_>) = declared.iter().partition(|field| field.output);
    let input_ident = format_ident!("{}Input", ident.unraw(), span = ident.span());
    let output_ident = format_ident!("{}Output", ident.unraw(), span = ident.span());
    let input_side = Side {
        signature: input,
        ident: &input_ident,
        what: "inputs",
        fields: &inputs,
    };
    let output_side = Side {
        signature: input,
        ident: &output_ident,
        what: "outputs",
        fields: &outputs,
    };
    let (input_struct, output_struct) = (input_side.declaration(), output_side.declaration());
    let (input_impls, output_impls) = (
        input_side.implementations(krate),
        output_side.implementations(krate),
    );

    let name = ident.unraw().to_string();
    let instructions = Doc::read(&input.attrs).text();
    let specs = declared.iter().map(|field| field.spec(krate));
    let defaults = declared.iter().filter_map(Declared::default_function);
    let members = declared.iter().map(|field| &field.ident);
    Ok(quote! {
        #input_struct
        #output_struct

        #[allow(clippy::type_complexity)]
        const _: () = {
            #(#defaults)*
            #input_impls
            #output_impls

            #[automatically_derived]
            impl #krate::signature::Signature for #ident {
                type Input = #input_ident;
                type Output = #output_ident;
            }

            #[automatically_derived]
            impl #krate::signature::StaticSignature for #ident {
                fn spec() -> #krate::signature::SignatureSpec {
                    #krate::__private::spec(#name, #instructions, [#(#specs),*])
                }
            }

            // The struct only declares: nothing else ever reads its fields.
            #[allow(dead_code)]
            fn __declared(it: &#ident) {
                #( let _ = &it.#members; )*
            }
        };
    })
}

fn declared_fields(input: &DeriveInput) -> Result<Vec<Declared>> {
    let ident = &input.ident;
    let shape = format!("struct {ident} {{ #[input] question: String, #[output] answer: String }}");
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            Fields::Unnamed(fields) => {
                return Err(Error::new(
                    fields.span(),
                    format!("the fields of a signature have names; write `{shape}`"),
                ));
            }
            Fields::Unit => {
                return Err(Error::new_spanned(
                    ident,
                    format!("signature `{ident}` has no fields; write `{shape}`"),
                ));
            }
        },
        Data::Enum(_) => {
            return Err(Error::new(
                item_keyword(input),
                format!(
                    "a signature is a struct with named fields; write `{shape}`\n\
                     for a field that is one of several cases, derive `FieldType` on this enum and give a signature a field of type `{ident}`"
                ),
            ));
        }
        Data::Union(_) => {
            return Err(Error::new(
                item_keyword(input),
                format!("a signature is a struct with named fields; write `{shape}`"),
            ));
        }
    };
    no_generics(input)?;

    let mut mistakes = Mistakes::default();
    let declared: Vec<Declared> = fields
        .iter()
        .filter_map(|field| mistakes.keep(declared_field(input, field)))
        .collect();
    mistakes.finish()?;

    if !declared.iter().any(|field| field.output) {
        let help = match declared.last() {
            Some(last) => format!(
                "put `#[output]` on what the model must give, such as `#[output] {}: ...`",
                last.name
            ),
            None => format!("write `{shape}`"),
        };
        return Err(Error::new_spanned(
            ident,
            format!("signature `{ident}` has no output; {help}"),
        ));
    }
    Ok(declared)
}

fn no_generics(input: &DeriveInput) -> Result<()> {
    let ident = &input.ident;
    if let Some(lifetime) = input.generics.lifetimes().next() {
        return Err(Error::new_spanned(
            &input.generics,
            format!(
                "signature `{ident}` borrows (`{}`), and its values must outlive the call; remove the lifetime and write `String` for `&str`, `Vec<T>` for `&[T]`",
                lifetime.lifetime
            ),
        ));
    }
    if !input.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &input.generics,
            format!(
                "signature `{ident}` is generic, and a prompt needs the types; write one struct for each type you use, or build a `SignatureSpec` at run time"
            ),
        ));
    }
    if let Some(clause) = &input.generics.where_clause {
        return Err(Error::new_spanned(
            clause,
            "a signature takes no `where` clause; remove it",
        ));
    }
    Ok(())
}

fn declared_field(input: &DeriveInput, field: &Field) -> Result<Declared> {
    let Some(ident) = &field.ident else {
        return Err(Error::new_spanned(field, "a signature's field needs a name"));
    };
    let name = ident.unraw().to_string();
    let markers: Vec<(&Attribute, &str)> = field
        .attrs
        .iter()
        .filter_map(|attr| {
            let marker = ["input", "output"]
                .into_iter()
                .find(|marker| attr.path().is_ident(marker));
            marker.map(|marker| (attr, marker))
        })
        .collect();
    let (attr, marker) = match markers.as_slice() {
        [one] => *one,
        [] => {
            return Err(Error::new_spanned(
                ident,
                format!(
                    "is field `{name}` given to the model or made by it? write `#[input]` or `#[output]` before it"
                ),
            ));
        }
        [(_, first), (again, second), ..] if first == second => {
            return Err(Error::new_spanned(
                again,
                format!(
                    "field `{name}` has `#[{first}]` twice; put all options in one: `#[{first}(min = 1, max = 5)]`"
                ),
            ));
        }
        [_, (again, _), ..] => {
            return Err(Error::new_spanned(
                again,
                format!(
                    "field `{name}` is both `#[input]` and `#[output]`; keep one, and for a text that is revised write two fields: `#[input] {name}: ...` and `#[output] revised_{name}: ...`"
                ),
            ));
        }
    };
    // The name rules of the run time, met here.
    let probe = FieldSpec::output(&name, ValueType::str());
    if let Err(error) = SignatureSpec::new("", None, [probe]) {
        return Err(Error::new_spanned(ident, format!("{error}")));
    }
    if types::mentions_self(&field.ty) {
        return Err(Error::new_spanned(
            &field.ty,
            format!(
                "field `{name}`: a signature can't contain itself; derive `FieldType` on a struct of its own and use that here"
            ),
        ));
    }
    types::check(&name, &field.ty)?;
    let options = Options::read(attr, marker, &name, &field.ty)?;
    Ok(Declared {
        ident: ident.clone(),
        name,
        vis: match &field.vis {
            Visibility::Inherited => input.vis.clone(),
            declared => declared.clone(),
        },
        ty: field.ty.clone(),
        output: marker == "output",
        doc: Doc::read(&field.attrs).or_text(options.desc.clone()),
        options,
    })
}

impl Declared {
    /// The function that makes the default, where it is an expression.
    fn default_function(&self) -> Option<TokenStream> {
        let Some(DefaultValue::Expr(value)) = &self.options.default else {
            return None;
        };
        let (function, ty) = (self.default_name(), &self.ty);
        Some(quote! {
            fn #function() -> #ty {
                #value
            }
        })
    }

    fn default_name(&self) -> Ident {
        format_ident!("__default_{}", self.name)
    }

    /// An expression for the field's part of the spec.
    fn spec(&self, krate: &TokenStream) -> TokenStream {
        let name = &self.name;
        let description = self.doc.text();
        let constraints = constraints_tokens(krate, &self.options.constraints);
        let kind = if self.output {
            quote!(Output)
        } else {
            quote!(Input)
        };
        let ops = fields::ops(krate, &self.ty);
        let default = match &self.options.default {
            None => quote!(::core::option::Option::None),
            Some(DefaultValue::Literal(value)) => {
                let value = fields::json_tokens(krate, value);
                quote!(::core::option::Option::Some(#value))
            }
            Some(DefaultValue::Expr(_)) => {
                let function = self.default_name();
                quote!(#ops.json(&#function()))
            }
        };
        quote! {
            #ops.spec(#krate::signature::FieldKind::#kind, #name, #description, #constraints, #default)
        }
    }
}

/// The inputs or the outputs.
struct Side<'a> {
    signature: &'a DeriveInput,
    ident: &'a Ident,
    what: &'a str,
    fields: &'a [&'a Declared],
}

impl Side<'_> {
    fn declaration(&self) -> TokenStream {
        let (vis, ident) = (&self.signature.vis, self.ident);
        let doc = format!("The {} of [`{}`].", self.what, self.signature.ident.unraw());
        let fields = self.fields.iter().map(|field| {
            let docs = field.doc.attributes(&format!("The field `{}`.", field.name));
            let (vis, ident, ty) = (&field.vis, &field.ident, &field.ty);
            quote!(#docs #vis #ident: #ty,)
        });
        quote! {
            #[doc = #doc]
            // The same types stand in the signature, and are judged there.
            #[allow(clippy::type_complexity)]
            #vis struct #ident {
                #(#fields)*
            }
        }
    }

    fn implementations(&self, krate: &TokenStream) -> TokenStream {
        let ident = self.ident;
        let title = ident.to_string();
        let names: Vec<_> = self.fields.iter().map(|field| &field.ident).collect();
        let types: Vec<_> = self.fields.iter().map(|field| &field.ty).collect();
        let labels = self.fields.iter().map(|field| &field.name);
        let members: Vec<Member<'_>> = self
            .fields
            .iter()
            .map(|field| Member {
                ident: &field.ident,
                name: &field.name,
                ty: &field.ty,
                default: field.options.default.as_ref().map(|default| match default {
                    DefaultValue::Literal(value) => Absent::Json(value),
                    DefaultValue::Expr(_) => Absent::Call(field.default_name()),
                }),
            })
            .collect();
        let fields_impl = fields::implement(krate, ident, &syn::Generics::default(), &members);
        quote! {
            #fields_impl

            // `for<'a>` defers each bound to where the trait is used, so that a field whose type is not `Clone`, say,
            // takes `Clone` away from the struct instead of failing to compile.
            #[automatically_derived]
            impl ::core::fmt::Debug for #ident
            where
                #( for<'__bound> #types: ::core::fmt::Debug, )*
            {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.debug_struct(#title)#( .field(#labels, &self.#names) )*.finish()
                }
            }

            #[automatically_derived]
            impl ::core::clone::Clone for #ident
            where
                #( for<'__bound> #types: ::core::clone::Clone, )*
            {
                fn clone(&self) -> Self {
                    Self { #( #names: ::core::clone::Clone::clone(&self.#names), )* }
                }
            }

            // Not marked as derived: a lint would ask for `Eq` beside it, which `f64` fields don't have.
            impl ::core::cmp::PartialEq for #ident
            where
                #( for<'__bound> #types: ::core::cmp::PartialEq, )*
            {
                fn eq(&self, other: &Self) -> ::core::primitive::bool {
                    true #( && self.#names == other.#names )*
                }
            }
        }
    }
}
