//! One of several values: `Literal` and enumerations.

use serde_json::Value;

use super::words::{self, HEDGES, NEGATIONS, Word};
use super::{Cx, Fail, quote};
use crate::parse::node::{Node, NodeKind};
use crate::parse::repair::{self, Repair};
use crate::types::{EnumType, Type};

/// Longest text in which a member is looked for.
const MAX_TEXT: usize = 2000;
/// Longest sentence whose one mention of a member is the answer.
const MAX_SENTENCE: usize = 160;

struct Member<'a> {
    /// How it may be written: its value as text, then its name.
    spellings: Vec<String>,
    value: &'a Value,
}

pub(super) fn literal(cx: &mut Cx<'_>, node: &Node, ty: &Type, values: &[Value]) -> Result<Value, Fail> {
    let members: Vec<Member<'_>> = values
        .iter()
        .map(|value| Member {
            spellings: vec![written(value)],
            value,
        })
        .collect();
    choose(cx, node, ty, &members)
}

pub(super) fn member(cx: &mut Cx<'_>, node: &Node, ty: &Type, members: &EnumType) -> Result<Value, Fail> {
    let members: Vec<Member<'_>> = members
        .members
        .iter()
        .map(|member| Member {
            spellings: vec![written(&member.value), member.name.clone()],
            value: &member.value,
        })
        .collect();
    choose(cx, node, ty, &members)
}

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn choose(cx: &mut Cx<'_>, node: &Node, ty: &Type, members: &[Member<'_>]) -> Result<Value, Fail> {
    let text = match &node.kind {
        NodeKind::Str(text) => {
            if let Some(member) = members.iter().find(|m| m.value.as_str() == Some(text)) {
                return Ok(member.value.clone());
            }
            text.clone()
        }
        NodeKind::Bare(text) | NodeKind::Leaf(text) => text.clone(),
        NodeKind::Number(raw) => raw.clone(),
        NodeKind::Bool(b) => b.to_string(),
        NodeKind::Null => {
            return match members.iter().find(|m| m.value.is_null()) {
                Some(_) => Ok(Value::Null),
                None => none_spelled(cx, node, ty, members),
            };
        }
        NodeKind::List(items) => {
            // `["Billing"]` for `Billing`.
            let [only] = items.as_slice() else {
                return Err(cx.mismatch(node, ty));
            };
            cx.note(repair::WRAPPED);
            return cx.coerce(only, ty);
        }
        NodeKind::Object(entries) | NodeKind::Elements(entries) => {
            let [only] = entries.as_slice() else {
                return Err(cx.mismatch(node, ty));
            };
            if !only.value.is_scalar() {
                return Err(cx.mismatch(node, ty));
            }
            cx.note(repair::WRAPPED);
            return cx.coerce(&only.value, ty);
        }
    };
    // A number or boolean as such before the same thing as text.
    if matches!(node.kind, NodeKind::Number(_) | NodeKind::Bool(_))
        && let Some(member) = members
            .iter()
            .find(|m| !m.value.is_string() && written(m.value) == text)
    {
        return Ok(member.value.clone());
    }
    match find(members, &text) {
        Ok((index, repairs)) => {
            for repair in repairs {
                cx.note(repair);
            }
            Ok(members.get(index).map_or(Value::Null, |m| m.value.clone()))
        }
        Err(Some(problem)) => Err(cx.fail(node, problem)),
        Err(None) => Err(cx.mismatch(node, ty)),
    }
}

/// `None` and `null` as members of a choice of texts: `Literal["none", "some"]`.
fn none_spelled(cx: &mut Cx<'_>, node: &Node, ty: &Type, members: &[Member<'_>]) -> Result<Value, Fail> {
    let mut spelled = members.iter().filter(|m| {
        m.spellings
            .iter()
            .any(|s| matches!(s.to_lowercase().as_str(), "none" | "null"))
    });
    match (spelled.next(), spelled.next()) {
        (Some(member), None) => {
            cx.note(repair::CASE);
            Ok(member.value.clone())
        }
        _ => Err(cx.mismatch(node, ty)),
    }
}

type Found = Result<(usize, Vec<Repair>), Option<String>>;

