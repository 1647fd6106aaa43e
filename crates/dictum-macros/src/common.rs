//! What all macros share: where generated code finds Dictum, doc comments, and words for mistakes.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, DeriveInput, Error, Expr, ExprLit, Lit, LitStr, Meta, Path, Result};

/// Several mistakes, reported together.
#[derive(Default)]
pub(crate) struct Mistakes(Option<Error>);

impl Mistakes {
    pub(crate) fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Keeps the value, or the mistake.
    pub(crate) fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub(crate) fn finish(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// Options of the container attribute `#[dictum(...)]`.
pub(crate) struct Container {
    /// Where generated code finds Dictum: `::dictum`, or what `#[dictum(crate = "...")]` says.
    pub(crate) krate: TokenStream,
}

impl Container {
    pub(crate) fn read(attrs: &[Attribute]) -> Result<Self> {
        let mut krate = quote!(::dictum);
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("dictum")) {
            attr.parse_nested_meta(|meta| {
                if !meta.path.is_ident("crate") {
                    return Err(unknown_option(&meta.path, "dictum", &["crate"], &[]));
                }
                let value = meta.value()?;
                let path: Path = if value.peek(LitStr) {
                    value.parse::<LitStr>()?.parse()?
                } else {
                    value.call(Path::parse_mod_style)?
                };
                krate = path.into_token_stream();
                Ok(())
            })?;
        }
        Ok(Self { krate })
    }
}

/// The mistake of an option that there is not, with the one that was meant.
///
/// `aliases` are words from elsewhere (Pydantic, JSON Schema) with our word for them.
pub(crate) fn unknown_option(path: &Path, attr: &str, known: &[&str], aliases: &[(&str, &str)]) -> Error {
    let written = path.to_token_stream().to_string().replace(' ', "");
    let alias = aliases
        .iter()
        .find(|(alias, _)| *alias == written)
        .map(|(_, ours)| *ours);
    let meant = alias.or_else(|| nearest(&written, known));
    let mut message = format!("`#[{attr}(...)]` has no option `{written}`");
    if let Some(meant) = meant {
        message.push_str(&format!("; did you mean `{meant}`?"));
    }
    message.push_str(&format!("\nthe options are: {}", known.join(", ")));
    Error::new_spanned(path, message)
}

/// The known word that `written` is most like, if one is near.
fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|word| (strsim::normalized_damerau_levenshtein(written, word), *word))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// A doc comment: its lines, of which some may be macro calls such as `include_str!("task.md")`.
#[derive(Default, Clone)]
pub(crate) struct Doc {
    lines: Vec<Expr>,
}

impl Doc {
    pub(crate) fn read(attrs: &[Attribute]) -> Self {
        let lines = attrs
            .iter()
            .filter(|attr| attr.path().is_ident("doc"))
            .filter_map(|attr| match &attr.meta {
                Meta::NameValue(meta) => Some(meta.value.clone()),
                _ => None,
            })
            .collect();
        Self { lines }
    }

    /// The text as it stands in `desc = "..."`, which wins over the doc comment.
    pub(crate) fn or_text(self, text: Option<LitStr>) -> Self {
        match text {
            Some(text) => Self {
                lines: vec![Expr::Lit(ExprLit {
                    attrs: Vec::new(),
                    lit: Lit::Str(text),
                })],
            },
            None => self,
        }
    }

    /// An expression of type `&'static str` for the text. Its margins are taken off at run time, for text that a macro
    /// brings in.
    pub(crate) fn text(&self) -> TokenStream {
        let literals: Option<Vec<String>> = self
            .lines
            .iter()
            .map(|line| match line {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text), ..
                }) => Some(text.value()),
                _ => None,
            })
            .collect();
        if let Some(lines) = literals {
            let text = dedent(&lines.join("\n"));
            return quote!(#text);
        }
        let lines = &self.lines;
        quote!(::core::concat!(#(#lines, "\n"),*))
    }

    /// The same text as attributes for a generated item, or `fallback` when there is none.
    pub(crate) fn attributes(&self, fallback: &str) -> TokenStream {
        if self.lines.is_empty() {
            return quote!(#[doc = #fallback]);
        }
        let lines = &self.lines;
        quote!(#(#[doc = #lines])*)
    }
}

/// Takes off blank lines around the text and the margin all its lines have (`/// text` has one blank).
fn dedent(text: &str) -> String {
    let margin = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.chars().take_while(|c| c.is_whitespace()).count())
        .min()
        .unwrap_or(0);
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            line.chars()
                .skip(margin)
                .collect::<String>()
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.join("\n").trim().to_owned()
}

/// The word that declares the item (`enum`, `union`, `struct`), to point at.
pub(crate) fn item_keyword(input: &DeriveInput) -> Span {
    match &input.data {
        syn::Data::Struct(data) => data.struct_token.span,
        syn::Data::Enum(data) => data.enum_token.span,
        syn::Data::Union(data) => data.union_token.span,
    }
}
