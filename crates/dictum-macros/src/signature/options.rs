//! The options in `#[input(...)]` and `#[output(...)]`, each checked against the field's type where its tokens show it.

use dictum_core::signature::{FieldSpec, SignatureSpec};
use dictum_core::types::{Constraints, Schema, Type as ValueType};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use serde_json::{Number, Value};
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, LitStr, Meta, Result, Type, UnOp};

use crate::common::unknown_option;
use crate::types::{Shape, written};

const KNOWN: &[&str] = &[
    "desc",
    "default",
    "min",
    "max",
    "exclusive_min",
    "exclusive_max",
    "multiple_of",
    "min_length",
    "max_length",
    "pattern",
];

/// What Pydantic, JSON Schema and others call our options.
const ALIASES: &[(&str, &str)] = &[
    ("description", "desc"),
    ("doc", "desc"),
    ("help", "desc"),
    ("ge", "min"),
    ("gte", "min"),
    ("minimum", "min"),
    ("gt", "exclusive_min"),
    ("le", "max"),
    ("lte", "max"),
    ("maximum", "max"),
    ("lt", "exclusive_max"),
    ("step", "multiple_of"),
    ("min_len", "min_length"),
    ("max_len", "max_length"),
    ("length", "max_length"),
    ("len", "max_length"),
    ("regex", "pattern"),
];

/// What stands for a field that is absent.
#[derive(Clone)]
pub(crate) enum DefaultValue {
    /// A literal, read and checked here.
    Literal(Value),
    /// Any other expression, of the field's type.
    Expr(Box<Expr>),
}

/// The options of one field.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) desc: Option<LitStr>,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) constraints: Constraints,
}

impl Options {
    /// Reads the attribute of a field with this name and type.
    pub(crate) fn read(attr: &Attribute, attr_name: &str, field: &str, ty: &Type) -> Result<Self> {
        let mut reader = Reader {
            options: Self::default(),
            seen: Vec::new(),
            default_span: None,
            field,
            ty,
            shape: Shape::of(ty),
        };
        match &attr.meta {
            Meta::Path(_) => {}
            Meta::List(_) => attr.parse_nested_meta(|meta| reader.option(attr_name, &meta))?,
            Meta::NameValue(meta) => {
                return Err(Error::new_spanned(
                    meta,
                    format!(
                        "write `#[{attr_name}]`, or options in parentheses: `#[{attr_name}(desc = \"...\")]`"
                    ),
                ));
            }
        }
        reader.finish()
    }
}

struct Reader<'a> {
    options: Options,
    /// Options written, with the place of their value.
    seen: Vec<(String, Span)>,
    default_span: Option<Span>,
    field: &'a str,
    ty: &'a Type,
    shape: Shape,
}

