//! Whether a JSON value fits a type: for inputs, defaults and loaded demos. Text is the parser's business.

use std::collections::HashSet;
use std::fmt;

use serde_json::{Map, Value};

use super::{Kind, ObjectType, Schema, Type, Violation};

/// A part of a value that does not fit its type, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Path inside the value (`people[2].age`); empty for the value as a whole.
    pub at: String,
    /// What should have held, and what was found.
    pub violation: Violation,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.at.is_empty() {
            write!(f, "{} ", self.at)?;
        }
        self.violation.fmt(f)
    }
}

/// More misfits than this are not collected: the first ones tell what is wrong.
const MAX_MISFITS: usize = 16;
/// Values nested deeper than this are refused.
const MAX_DEPTH: usize = 128;

impl Schema {
    /// What in the value does not fit the type or breaks a constraint, at every level; empty when it fits. At most 16.
    ///
    /// Properties that an object does not know are no misfit. A part whose type is only known as raw JSON Schema fits.
    #[must_use]
    pub fn check(&self, value: &Value) -> Vec<Misfit> {
        let mut checker = Checker {
            schema: self,
            misfits: Vec::new(),
            depth: 0,
        };
        checker.check(&self.ty, value, &Path::Whole, &mut Vec::new());
        checker.misfits
    }
}

/// Where in the value the check is; written out only for misfits.
enum Path<'a> {
    Whole,
    Key(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, key) => {
                let plain =
                    key.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') && !key.is_empty();
                match (plain, parent) {
                    (true, Self::Whole) => f.write_str(key),
                    (true, parent) => write!(f, "{parent}.{key}"),
                    (false, parent) => write!(f, "{parent}[{}]", Value::from(*key)),
                }
            }
        }
    }
}

struct Checker<'a> {
    schema: &'a Schema,
    misfits: Vec<Misfit>,
    depth: usize,
}

impl<'a> Checker<'a> {
    fn report(&mut self, path: &Path<'_>, rule: impl Into<String>, found: impl Into<String>) {
        self.misfits.push(Misfit {
            at: path.to_string(),
            violation: Violation {
                rule: rule.into(),
                found: found.into(),
            },
        });
    }

    /// `open`: the references followed since the check last went a step into the value. One that comes again would go
    /// round for ever.
    fn check(&mut self, ty: &'a Type, value: &Value, path: &Path<'_>, open: &mut Vec<&'a str>) {
        if self.misfits.len() >= MAX_MISFITS {
            return;
        }
        if self.depth >= MAX_DEPTH {
            return self.report(path, format!("must be nested at most {MAX_DEPTH} deep"), "more");
        }
        self.depth = self.depth.saturating_add(1);
        let before = self.misfits.len();
        self.kind(ty, value, path, open);
        if self.misfits.len() == before {
            let at = || path.to_string();
            let broken = ty.constraints.check(value).into_iter();
            self.misfits
                .extend(broken.map(|violation| Misfit { at: at(), violation }));
        }
        self.misfits.truncate(MAX_MISFITS);
        self.depth = self.depth.saturating_sub(1);
    }

