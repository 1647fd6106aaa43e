//! Objects with named properties.

use serde_json::{Map, Value};

use super::list::ends_cut;
use super::{Cx, Fail, Step, json_inside};
use crate::parse::node::{Entry, Node, NodeKind};
use crate::parse::repair;
use crate::types::{Kind, ObjectType, Property, Type};

pub(super) fn object(cx: &mut Cx<'_>, node: &Node, ty: &Type, object: &ObjectType) -> Result<Value, Fail> {
    match &node.kind {
        NodeKind::Object(entries) | NodeKind::Elements(entries) => {
            let direct = cx.attempt(|cx| properties(cx, node, object, entries));
            match direct {
                Ok(got) => Ok(cx.accept(got)),
                Err(fail) => {
                    if let Some(parted) = part_swallowed(object, entries)
                        && let Ok(got) = cx.attempt(|cx| properties(cx, node, object, &parted))
                    {
                        return Ok(cx.accept(got));
                    }
                    unwrap(cx, ty, object, entries).ok_or(fail)
                }
            }
        }
        NodeKind::List(items) => {
            let [only] = items.as_slice() else {
                return Err(cx.mismatch(node, ty));
            };
            if !matches!(only.kind, NodeKind::Object(_)) {
                return Err(cx.mismatch(node, ty));
            }
            cx.note(repair::WRAPPED);
            cx.coerce(only, ty)
        }
        NodeKind::Str(text) | NodeKind::Bare(text) => {
            if let Some(inner) = json_inside(node) {
                return cx.coerce(&inner, ty);
            }
            match key_lines(node, text) {
                Some(lines) if known(object, &lines) => {
                    cx.note(repair::KEY_LINES);
                    properties(cx, node, object, &lines)
                }
                _ => Err(cx.mismatch(node, ty)),
            }
        }
        _ => Err(cx.mismatch(node, ty)),
    }
}

fn known(object: &ObjectType, lines: &[Entry]) -> bool {
    lines
        .iter()
        .all(|line| object.properties.iter().any(|p| same_key(&p.name, &line.key)))
}

/// A text without its closing quote that took the next entry, whose key has no quotes: `{a: "x, b: "y"}`. Only the type
/// tells it from a text with a quote inside, so a required key must be missing and stand in just one place.
fn part_swallowed(object: &ObjectType, entries: &[Entry]) -> Option<Vec<Entry>> {
    let missing = |p: &&Property| p.required && !entries.iter().any(|entry| same_key(&entry.key, &p.name));
    let key = &object.properties.iter().find(missing)?.name;
    let mut places = entries.iter().enumerate().filter_map(|(index, entry)| {
        let NodeKind::Str(text) = &entry.value.kind else {
            return None;
        };
        let quoted = entry.value.flaws.contains(&repair::INNER_QUOTES);
        let (before, after) = text.rsplit_once('"').filter(|_| quoted)?;
        let before = before
            .trim_end()
            .strip_suffix(':')?
            .trim_end()
            .strip_suffix(key.as_str())?;
        let before = before.trim_end().strip_suffix(',')?;
        Some((index, before.to_owned(), after.to_owned()))
    });
    let (index, before, after) = places.next()?;
    if places.next().is_some() {
        return None;
    }
    let mut parted = entries.to_vec();
    let whole = parted.get_mut(index)?;
    let mut taken = whole.value.clone();
    whole.value.kind = NodeKind::Str(before);
    whole.value.cut = false;
    whole.value.flaws.retain(|flaw| *flaw != repair::INNER_QUOTES);
    whole.value.flaws.push(repair::MISSING_QUOTE);
    taken.kind = NodeKind::Str(after);
    taken.flaws = vec![repair::UNQUOTED_KEY];
    let entry = Entry {
        key: key.clone(),
        value: taken,
    };
    parted.insert(index + 1, entry);
    Some(parted)
}

/// `{"Person": {..}}` and `{"person": {..}}` for the object itself.
fn unwrap(cx: &mut Cx<'_>, ty: &Type, object: &ObjectType, entries: &[Entry]) -> Option<Value> {
    let [only] = entries else { return None };
    let inner = matches!(only.value.kind, NodeKind::Object(_) | NodeKind::Elements(_));
    if !inner || object.properties.iter().any(|p| same_key(&p.name, &only.key)) {
        return None;
    }
    let got = cx
        .attempt(|cx| {
            cx.note(repair::WRAPPED);
            cx.coerce(&only.value, ty)
        })
        .ok()?;
    Some(cx.accept(got))
}

/// Keys that differ in letter case and in the marks between words only.
pub(crate) fn same_key(a: &str, b: &str) -> bool {
    fn plain(text: &str) -> impl Iterator<Item = char> {
        text.chars()
            .filter(|c| c.is_alphanumeric() || !c.is_ascii())
            .flat_map(char::to_lowercase)
    }
    a == b || (plain(a).eq(plain(b)) && plain(a).next().is_some())
}

