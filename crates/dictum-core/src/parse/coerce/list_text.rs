//! Lists in plain text: bullets, numbers, lines, commas.

use serde_json::Value;

use super::{Cx, Fail, Step};
use crate::parse::node::{Node, NodeKind};
use crate::parse::repair;
use crate::parse::text::read_inner;
use crate::types::{Kind, Type};

/// Longest item of a comma list, in words: longer ones are sentences.
const MAX_ITEM_WORDS: usize = 6;

pub(super) fn read(
    cx: &mut Cx<'_>,
    node: &Node,
    ty: &Type,
    item: &Type,
    text: &str,
) -> Result<Vec<Value>, Fail> {
    // Each line of an item keeps its place, so that an error points at it.
    let exact = matches!(node.kind, NodeKind::Bare(_)) && node.end - node.start == text.len();
    let at = |part: &str| {
        let offset = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        if exact { node.start + offset } else { node.start }
    };
    if text.contains("```") || text.contains("~~~") {
        return Err(cx.mismatch(node, ty));
    }
    if let Some(items) = bullets(cx, text) {
        cx.note(repair::BULLETS);
        let parts: Vec<(String, usize)> = items.into_iter().map(|(part, first)| (part, at(first))).collect();
        return coerce_parts(cx, parts, item);
    }
    if text.contains(['[', '{']) {
        return Err(cx.mismatch(node, ty));
    }
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    if lines.len() > 1 {
        let short = lines
            .iter()
            .all(|line| line.split_whitespace().count() <= 2 * MAX_ITEM_WORDS);
        if !short && lines.iter().any(|line| line.ends_with(':')) {
            return Err(cx.mismatch(node, ty));
        }
        let lines: Vec<&str> = match lines.as_slice() {
            // `Labels:` above the items.
            [first, rest @ ..] if first.ends_with(':') && !rest.is_empty() => {
                cx.note(repair::LEAD_IN);
                rest.to_vec()
            }
            all => all.to_vec(),
        };
        cx.note(repair::LINES);
        let parts = lines
            .iter()
            .map(|line| (line.trim_end_matches(',').to_owned(), at(line)))
            .collect();
        return coerce_parts(cx, parts, item);
    }
    let line = lines.first().copied().unwrap_or_default();
    commas(cx, node, item, line, &at)
}

/// The items behind bullets or numbers, continued lines joined. Text in front that ends with a colon, or stands apart by
/// an empty line, is dropped.
fn bullets<'t>(cx: &mut Cx<'_>, text: &'t str) -> Option<Vec<(String, &'t str)>> {
    let mut items: Vec<(String, &str)> = Vec::new();
    let mut intro = false;
    let mut blank = false;
    let mut outro = false;
    let mut base_indent = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            blank = true;
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        match after_bullet(trimmed) {
            Some(item) if !outro && indent <= base_indent.unwrap_or(indent) + 1 => {
                base_indent.get_or_insert(indent);
                items.push((item.to_owned(), item));
            }
            _ => match items.last_mut() {
                None => {
                    intro = true;
                    // Prose above that leads in to nothing may be a first line without a bullet.
                    if !trimmed.ends_with(':') && !blank && !text.contains("\n\n") {
                        return None;
                    }
                }
                Some(_) if outro => {}
                Some(_) if blank && indent == 0 => outro = true,
                Some((item, _)) => {
                    item.push('\n');
                    item.push_str(trimmed);
                }
            },
        }
        blank = false;
    }
    if items.is_empty() {
        return None;
    }
    if intro || outro {
        cx.note(repair::PROSE);
    }
    Some(items)
}

/// What stands behind `-`, `*`, `1.`, `2)`, `(3)`, `a)`.
fn after_bullet(line: &str) -> Option<&str> {
    for mark in [
        "-", "*", "+", "\u{2022}", "\u{2013}", "\u{2023}", "\u{25e6}", "\u{25aa}", "\u{b7}",
    ] {
        if let Some(rest) = line.strip_prefix(mark)
            && (rest.starts_with([' ', '\t']) || (mark.len() > 1 && !rest.is_empty()))
        {
            let rest = rest.trim();
            let rest = ["[ ] ", "[x] ", "[X] "]
                .iter()
                .find_map(|b| rest.strip_prefix(b))
                .unwrap_or(rest);
            return (!rest.is_empty()).then(|| rest.trim());
        }
    }
    let inner = line.strip_prefix('(').unwrap_or(line);
    let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 3 {
        return None;
    }
    let rest = inner.get(digits..)?.strip_prefix(['.', ')', ':'])?;
    (rest.starts_with([' ', '\t']) && !rest.trim().is_empty()).then(|| rest.trim())
}