impl Reader<'_> {
    fn option(&mut self, attr_name: &str, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let name = match meta.path.get_ident() {
            Some(ident) if KNOWN.iter().any(|known| ident == known) => ident.to_string(),
            _ => return Err(unknown_option(&meta.path, attr_name, KNOWN, ALIASES)),
        };
        if self.seen.iter().any(|(seen, _)| *seen == name) {
            return Err(meta.error(format!("`{name}` is given twice; keep one")));
        }
        let span = meta
            .path
            .get_ident()
            .map_or_else(Span::call_site, |ident| ident.span());
        self.fits(&name, &meta.path)?;
        let value: Expr = match meta.value() {
            Ok(value) => value.parse()?,
            Err(_) => {
                return Err(Error::new_spanned(
                    &meta.path,
                    format!("`{name}` needs a value: `{}`", example(&name)),
                ));
            }
        };
        self.seen.push((name.clone(), span));
        if is_numeric(&name) {
            let number = self.number(&name, &value)?;
            let constraints = &mut self.options.constraints;
            let bound = match name.as_str() {
                "min" => &mut constraints.min,
                "max" => &mut constraints.max,
                "exclusive_min" => &mut constraints.exclusive_min,
                "exclusive_max" => &mut constraints.exclusive_max,
                _ if number.as_f64().is_none_or(|step| step <= 0.0) => {
                    return Err(Error::new_spanned(value, "`multiple_of` must be greater than 0"));
                }
                _ => &mut constraints.multiple_of,
            };
            *bound = Some(number);
            return Ok(());
        }
        let constraints = &mut self.options.constraints;
        match name.as_str() {
            "desc" => self.options.desc = Some(text(&name, &value)?),
            "default" => {
                self.default_span = Some(span);
                self.options.default = Some(self.default(value)?);
            }
            "min_length" => constraints.min_length = Some(length(&name, &value)?),
            "max_length" => constraints.max_length = Some(length(&name, &value)?),
            _ => {
                let pattern = text(&name, &value)?;
                if let Err(error) = regex_lite::Regex::new(&pattern.value()) {
                    return Err(Error::new_spanned(
                        value,
                        format!(
                            "the pattern of field `{}` is not a regular expression: {error}\nthe syntax is that of the `regex-lite` crate; a sign that is meant as it stands, such as `(`, needs a `\\` before it",
                            self.field
                        ),
                    ));
                }
                constraints.pattern = Some(pattern.value());
            }
        }
        Ok(())
    }

    /// Refuses a constraint that can't hold of values of the field's type.
    fn fits(&self, name: &str, at: &impl ToTokens) -> Result<()> {
        let for_numbers = is_numeric(name);
        let for_lengths = matches!(name, "min_length" | "max_length");
        let (rule, instead) = match self.shape {
            Shape::Text if for_numbers => (
                "bounds numbers",
                "write `min_length` or `max_length` to bound its length",
            ),
            Shape::List | Shape::Map if for_numbers => (
                "bounds numbers",
                "write `min_length` or `max_length` to bound how many items it has",
            ),
            Shape::Bool if name != "desc" && name != "default" => {
                ("constrains numbers and text", "leave it out")
            }
            Shape::Int(..) | Shape::Float if for_lengths => {
                ("bounds the length of texts and lists", "write `min` or `max`")
            }
            Shape::Int(..) | Shape::Float if name == "pattern" => (
                "constrains text",
                "write `min` and `max`, or make the field a `String`",
            ),
            Shape::List | Shape::Map if name == "pattern" => (
                "constrains text",
                "put the pattern on the item's type: `#[derive(FieldType)] struct Item(#[schemars(regex(pattern = \"...\"))] String)`",
            ),
            _ => return Ok(()),
        };
        Err(Error::new_spanned(
            at,
            format!(
                "`{name}` {rule}, and field `{}` is {}: `{}`; {instead}",
                self.field,
                self.shape.words(),
                written(self.ty)
            ),
        ))
    }

    fn number(&self, name: &str, value: &Expr) -> Result<Number> {
        let number = literal(value)
            .and_then(|value| match value {
                Value::Number(number) => Some(number),
                _ => None,
            })
            .ok_or_else(|| Error::new_spanned(value, format!("write a number: `{}`", example(name))))?;
        if let Shape::Int(lowest, highest) = self.shape {
            let Some(whole) = number.as_i128() else {
                return Err(Error::new_spanned(
                    value,
                    format!(
                        "field `{}` is a whole number (`{}`); write one here too",
                        self.field,
                        written(self.ty)
                    ),
                ));
            };
            if name != "multiple_of" && !(lowest..=highest).contains(&whole) {
                return Err(Error::new_spanned(
                    value,
                    format!(
                        "field `{}` is a `{}`, which holds {lowest} to {highest}, and `{name} = {whole}` is outside; choose a number within, or a wider type",
                        self.field,
                        written(self.ty)
                    ),
                ));
            }
        }
        Ok(number)
    }

    fn default(&self, value: Expr) -> Result<DefaultValue> {
        let Some(json) = literal(&value) else {
            return Ok(DefaultValue::Expr(Box::new(value)));
        };
        let fits = match (self.shape, &json) {
            // The compiler checks it against a type that we don't know.
            (Shape::Unknown, _) => return Ok(DefaultValue::Expr(Box::new(value))),
            (Shape::Text, Value::String(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Float, Value::Number(_)) => true,
            (Shape::Int(lowest, highest), Value::Number(n)) => {
                n.as_i128().is_some_and(|n| (lowest..=highest).contains(&n))
            }
            _ => false,
        };
        if fits {
            return Ok(DefaultValue::Literal(json));
        }
        let (field, ty) = (self.field, written(self.ty));
        let instead = match self.shape {
            Shape::Text => "write a text: `default = \"...\"`".to_owned(),
            Shape::Int(lowest, highest) => {
                format!("write a whole number from {lowest} to {highest}: `default = 1`")
            }
            Shape::Float => "write a number: `default = 0.5`".to_owned(),
            Shape::Bool => "write `default = true` or `default = false`".to_owned(),
            Shape::List => "write an expression of that type: `default = Vec::new()`".to_owned(),
            _ => "write an expression of that type: `default = Default::default()`".to_owned(),
        };
        Err(Error::new_spanned(
            value,
            format!(
                "this default does not fit field `{field}`, which is {} (`{ty}`); {instead}",
                self.shape.words()
            ),
        ))
    }

    /// What concerns several options at once.
    fn finish(self) -> Result<Options> {
        let c = &self.options.constraints;
        let span = |name: &str| {
            self.seen
                .iter()
                .find(|(seen, _)| seen == name)
                .map_or_else(Span::call_site, |(_, span)| *span)
        };
        for (one, other, both) in [
            (
                "min",
                "exclusive_min",
                c.min.is_some() && c.exclusive_min.is_some(),
            ),
            (
                "max",
                "exclusive_max",
                c.max.is_some() && c.exclusive_max.is_some(),
            ),
        ] {
            if both {
                return Err(Error::new(
                    span(other),
                    format!(
                        "field `{}` has `{one}` and `{other}`; keep one of them",
                        self.field
                    ),
                ));
            }
        }
        if let (Some(least), Some(most)) = (c.min_length, c.max_length)
            && least > most
        {
            return Err(Error::new(
                span("min_length"),
                format!(
                    "no value is at least {least} and at most {most} long; swap `min_length` and `max_length`"
                ),
            ));
        }
        for (low_name, low) in [("min", &c.min), ("exclusive_min", &c.exclusive_min)] {
            for (high_name, high) in [("max", &c.max), ("exclusive_max", &c.exclusive_max)] {
                if let (Some(low), Some(high)) = (low, high)
                    && is_empty(
                        low,
                        low_name == "exclusive_min",
                        high,
                        high_name == "exclusive_max",
                    )
                {
                    return Err(Error::new(
                        span(low_name),
                        format!(
                            "no number fits between `{low_name} = {low}` and `{high_name} = {high}`; make `{high_name}` greater"
                        ),
                    ));
                }
            }
        }
        // Last, the very check of the run time, for the default and for all that is not known here.
        let mut spec = FieldSpec::output("value", Schema::new(ValueType::any().with_constraints(c.clone())));
        if let Some(DefaultValue::Literal(default)) = &self.options.default {
            if let Some(violation) = c.check(default).first() {
                return Err(Error::new(
                    self.default_span.unwrap_or_else(Span::call_site),
                    format!(
                        "the default of field `{}` breaks its own constraint: {violation}; change one of them",
                        self.field
                    ),
                ));
            }
            spec = spec.with_default(default.clone());
        }
        if let Err(error) = SignatureSpec::new("", None, [spec]) {
            return Err(Error::new(
                Span::call_site(),
                format!("field `{}`: {error}", self.field),
            ));
        }
        Ok(self.options)
    }
}