fn properties(cx: &mut Cx<'_>, node: &Node, object: &ObjectType, entries: &[Entry]) -> Result<Value, Fail> {
    let mut places: Vec<Option<usize>> = Vec::with_capacity(entries.len());
    for entry in entries {
        let exact = object.properties.iter().position(|p| p.name == entry.key);
        let place = exact.or_else(|| {
            let mut close = object
                .properties
                .iter()
                .enumerate()
                .filter(|(_, p)| same_key(&p.name, &entry.key));
            let (index, property) = close.next()?;
            // A key that stands by its own name too is not a misspelling of another.
            let taken = entries.iter().any(|other| other.key == property.name);
            (close.next().is_none() && !taken).then_some(index)
        });
        if exact.is_none() && place.is_some() {
            cx.within(Step::Key(entry.key.clone()), |cx| cx.note(repair::KEY_SPELLING));
        }
        places.push(place);
    }
    let mut map = Map::new();
    for (index, property) in object.properties.iter().enumerate() {
        let mine: Vec<&Entry> = entries
            .iter()
            .zip(&places)
            .filter(|(_, place)| **place == Some(index))
            .map(|(entry, _)| entry)
            .collect();
        let last = entries.last().map(|entry| &entry.value as *const Node);
        let value = cx.within(Step::Key(property.name.clone()), |cx| {
            read_property(cx, node, &property.ty, &mine, last)
        })?;
        match value.or_else(|| property.default.clone()) {
            Some(value) => {
                map.insert(property.name.clone(), value);
            }
            None if !property.required => {}
            None if property.ty.allows_null() && !matches!(property.ty.kind, Kind::Any(_)) => {
                cx.within(Step::Key(property.name.clone()), |cx| {
                    cx.note(repair::MISSING_KEY)
                });
                map.insert(property.name.clone(), Value::Null);
            }
            None => {
                let keys: Vec<&str> = entries.iter().take(8).map(|entry| entry.key.as_str()).collect();
                return Err(cx.fail(
                    node,
                    format!(
                        "the key `{}` is missing, found {}",
                        property.name,
                        if keys.is_empty() {
                            "no keys".to_owned()
                        } else {
                            keys.join(", ")
                        }
                    ),
                ));
            }
        }
    }
    extras(cx, object, entries, &places, &mut map)?;
    Ok(Value::Object(map))
}

/// The value of one property. What the end of the text cut off counts as absent.
fn read_property(
    cx: &mut Cx<'_>,
    node: &Node,
    ty: &Type,
    mine: &[&Entry],
    last: Option<*const Node>,
) -> Result<Option<Value>, Fail> {
    let [first, rest @ ..] = mine else {
        return Ok(None);
    };
    let is_list = matches!(cx.schema.resolve(ty).map(|t| &t.kind), Some(Kind::List { .. }));
    if !rest.is_empty() && is_list && matches!(node.kind, NodeKind::Elements(_)) {
        // `<tag>a</tag><tag>b</tag>`: a list without a wrapper.
        let items = mine.iter().map(|entry| entry.value.clone()).collect();
        let list = Node::new(NodeKind::List(items), first.value.start, first.value.end);
        return cx.coerce(&list, ty).map(Some);
    }
    let got = cx.attempt(|cx| cx.coerce(&first.value, ty));
    let value = match got {
        Ok(got) => cx.accept(got),
        Err(_) if last == Some(&raw const first.value) && ends_cut(&first.value) => {
            cx.note(repair::CUT_DROPPED);
            return Ok(None);
        }
        Err(fail) => return Err(fail),
    };
    for again in rest {
        let other = cx.attempt(|cx| cx.coerce(&again.value, ty))?;
        if other.value != value {
            return Err(cx.fail(&again.value, "the key stands twice with different values"));
        }
        cx.note(repair::DUPLICATE_KEY);
    }
    Ok(Some(value))
}

fn extras(
    cx: &mut Cx<'_>,
    object: &ObjectType,
    entries: &[Entry],
    places: &[Option<usize>],
    map: &mut Map<String, Value>,
) -> Result<(), Fail> {
    for (entry, place) in entries.iter().zip(places) {
        if place.is_some() {
            continue;
        }
        match &object.additional {
            Some(ty) => {
                let value = cx.within(Step::Key(entry.key.clone()), |cx| cx.coerce(&entry.value, ty))?;
                if map.get(&entry.key).is_some_and(|earlier| *earlier != value) {
                    return Err(cx.fail(&entry.value, format!("the key `{}` stands twice", entry.key)));
                }
                map.insert(entry.key.clone(), value);
            }
            None => cx.within(Step::Key(entry.key.clone()), |cx| cx.note(repair::EXTRA_KEY)),
        }
    }
    Ok(())
}

/// `name: Bob` lines, as YAML and bullets have them; `None` unless every line is one.
pub(super) fn key_lines(node: &Node, text: &str) -> Option<Vec<Entry>> {
    let exact = matches!(node.kind, NodeKind::Bare(_)) && node.end - node.start == text.len();
    let mut entries = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            continue;
        }
        let body = line.trim().trim_start_matches(['-', '*', '\u{2022}']).trim();
        let (key, value) = body.split_once(':').or_else(|| body.split_once('='))?;
        let key = key.trim().trim_matches(['*', '"', '`', '\'']);
        let value = value.trim_start_matches('*').trim();
        if key.is_empty() || key.len() > 60 || value.is_empty() {
            return None;
        }
        let offset = (value.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let value = crate::parse::text::scalar(value, if exact { node.start + offset } else { node.start });
        entries.push(Entry {
            key: key.to_owned(),
            value,
        });
    }
    (!entries.is_empty()).then_some(entries)
}