    fn kind(&mut self, ty: &'a Type, value: &Value, path: &Path<'_>, open: &mut Vec<&'a str>) {
        match (&ty.kind, value) {
            (Kind::Any(_), _)
            | (Kind::Null | Kind::Optional(_), Value::Null)
            | (Kind::Str | Kind::Code { .. } | Kind::Reasoning, Value::String(_))
            | (Kind::Float, Value::Number(_))
            | (Kind::Bool, Value::Bool(_)) => {}
            (Kind::Int, Value::Number(n)) if n.is_i64() || n.is_u64() => {}
            (Kind::Literal(members), value) => {
                if !members.contains(value) {
                    self.report(path, format!("must be {}", one_of(members.iter())), shown(value));
                }
            }
            (Kind::Enum(members), value) => {
                if !members.members.iter().any(|member| member.value == *value) {
                    let values = one_of(members.members.iter().map(|member| &member.value));
                    self.report(path, format!("must be {values}"), shown(value));
                }
            }
            (Kind::List { item, unique }, Value::Array(items)) => self.list(item, *unique, items, path),
            (Kind::Tuple(types), Value::Array(items)) => {
                if types.len() != items.len() {
                    let rule = format!("must be a list of {} items", types.len());
                    return self.report(path, rule, items.len().to_string());
                }
                for (index, (ty, item)) in types.iter().zip(items).enumerate() {
                    self.check(ty, item, &Path::Item(path, index), &mut Vec::new());
                }
            }
            (Kind::Map { key, value: ty }, Value::Object(entries)) => {
                for (name, value) in entries {
                    let path = Path::Key(path, name);
                    self.key(key, name, &path);
                    self.check(ty, value, &path, &mut Vec::new());
                }
            }
            (Kind::Optional(inner), value) => self.check(inner, value, path, open),
            (Kind::Union(types), value) => self.union(types, value, path, open),
            (Kind::Object(object), Value::Object(entries)) => self.object(object, entries, path),
            (Kind::Ref(name), value) => {
                if open.contains(&name.as_str()) {
                    return self.report(
                        path,
                        format!("must be a `{name}`, which is defined by itself"),
                        shown(value),
                    );
                }
                if let Some(def) = self.schema.defs.get(name) {
                    open.push(name);
                    self.check(def, value, path, open);
                    open.pop();
                }
            }
            (Kind::Image | Kind::Audio | Kind::File, Value::Object(media)) => {
                let places = ["base64", "url", "id"].map(|key| media.get(key).is_some_and(Value::is_string));
                if places.iter().filter(|given| **given).count() != 1 {
                    self.report(
                        path,
                        "must have one of `base64`, `url` and `id`, as text",
                        keys(media),
                    );
                }
            }
            (Kind::History, Value::Array(turns)) => {
                for (index, turn) in turns.iter().enumerate().filter(|(_, turn)| !turn.is_object()) {
                    let rule = "must be an object of fields by name";
                    self.report(&Path::Item(path, index), rule, shown(turn));
                }
            }
            (Kind::ToolCalls, Value::Array(calls)) => {
                for (index, call) in calls.iter().enumerate() {
                    let fits = call.get("name").is_some_and(Value::is_string)
                        && call.get("args").is_some_and(Value::is_object);
                    if !fits {
                        let rule = "must be an object with the text `name` and the object `args`";
                        self.report(&Path::Item(path, index), rule, shown(call));
                    }
                }
            }
            (_, value) => self.report(path, format!("must be {}", expected(&ty.kind)), shown(value)),
        }
    }

    fn list(&mut self, item: &'a Type, unique: bool, items: &[Value], path: &Path<'_>) {
        for (index, value) in items.iter().enumerate() {
            self.check(item, value, &Path::Item(path, index), &mut Vec::new());
        }
        if unique {
            let mut seen = HashSet::new();
            if let Some(again) = items.iter().find(|item| !seen.insert(item.to_string())) {
                self.report(
                    path,
                    "must hold each value once",
                    format!("{} twice", shown(again)),
                );
            }
        }
    }

    /// A key, which JSON knows as text only.
    fn key(&mut self, ty: &'a Type, name: &str, path: &Path<'_>) {
        let value = match &ty.kind {
            Kind::Int => match name
                .parse::<i64>()
                .map(Value::from)
                .or_else(|_| name.parse::<u64>().map(Value::from))
            {
                Ok(number) => number,
                Err(_) => {
                    return self.report(path, "must have a whole number as its key", shown(&name.into()));
                }
            },
            _ => Value::from(name),
        };
        let before = self.misfits.len();
        self.check(ty, &value, path, &mut Vec::new());
        for misfit in self.misfits.iter_mut().skip(before) {
            misfit.violation.rule = format!("has a key that {}", misfit.violation.rule);
        }
    }