fn commas(
    cx: &mut Cx<'_>,
    node: &Node,
    item: &Type,
    line: &str,
    at: &dyn Fn(&str) -> usize,
) -> Result<Vec<Value>, Fail> {
    let is_text = cx.schema.resolve(item).is_some_and(Type::is_text);
    let numeric = matches!(
        cx.schema.resolve(item).map(|t| &t.kind),
        Some(Kind::Int | Kind::Float)
    );
    let whole = line.trim_end_matches('.');
    if numeric && looks_grouped(whole) {
        return Err(cx.fail(
            node,
            format!("`{whole}` could be one number or several: put a space behind each comma"),
        ));
    }
    let separator = if split(whole, ',').len() > 1 { ',' } else { ';' };
    let mut parts = split(whole, separator);
    if parts.len() > 1 && parts.last().is_some_and(|part| part.trim().is_empty()) {
        parts.pop();
    }
    if parts.len() == 1 {
        if numeric && whole.split_whitespace().count() > 1 {
            let parts: Vec<&str> = whole.split_whitespace().collect();
            if parts.iter().all(|part| part.parse::<f64>().is_ok()) {
                cx.note(repair::COMMA_LIST);
                return coerce_parts(cx, parts.iter().map(|p| ((*p).to_owned(), at(p))).collect(), item);
            }
        }
        cx.note(repair::SINGLE_ITEM);
        let part = if is_text { line } else { whole };
        return coerce_parts(cx, vec![(part.to_owned(), at(line))], item);
    }
    let sentence = parts
        .iter()
        .any(|part| part.split_whitespace().count() > MAX_ITEM_WORDS)
        || parts.iter().any(|part| part.trim().is_empty())
        || (is_text && whole.contains(". "));
    if sentence {
        return Err(cx.fail(node, "wanted a list, found a sentence with commas"));
    }
    cx.note(repair::COMMA_LIST);
    let last = parts.len() - 1;
    let mut all: Vec<(String, usize)> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let mut part = part.trim();
        // `a, b, and c`
        if index == last {
            part = part
                .strip_prefix("and ")
                .or_else(|| part.strip_prefix("& "))
                .unwrap_or(part)
                .trim();
        }
        if index == last
            && !is_text
            && let Some((left, right)) = part.split_once(" and ")
        {
            all.push((left.to_owned(), at(left)));
            all.push((right.to_owned(), at(right)));
            continue;
        }
        all.push((part.to_owned(), at(part)));
    }
    coerce_parts(cx, all, item)
}

/// `1,234` and `10,200,300`.
fn looks_grouped(line: &str) -> bool {
    let groups: Vec<&str> = line.trim().split(',').collect();
    groups.len() > 1
        && groups.first().is_some_and(|head| (1..=3).contains(&head.len()))
        && groups.iter().skip(1).all(|group| group.len() == 3)
        && groups
            .iter()
            .all(|group| group.bytes().all(|b| b.is_ascii_digit()))
}

/// Splits outside of quotes and brackets.
fn split(line: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut quote = false;
    let mut round = 0_usize;
    let mut start = 0;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quote = !quote,
            '(' => round += 1,
            ')' => round = round.saturating_sub(1),
            c if c == separator && !quote && round == 0 => {
                parts.push(line.get(start..at).unwrap_or_default());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(line.get(start..).unwrap_or_default());
    parts
}

fn coerce_parts(cx: &mut Cx<'_>, parts: Vec<(String, usize)>, item: &Type) -> Result<Vec<Value>, Fail> {
    let mut values = Vec::with_capacity(parts.len());
    for (index, (part, start)) in parts.into_iter().enumerate() {
        let value = cx.within(Step::Index(index), |cx| {
            let part = part.trim().trim_end_matches(',');
            // Quotes around a whole item are layout, as in a list of JSON.
            let unquoted = [('"', '"'), ('\'', '\''), ('\u{201c}', '\u{201d}'), ('`', '`')]
                .iter()
                .find_map(|(a, b)| {
                    let inner = part.strip_prefix(*a)?.strip_suffix(*b)?;
                    (!inner.contains([*a, *b])).then_some(inner)
                });
            let is_text = cx.schema.resolve(item).is_some_and(Type::is_text);
            match unquoted {
                Some(inner) if is_text => Ok(Value::String(inner.to_owned())),
                _ if is_text => Ok(Value::String(part.to_owned())),
                _ => read_inner(cx, part, start, item),
            }
        })?;
        values.push(value);
    }
    Ok(values)
}