fn find(members: &[Member<'_>], text: &str) -> Found {
    let text = text.trim();
    if let Some(index) = only(members, |s, first| first && s == text)? {
        return Ok((index, vec![]));
    }
    if let Some(index) = only(members, |s, _| s == text)? {
        return Ok((index, vec![repair::MEMBER_NAME]));
    }
    if text.len() > MAX_TEXT || text.contains("```") {
        return Err(None);
    }
    let bare = words::strip_markup(text)
        .trim_end_matches(['.', ',', ';', '!', ':'])
        .trim();
    if let Some((index, repair)) = spelled(members, bare)? {
        let mut repairs: Vec<Repair> = repair.into_iter().collect();
        if bare != text {
            repairs.push(repair::PUNCTUATION);
        }
        return Ok((index, repairs));
    }
    if let Some(behind) = after_number(bare)
        && let Some((index, _)) = spelled(members, words::strip_markup(behind))?
    {
        return Ok((index, vec![repair::NUMBERING]));
    }
    let (lead, rest) = words::after_lead_in(bare);
    if lead && let Some((index, _)) = spelled(members, rest.trim_end_matches(['.', '!', ',']))? {
        return Ok((index, vec![repair::LEAD_IN]));
    }
    match explained(members, text, bare, false) {
        Err(None) if lead => explained(members, text, rest, true),
        found => found,
    }
}

/// The one member for which the test holds for one of its spellings.
fn only(members: &[Member<'_>], test: impl Fn(&str, bool) -> bool) -> Result<Option<usize>, Option<String>> {
    let mut found: Option<usize> = None;
    for (index, member) in members.iter().enumerate() {
        if !member.spellings.iter().enumerate().any(|(n, s)| test(s, n == 0)) {
            continue;
        }
        match found.and_then(|earlier| members.get(earlier)) {
            Some(earlier) if earlier.value != member.value => {
                return Err(Some(format!(
                    "could be {} or {}",
                    written(earlier.value),
                    written(member.value)
                )));
            }
            Some(_) => {}
            None => found = Some(index),
        }
    }
    Ok(found)
}

/// A member in other letter case, or with other marks between its words.
fn spelled(members: &[Member<'_>], text: &str) -> Result<Option<(usize, Option<Repair>)>, Option<String>> {
    if let Some(index) = only(members, |s, _| s == text)? {
        return Ok(Some((index, None)));
    }
    if text.is_empty() {
        return Ok(None);
    }
    let lower = text.to_lowercase();
    if let Some(index) = only(members, |s, _| s.to_lowercase() == lower)? {
        return Ok(Some((index, Some(repair::CASE))));
    }
    let plain = plain(text);
    if plain.is_empty() {
        return Ok(None);
    }
    let index = only(members, |s, _| self::plain(s) == plain)?;
    Ok(index.map(|index| (index, Some(repair::SPELLING))))
}

/// Letters and digits only; marks that carry meaning (`+`, `#`, `<`) stay.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| {
            !c.is_whitespace()
                && !matches!(
                    c,
                    '_' | '-' | '.' | ',' | '\'' | '"' | '/' | '*' | '`' | '\u{2019}'
                )
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// What stands behind `1.`, `2)`, `(b)`, `-`.
fn after_number(text: &str) -> Option<&str> {
    let text = text.trim_start_matches("- ").trim_start_matches("* ");
    let inner = text.strip_prefix('(').unwrap_or(text);
    let mark = inner.find(['.', ')', ':'])?;
    let label = inner.get(..mark)?;
    let rest = inner.get(mark + 1..)?;
    let is_number = !label.is_empty() && label.len() <= 3 && label.bytes().all(|b| b.is_ascii_digit());
    let is_letter = label.len() == 1 && label.bytes().all(|b| b.is_ascii_alphabetic());
    ((is_number || is_letter) && rest.starts_with(' ')).then(|| rest.trim())
}

struct Mention {
    member: usize,
    start: usize,
    end: usize,
    /// Length in words.
    words: usize,
}

/// A member with an explanation behind it, or the one that a short sentence mentions.
fn explained(members: &[Member<'_>], text: &str, answer: &str, lead: bool) -> Found {
    if text.trim_end().ends_with('?') {
        return Err(None);
    }
    let answer = answer.trim_start_matches(['*', '"', '`', '(', '[', '\'']);
    let all = words::words(answer, 400);
    let mentions = mentions(members, answer, &all);
    let distinct = |mentions: &[Mention]| {
        let mut values: Vec<&Value> = Vec::new();
        for mention in mentions {
            if let Some(member) = members.get(mention.member)
                && !values.contains(&member.value)
            {
                values.push(member.value);
            }
        }
        values.iter().map(|v| written(v)).collect::<Vec<_>>()
    };
    let named = distinct(&mentions);
    if named.len() > 1 {
        return Err(Some(format!(
            "mentions {}: which one is meant?",
            named.join(" and ")
        )));
    }
    // First, with an explanation behind it. A letter that starts the text counts here though it may be an article.
    let first = mentions
        .iter()
        .find(|m| m.start == 0)
        .map(|m| (m.member, m.end))
        .or_else(|| {
            let word = all.first().filter(|w| w.start == 0)?;
            let raw = answer.get(..word.end)?;
            let index = members
                .iter()
                .position(|m| m.spellings.iter().any(|s| s == raw))?;
            Some((index, word.end))
        });
    if let Some((member, end)) = first {
        let behind = answer.get(end..).unwrap_or_default();
        let others = named.len() == 1 && !mentions.iter().all(|m| m.member == member);
        let taken_back = words::words(behind, 60)
            .iter()
            .any(|w| HEDGES.contains(&w.text.as_str()));
        // `B) Paris`: the option with its text.
        let option = behind.starts_with(") ");
        let set_apart = option || words::starts_explanation(behind.trim_start_matches([')', ']']));
        if set_apart && !taken_back && !others {
            let mut repairs = vec![repair::EXPLANATION];
            if lead {
                repairs.push(repair::LEAD_IN);
            }
            return Ok((member, repairs));
        }
    }
    // One mention in a short sentence that takes nothing back.
    let doubtful = words::words(text, 60).iter().any(|w| {
        HEDGES.contains(&w.text.as_str()) || NEGATIONS.contains(&w.text.as_str()) || w.text.ends_with("n't")
    });
    match mentions.first() {
        Some(mention) if !doubtful && text.len() <= MAX_SENTENCE => {
            Ok((mention.member, vec![repair::EXPLANATION, repair::LEAD_IN]))
        }
        Some(_) if doubtful => Err(Some(format!(
            "{} does not say clearly that {} is meant",
            quote(text),
            named.join(" and ")
        ))),
        _ => Err(None),
    }
}

/// Where members stand as whole words, the longest at each place. Members of one letter don't count: `a` is an article.
fn mentions(members: &[Member<'_>], text: &str, words: &[Word]) -> Vec<Mention> {
    let mut spelled: Vec<(usize, Vec<String>)> = Vec::new();
    for (index, member) in members.iter().enumerate() {
        for spelling in &member.spellings {
            let parts: Vec<String> = words::words(spelling, 20).into_iter().map(|w| w.text).collect();
            let letters = spelling.chars().filter(|c| c.is_alphabetic()).count();
            if !parts.is_empty() && letters > 1 {
                spelled.push((index, parts));
            }
        }
    }
    let mut found: Vec<Mention> = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let best = spelled
            .iter()
            .filter(|(_, parts)| {
                words
                    .get(at..at + parts.len())
                    .is_some_and(|here| here.iter().zip(parts).all(|(w, p)| w.text == *p))
            })
            .max_by_key(|(_, parts)| parts.len());
        match best {
            Some((member, parts)) => {
                let end = words.get(at + parts.len() - 1).map_or(word.end, |last| last.end);
                // `C++` is not `C`, and `non-positive` not `positive`.
                found.push(Mention {
                    member: *member,
                    start: word.start,
                    end: spelling_end(text, end),
                    words: parts.len(),
                });
                at += parts.len();
            }
            None => at += 1,
        }
    }
    found.retain(|mention| mention.words > 0);
    found
}

fn spelling_end(text: &str, end: usize) -> usize {
    let marks = text.get(end..).unwrap_or_default();
    end + marks.len() - marks.trim_start_matches(['+', '#']).len()
}
