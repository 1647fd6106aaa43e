//! Keeps values from being mistaken for structure, and undoes it.
//!
//! Both sides live here: adapters write values with [`chat`], [`xml`], [`xml_value`] and [`json_value`]; the parser reads
//! them with [`from_chat`] and [`from_xml`]. For every text `v`, a section that holds `chat(v)` reads as `v`, and an element that
//! holds `xml(v)` does.
//!
//! - Field markers get a backslash in front: `\[[ ## name ## ]]`. A backslash that is there already gets one more.
//! - `&` and `<` are entities in XML.
//! - A text that is empty, has white space at its edges, or holds a code fence stands in a verbatim block:
//!   `~~~verbatim`, the text, `~~~`. The fence is as long as it must be to be longer than those inside.

mod json;

pub use json::json_value;

use std::borrow::Cow;

use serde_json::Value;

use super::marker;
use crate::types::{Kind, Schema, Type};

const VERBATIM: &str = "verbatim";

/// A text as the value of a field in the chat layout.
#[must_use]
pub fn chat(text: &str) -> Cow<'_, str> {
    let escaped = add_backslashes(text);
    if needs_verbatim(text) {
        return Cow::Owned(verbatim(&escaped));
    }
    escaped
}

/// The text that was written with [`chat`]. White space at the edges is not part of it.
#[must_use]
pub fn from_chat(text: &str) -> Cow<'_, str> {
    match remove_backslashes(text) {
        Cow::Borrowed(text) => Cow::Borrowed(content(text)),
        Cow::Owned(text) => Cow::Owned(content(&text).to_owned()),
    }
}

/// A text as the content of an element in the XML layout.
#[must_use]
pub fn xml(text: &str) -> Cow<'_, str> {
    let escaped = add_entities(text);
    if needs_verbatim(text) {
        return Cow::Owned(verbatim(&escaped));
    }
    escaped
}

/// The text that was written with [`xml`]. White space at the edges is not part of it; `&` that starts no known entity,
/// and CDATA sections, are taken as models mean them.
#[must_use]
pub fn from_xml(text: &str) -> Cow<'_, str> {
    match remove_entities(text.trim()) {
        Cow::Borrowed(text) => Cow::Borrowed(content(text)),
        Cow::Owned(text) => Cow::Owned(content(&text).to_owned()),
    }
}

fn content(text: &str) -> &str {
    let text = text.trim();
    verbatim_content(text).unwrap_or(text)
}

/// Whether a text would lose something at its edges, or holds a fence.
fn needs_verbatim(text: &str) -> bool {
    text.is_empty() || text.trim().len() != text.len() || longest_fence(text) > 0
}

/// Length of the longest fence that a line starts with; 0 if none does.
fn longest_fence(text: &str) -> usize {
    if memchr::memchr2(b'`', b'~', text.as_bytes()).is_none() {
        return 0;
    }
    text.split(['\n', '\r']).map(fence_length).max().unwrap_or(0)
}

/// Length of the fence that a line starts with; 0 if it starts with none.
fn fence_length(line: &str) -> usize {
    let line = line.trim_start();
    let run = |mark: char| line.chars().take_while(|c| *c == mark).count();
    let length = run('~').max(run('`'));
    if length >= 3 { length } else { 0 }
}

fn verbatim(escaped: &str) -> String {
    let fence = "~".repeat(longest_fence(escaped).saturating_add(1).max(3));
    [&fence, VERBATIM, "\n", escaped, "\n", &fence].concat()
}

/// What stands in a verbatim block, if the trimmed text is one.
pub(crate) fn verbatim_content(text: &str) -> Option<&str> {
    let length = text.bytes().take_while(|b| *b == b'~').count();
    if length < 3 {
        return None;
    }
    let fence = text.get(..length)?;
    let body = text.get(length..)?.strip_prefix(VERBATIM)?;
    let body = body.strip_prefix("\r\n").or_else(|| body.strip_prefix('\n'))?;
    let inner = body.strip_suffix(fence)?;
    // The closing fence stands on a line of its own, and is no longer than the opening one.
    inner.strip_suffix('\n')
}

fn add_backslashes(text: &str) -> Cow<'_, str> {
    rewrite(text, &marker::starts(text), |out, _| out.push('\\'))
}

/// Takes one backslash off in front of each marker that has one.
pub(crate) fn remove_backslashes(text: &str) -> Cow<'_, str> {
    // A backslash is rarer than a bracket, and both must be there.
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let escaped: Vec<usize> = marker::starts(text)
        .into_iter()
        .filter(|at| at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\\'))
        .collect();
    rewrite(text, &escaped, |out, _| {
        out.pop();
    })
}

fn rewrite<'t>(text: &'t str, places: &[usize], edit: impl Fn(&mut String, usize)) -> Cow<'t, str> {
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + places.len());
    let mut from = 0;
    for place in places {
        out.push_str(text.get(from..*place).unwrap_or_default());
        edit(&mut out, *place);
        from = *place;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

fn add_entities(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('&', "&amp;").replace('<', "&lt;"))
}

/// Decodes entities and CDATA sections; whatever else looks like either stays.
pub(crate) fn remove_entities(text: &str) -> Cow<'_, str> {
    const OPEN: &str = "<![CDATA[";
    const CLOSE: &str = "]]>";
    if !text.contains('&') && !text.contains(OPEN) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<']) {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        if let Some(data) = rest.strip_prefix(OPEN) {
            let end = data.find(CLOSE).unwrap_or(data.len());
            out.push_str(data.get(..end).unwrap_or_default());
            rest = data.get(end + CLOSE.len()..).unwrap_or_default();
            continue;
        }
        let (decoded, length) = entity(rest).unwrap_or(match rest.starts_with('&') {
            true => ('&', 1),
            false => ('<', 1),
        });
        out.push(decoded);
        rest = rest.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix('&')?;
    let end = body.bytes().take(10).position(|b| b == b';')?;
    let name = body.get(..end)?;
    let decoded = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((decoded, end + 2))
}