    fn object(&mut self, object: &'a ObjectType, entries: &Map<String, Value>, path: &Path<'_>) {
        for property in &object.properties {
            let path = Path::Key(path, &property.name);
            match entries.get(&property.name) {
                Some(value) => self.check(&property.ty, value, &path, &mut Vec::new()),
                None if property.required => self.report(&path, "must be given", "nothing"),
                None => {}
            }
        }
        if let Some(ty) = &object.additional {
            let is_known = |name: &str| object.properties.iter().any(|property| property.name == name);
            for (name, value) in entries.iter().filter(|(name, _)| !is_known(name)) {
                self.check(ty, value, &Path::Key(path, name), &mut Vec::new());
            }
        }
    }

    /// Fits when one member does. If not, the member it comes nearest to says why.
    fn union(&mut self, types: &'a [Type], value: &Value, path: &Path<'_>, open: &mut Vec<&'a str>) {
        let before = std::mem::take(&mut self.misfits);
        let mut near: Vec<Vec<Misfit>> = Vec::new();
        let whole = path.to_string();
        for ty in types {
            self.check(ty, value, path, open);
            let misfits = std::mem::take(&mut self.misfits);
            if misfits.is_empty() {
                self.misfits = before;
                return;
            }
            // A member of another form has nothing to say about the inside.
            if misfits.iter().all(|misfit| misfit.at != whole) {
                near.push(misfits);
            }
        }
        self.misfits = before;
        match (near.pop(), near.is_empty()) {
            (Some(only), true) => self.misfits.extend(only),
            _ => {
                let names: Vec<String> = types.iter().map(|ty| expected(&ty.kind)).collect();
                self.report(path, format!("must be {}", names.join(" or ")), shown(value));
            }
        }
    }
}

/// A kind in the words of a rule.
fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Any(_) => "any value".into(),
        Kind::Null => "null".into(),
        Kind::Str | Kind::Code { .. } | Kind::Reasoning => "text".into(),
        Kind::Int => "a whole number".into(),
        Kind::Float => "a number".into(),
        Kind::Bool => "true or false".into(),
        Kind::Literal(values) => one_of(values.iter()),
        Kind::Enum(members) => one_of(members.members.iter().map(|member| &member.value)),
        Kind::List { .. } | Kind::Tuple(_) => "a list".into(),
        Kind::Map { .. } => "an object".into(),
        Kind::Optional(inner) => format!("{} or null", expected(&inner.kind)),
        Kind::Union(types) => types
            .iter()
            .map(|ty| expected(&ty.kind))
            .collect::<Vec<_>>()
            .join(" or "),
        Kind::Object(object) => {
            let names: Vec<&str> = object
                .properties
                .iter()
                .filter(|property| property.required)
                .map(|property| property.name.as_str())
                .collect();
            if names.is_empty() {
                "an object".into()
            } else {
                format!("an object with {}", names.join(", "))
            }
        }
        Kind::Ref(name) => format!("a `{name}`"),
        Kind::Image | Kind::Audio | Kind::File => "an object with `base64`, `url` or `id`".into(),
        Kind::History => "a list of turns".into(),
        Kind::ToolCalls => "a list of tool calls".into(),
    }
}

fn one_of<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    let shown: Vec<String> = values.map(Value::to_string).collect();
    match shown.as_slice() {
        [only] => only.clone(),
        shown => format!("one of {}", shown.join(", ")),
    }
}

fn keys(map: &Map<String, Value>) -> String {
    let keys: Vec<&str> = map.keys().map(String::as_str).collect();
    if keys.is_empty() {
        "an empty object".into()
    } else {
        keys.join(", ")
    }
}