fn is_numeric(name: &str) -> bool {
    matches!(
        name,
        "min" | "max" | "exclusive_min" | "exclusive_max" | "multiple_of"
    )
}

/// Whether no number lies between the bounds.
fn is_empty(low: &Number, low_exclusive: bool, high: &Number, high_exclusive: bool) -> bool {
    let mut below = Constraints::default();
    if low_exclusive || high_exclusive {
        below.exclusive_max = Some(high.clone());
    } else {
        below.max = Some(high.clone());
    }
    !below.check(&Value::Number(low.clone())).is_empty()
}

/// The JSON of a literal: a text, a number (negative ones too) or a boolean.
fn literal(value: &Expr) -> Option<Value> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => Some(Value::String(text.value())),
            Lit::Bool(truth) => Some(Value::Bool(truth.value)),
            Lit::Int(int) => whole(int.base10_digits()),
            Lit::Float(float) => Number::from_f64(float.base10_parse().ok()?).map(Value::Number),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match &*unary.expr {
            Expr::Lit(ExprLit {
                lit: Lit::Int(int), ..
            }) => whole(&format!("-{}", int.base10_digits())),
            Expr::Lit(ExprLit {
                lit: Lit::Float(float),
                ..
            }) => Number::from_f64(-float.base10_parse::<f64>().ok()?).map(Value::Number),
            _ => None,
        },
        Expr::Group(group) => literal(&group.expr),
        Expr::Paren(paren) => literal(&paren.expr),
        _ => None,
    }
}

