//! What a field's type shows in its tokens: whether it can be a field at all, and what constraints fit it.

use quote::ToTokens;
use syn::{Error, GenericArgument, PathArguments, PathSegment, Result, Type};

/// What a type is, as far as its tokens show it. `Option`, `Box` and the like are looked through.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Shape {
    Text,
    /// A whole number between two bounds.
    Int(i128, i128),
    Float,
    Bool,
    List,
    Map,
    /// A type of the user's, or one we don't know by name.
    Unknown,
}

impl Shape {
    pub(crate) fn of(ty: &Type) -> Self {
        let segment = match ty {
            Type::Group(group) => return Self::of(&group.elem),
            Type::Paren(paren) => return Self::of(&paren.elem),
            Type::Array(_) | Type::Slice(_) => return Self::List,
            Type::Path(path) if path.qself.is_none() => match path.path.segments.last() {
                Some(segment) => segment,
                None => return Self::Unknown,
            },
            _ => return Self::Unknown,
        };
        let int = |bits: u32, signed: bool| {
            if signed {
                Self::Int(-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
            } else {
                Self::Int(0, (1_i128 << bits) - 1)
            }
        };
        match segment.ident.to_string().as_str() {
            "String" => Self::Text,
            "bool" => Self::Bool,
            "f32" | "f64" => Self::Float,
            "i8" => int(8, true),
            "i16" => int(16, true),
            "i32" => int(32, true),
            "i64" | "isize" => int(64, true),
            "u8" => int(8, false),
            "u16" => int(16, false),
            "u32" => int(32, false),
            "u64" | "usize" => int(64, false),
            "Vec" | "VecDeque" | "HashSet" | "BTreeSet" | "IndexSet" => Self::List,
            "HashMap" | "BTreeMap" | "IndexMap" => Self::Map,
            "Option" | "Box" | "Arc" | "Rc" | "Cow" => type_arguments(segment)
                .last()
                .map_or(Self::Unknown, |inner| Self::of(inner)),
            _ => Self::Unknown,
        }
    }

    /// The kind of value, in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Int(..) => "a whole number",
            Self::Float => "a number",
            Self::Bool => "`true` or `false`",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Unknown => "a value",
        }
    }
}

/// A type as the user wrote it, on one line.
pub(crate) fn written(ty: &Type) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (spaced, plain) in [
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" ::", "::"),
        (":: ", "::"),
        ("& ", "&"),
        ("[ ", "["),
        (" ]", "]"),
        ("( ", "("),
        (" )", ")"),
        ("* ", "*"),
        (" (", "("),
        (" ;", ";"),
    ] {
        text = text.replace(spaced, plain);
    }
    text
}

/// Refuses types that no model can fill or be given, saying what to write instead.
pub(crate) fn check(field: &str, ty: &Type) -> Result<()> {
    let wrong = |what: String| Err(Error::new_spanned(ty, format!("field `{field}`: {what}")));
    let shown = written(ty);
    match ty {
        Type::Group(group) => check(field, &group.elem),
        Type::Paren(paren) => check(field, &paren.elem),
        Type::Reference(reference) => {
            let owned = owned_form(&reference.elem);
            wrong(format!(
                "`{shown}` is borrowed, and a field owns its value; write `{owned}`"
            ))
        }
        Type::Slice(slice) => {
            let item = written(&slice.elem);
            wrong(format!("`{shown}` has no known size; write `Vec<{item}>`"))
        }
        Type::Ptr(pointer) => {
            let target = written(&pointer.elem);
            wrong(format!("a pointer means nothing to a model; write `{target}`"))
        }
        Type::FnPtr(_) => wrong(format!(
            "`{shown}` is code, and a field is data; pass what the function returns, or keep the function in your module"
        )),
        Type::ImplTrait(_) => wrong(format!(
            "`{shown}` names no type; write the type itself, such as `String`"
        )),
        Type::TraitObject(_) => wrong(format!(
            "`{shown}` can't be read from an answer; write an enum with one variant for each case and `#[derive(FieldType)]` on it"
        )),
        Type::Tuple(tuple) if tuple.elems.is_empty() => {
            wrong("`()` holds nothing; write the type of the value, or leave the field out".to_owned())
        }
        Type::Tuple(tuple) => tuple.elems.iter().try_for_each(|elem| check(field, elem)),
        Type::Array(array) => check(field, &array.elem),
        Type::Path(path) => {
            let Some(segment) = path.path.segments.last() else {
                return Ok(());
            };
            let inner = type_arguments(segment);
            match segment.ident.to_string().as_str() {
                "str" => return wrong("`str` has no known size; write `String`".to_owned()),
                "i128" | "u128" => {
                    let narrow = if segment.ident == "i128" { "i64" } else { "u64" };
                    return wrong(format!(
                        "`{shown}` is wider than the numbers of JSON; write `{narrow}`, or `String` to keep every digit"
                    ));
                }
                "HashMap" | "BTreeMap" | "IndexMap" => {
                    if let Some(key) = inner.first()
                        && !can_be_key(key)
                    {
                        let (key_text, value) = (
                            written(key),
                            inner.get(1).map_or_else(|| "V".to_owned(), |v| written(v)),
                        );
                        return Err(Error::new_spanned(
                            key,
                            format!(
                                "field `{field}`: keys are text in JSON, and `{key_text}` is not; write `Vec<({key_text}, {value})>`, or make the key a `String`"
                            ),
                        ));
                    }
                }
                _ => {}
            }
            inner.into_iter().try_for_each(|inner| check(field, inner))
        }
        _ => Ok(()),
    }
}

/// What to write in place of a reference to this type.
fn owned_form(target: &Type) -> String {
    match target {
        Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
        Type::Slice(slice) => format!("Vec<{}>", written(&slice.elem)),
        Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Path") => {
            "PathBuf".to_owned()
        }
        other => written(other),
    }
}

fn can_be_key(ty: &Type) -> bool {
    match ty {
        Type::Tuple(_) | Type::Array(_) => false,
        Type::Path(path) => path.path.segments.last().is_none_or(|last| {
            !matches!(
                last.ident.to_string().as_str(),
                "Vec" | "Option" | "HashMap" | "BTreeMap" | "IndexMap"
            )
        }),
        _ => true,
    }
}

fn type_arguments(segment: &PathSegment) -> Vec<&Type> {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether the type says `Self`.
pub(crate) fn mentions_self(ty: &Type) -> bool {
    fn any(tokens: proc_macro2::TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => ident == "Self",
            proc_macro2::TokenTree::Group(group) => any(group.stream()),
            _ => false,
        })
    }
    any(ty.to_token_stream())
}