/// The value, cut where it gets long.
fn shown(value: &Value) -> String {
    const MOST: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} ...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn misfits(schema: Value, value: Value) -> Vec<String> {
        let schema = Schema::from_json_schema(&schema);
        schema.check(&value).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn misfits_name_their_place_and_what_should_hold() {
        let person = json!({"type": "object", "properties": {
            "people": {"type": "array", "items": {"type": "object", "properties": {
                "age": {"type": "integer", "minimum": 0},
                "full name": {"type": "string"},
            }, "required": ["age", "full name"]}},
        }, "required": ["people"]});
        assert_eq!(
            misfits(
                person.clone(),
                json!({"people": [{"age": 1, "full name": ""}, {"age": -1, "full name": 3}]})
            ),
            [
                "people[1].age must be at least 0, found -1",
                "people[1][\"full name\"] must be text, found 3"
            ]
        );
        assert_eq!(
            misfits(person.clone(), json!({"people": [{"age": 2.0}]})),
            [
                "people[0].age must be a whole number, found 2.0",
                "people[0][\"full name\"] must be given, found nothing"
            ]
        );
        assert_eq!(
            misfits(person, json!([])),
            ["must be an object with people, found []"]
        );
    }

    #[test]
    fn every_kind_accepts_its_own_values_only() {
        let media = Schema::new(Type::new(Kind::Image)).to_json_schema();
        let calls = Schema::new(Type::new(Kind::ToolCalls)).to_json_schema();
        let map = json!({"type": "object", "propertyNames": {"pattern": r"^-?\d+$"}, "additionalProperties": {"type": "boolean"}});
        let set = json!({"type": "array", "items": {"type": "integer"}, "uniqueItems": true, "maxItems": 2});
        let pair = json!({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "null"}], "minItems": 2, "maxItems": 2});
        let cases = [
            (media.clone(), json!({"url": "http://a/b.png"}), ""),
            (
                media,
                json!({"media_type": "image/png"}),
                "must have one of `base64`, `url` and `id`, as text, found media_type",
            ),
            (calls.clone(), json!([{"name": "f", "args": {}}]), ""),
            (
                calls,
                json!([{"name": "f"}]),
                "[0] must be an object with the text `name` and the object `args`, found {\"name\":\"f\"}",
            ),
            (map.clone(), json!({"-1": true}), ""),
            (
                map,
                json!({"x": 1}),
                "x must have a whole number as its key, found \"x\"; x must be true or false, found 1",
            ),
            (set.clone(), json!([1, 2]), ""),
            (
                set.clone(),
                json!([1, 1]),
                "must hold each value once, found 1 twice",
            ),
            (set, json!([1, 2, 3]), "must be at most 2 long, found 3 items"),
            (pair.clone(), json!([1, null]), ""),
            (pair, json!([1]), "must be a list of 2 items, found 1"),
            (
                json!({"enum": ["a", 1]}),
                json!("b"),
                "must be one of \"a\", 1, found \"b\"",
            ),
            (
                json!({"type": ["integer", "null"], "minimum": 3}),
                json!(null),
                "",
            ),
            (
                json!({"type": ["integer", "null"], "minimum": 3}),
                json!(2),
                "must be at least 3, found 2",
            ),
        ];
        for (schema, value, wanted) in cases {
            assert_eq!(
                misfits(schema.clone(), value.clone()).join("; "),
                wanted,
                "{value} as {schema}"
            );
        }
    }

    #[test]
    fn the_nearest_member_of_a_union_says_what_is_wrong() {
        let shape = json!({"oneOf": [
            {"type": "object", "properties": {"circle": {"type": "number"}}, "required": ["circle"]},
            {"type": "array", "items": {"type": "integer"}},
        ]});
        assert_eq!(misfits(shape.clone(), json!({"circle": 1})), Vec::<String>::new());
        assert_eq!(
            misfits(shape.clone(), json!([1, "2"])),
            ["[1] must be a whole number, found \"2\""]
        );
        assert_eq!(
            misfits(shape, json!(true)),
            ["must be an object with circle or a list, found true"]
        );
    }

    #[test]
    fn recursive_types_are_followed_and_circles_end() {
        let tree = json!({"title": "T", "type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}},
            "required": ["kids"]});
        assert_eq!(
            misfits(tree.clone(), json!({"kids": [{"kids": []}]})),
            Vec::<String>::new()
        );
        assert_eq!(
            misfits(tree, json!({"kids": [{"kids": [1]}]})),
            ["kids[0].kids[0] must be an object with kids, found 1"]
        );
        let circle = json!({"$ref": "#/$defs/A", "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "string"}]}}});
        assert_eq!(misfits(circle.clone(), json!("x")), Vec::<String>::new());
        assert_eq!(misfits(circle, json!(1)), ["must be a `A` or text, found 1"]);
    }
}