fn whole(digits: &str) -> Option<Value> {
    let number = match digits.parse::<i64>() {
        Ok(number) => Number::from(number),
        Err(_) => Number::from(digits.parse::<u64>().ok()?),
    };
    Some(Value::Number(number))
}

fn text(name: &str, value: &Expr) -> Result<LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text), ..
        }) => Ok(text.clone()),
        _ => Err(Error::new_spanned(
            value,
            format!("write a text: `{}`", example(name)),
        )),
    }
}

fn length(name: &str, value: &Expr) -> Result<u64> {
    literal(value)
        .and_then(|value| value.as_u64())
        .ok_or_else(|| Error::new_spanned(value, format!("write a whole number from 0: `{}`", example(name))))
}

fn example(name: &str) -> String {
    let value = match name {
        "desc" => "\"what the field is\"",
        "pattern" => "r\"^[a-z]+$\"",
        "default" => "\"...\"",
        _ => "10",
    };
    format!("{name} = {value}")
}

/// An expression for constraints.
pub(crate) fn constraints_tokens(krate: &TokenStream, c: &Constraints) -> TokenStream {
    let mut set = Vec::new();
    for (name, bound) in [
        ("min", &c.min),
        ("max", &c.max),
        ("exclusive_min", &c.exclusive_min),
        ("exclusive_max", &c.exclusive_max),
        ("multiple_of", &c.multiple_of),
    ] {
        if let Some(bound) = bound {
            let name = Ident::new(name, Span::call_site());
            let bound = number_tokens(krate, bound);
            set.push(quote!(#name: #bound));
        }
    }
    for (name, length) in [("min_length", c.min_length), ("max_length", c.max_length)] {
        if let Some(length) = length {
            let name = Ident::new(name, Span::call_site());
            set.push(quote!(#name: ::core::option::Option::Some(#length)));
        }
    }
    for (name, text) in [("pattern", &c.pattern), ("format", &c.format)] {
        if let Some(text) = text {
            let name = Ident::new(name, Span::call_site());
            set.push(quote!(#name: ::core::option::Option::Some(::core::convert::From::from(#text))));
        }
    }
    quote!(#krate::types::Constraints { #(#set,)* ..::core::default::Default::default() })
}

/// An expression of type `Option<Number>`.
fn number_tokens(krate: &TokenStream, number: &Number) -> TokenStream {
    let number_type = quote!(#krate::__private::serde_json::Number);
    if let Some(n) = number.as_u64() {
        quote!(::core::option::Option::Some(<#number_type as ::core::convert::From<_>>::from(#n)))
    } else if let Some(n) = number.as_i64() {
        quote!(::core::option::Option::Some(<#number_type as ::core::convert::From<_>>::from(#n)))
    } else {
        let n = number.as_f64().unwrap_or_default();
        quote!(#number_type::from_f64(#n))
    }
}