/// A value as the content of an element in the XML layout: objects, maps and lists as nested elements, texts as they
/// are, everything else as JSON. What could be misread as something else is written as JSON too.
///
/// List items are `<item>`; a key that is no XML name is `<entry key="...">`.
#[must_use]
pub fn xml_value(value: &Value, schema: &Schema) -> String {
    render(value, &schema.ty, schema, 0)
}

fn render(value: &Value, ty: &Type, schema: &Schema, depth: usize) -> String {
    let json = || add_entities(&json::written(value, ty, schema).to_string()).into_owned();
    let Some(ty) = schema.resolve(ty) else {
        return json();
    };
    if depth > 64 {
        return json();
    }
    match (&ty.kind, value) {
        (Kind::Str | Kind::Code { .. } | Kind::Reasoning, Value::String(text)) => xml(text).into_owned(),
        (Kind::Literal(_) | Kind::Enum(_), Value::String(text)) => bare_or_json(value, text, ty, schema),
        (Kind::Optional(inner), Value::String(text)) if schema.resolve(inner).is_some_and(plain) => {
            bare_or_json(value, text, ty, schema)
        }
        (Kind::Optional(inner), Value::Array(items)) if !items.is_empty() => {
            render(value, inner, schema, depth + 1)
        }
        (Kind::Optional(inner), Value::Object(map)) if !map.is_empty() => {
            render(value, inner, schema, depth + 1)
        }
        (Kind::List { item, .. }, Value::Array(items)) if !items.is_empty() => items
            .iter()
            .map(|value| format!("<item>{}</item>", render(value, item, schema, depth + 1)))
            .collect(),
        (Kind::Tuple(types), Value::Array(items)) if !items.is_empty() && items.len() == types.len() => items
            .iter()
            .zip(types)
            .map(|(value, ty)| format!("<item>{}</item>", render(value, ty, schema, depth + 1)))
            .collect(),
        (Kind::Map { value: ty, .. }, Value::Object(map)) if !map.is_empty() => map
            .iter()
            .map(|(key, value)| element(key, &render(value, ty, schema, depth + 1)))
            .collect(),
        (Kind::Object(object), Value::Object(map)) if !map.is_empty() => map
            .iter()
            .map(|(key, value)| {
                let property = object.properties.iter().find(|property| property.name == *key);
                let ty = property
                    .map(|property| &property.ty)
                    .or(object.additional.as_ref());
                let inner = ty.map_or_else(
                    || add_entities(&value.to_string()).into_owned(),
                    |ty| render(value, ty, schema, depth + 1),
                );
                element(key, &inner)
            })
            .collect(),
        _ => json(),
    }
}

/// What an element of this type looks like, for describing the layout: `{name}` for a scalar, nested elements with `...`
/// inside for objects and lists. Recursive types end with `...`.
#[must_use]
pub fn xml_skeleton(name: &str, schema: &Schema) -> String {
    skeleton(&schema.ty, schema, 4).unwrap_or_else(|| format!("{{{name}}}"))
}

fn skeleton(ty: &Type, schema: &Schema, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let inner = |ty: &Type| skeleton(ty, schema, depth).unwrap_or_else(|| "...".to_owned());
    match &schema.resolve(ty)?.kind {
        Kind::Optional(ty) => skeleton(ty, schema, depth + 1),
        Kind::List { item, .. } => Some(format!("<item>{}</item>", inner(item))),
        Kind::Tuple(types) => Some(
            types
                .iter()
                .map(|ty| format!("<item>{}</item>", inner(ty)))
                .collect(),
        ),
        Kind::Map { value, .. } => Some(format!("<entry key=\"...\">{}</entry>", inner(value))),
        Kind::Object(object) if !object.properties.is_empty() => Some(
            object
                .properties
                .iter()
                .map(|property| element(&property.name, &inner(&property.ty)))
                .collect(),
        ),
        _ => None,
    }
}

fn plain(ty: &Type) -> bool {
    matches!(
        ty.kind,
        Kind::Str | Kind::Reasoning | Kind::Literal(_) | Kind::Enum(_)
    )
}

/// Text without quotes where it reads back as itself, else as a JSON string.
fn bare_or_json(value: &Value, text: &str, ty: &Type, schema: &Schema) -> String {
    let schema = Schema {
        ty: ty.clone(),
        defs: schema.defs.clone(),
    };
    let edges = !text.is_empty()
        && text.trim().len() == text.len()
        && !text.contains(['\n', '\r', '"', '[', '{', '`', '~']);
    let same = edges && super::text::read_text(text, &schema).is_ok_and(|got| got.value == *value);
    if same {
        add_entities(text).into_owned()
    } else {
        add_entities(&value.to_string()).into_owned()
    }
}

fn element(key: &str, inner: &str) -> String {
    if is_name(key) {
        return format!("<{key}>{inner}</{key}>");
    }
    let mut attribute = String::with_capacity(key.len());
    for c in key.chars() {
        match c {
            '&' => attribute.push_str("&amp;"),
            '<' => attribute.push_str("&lt;"),
            '>' => attribute.push_str("&gt;"),
            '"' => attribute.push_str("&quot;"),
            c if c.is_control() => attribute.push_str(&format!("&#{};", u32::from(c))),
            c => attribute.push(c),
        }
    }
    format!("<entry key=\"{attribute}\">{inner}</entry>")
}

/// Whether a key can be the name of an element.
fn is_name(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
