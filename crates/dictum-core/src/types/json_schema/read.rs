//! From JSON Schema to the type language.

use std::collections::VecDeque;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::members::{enum_members, literal, special};
use super::merge::{ANNOTATIONS, merge};
use super::refs::{Refs, last_part};
use super::{INTEGER_KEY, SPECIAL, TYPE_DESCRIPTION, keywords};
use crate::types::{EnumMember, EnumType, Kind, ObjectType, Property, Schema, Type};

/// Schemas nested deeper than this are kept raw.
const MAX_DEPTH: usize = 48;
/// From this many types on, references are not put in place any more: a small schema can describe a huge tree.
const MAX_INLINED: usize = 4_000;
/// Keywords the type language has no word for.
const UNSAYABLE: [&str; 13] = [
    "not",
    "if",
    "then",
    "else",
    "contains",
    "minContains",
    "maxContains",
    "dependentRequired",
    "dependentSchemas",
    "dependencies",
    "unevaluatedItems",
    "$dynamicRef",
    "$recursiveRef",
];

pub(super) fn read(root: &Value) -> Schema {
    let mut reader = Reader {
        refs: Refs::new(root),
        pending: VecDeque::new(),
        named: IndexMap::new(),
        read: 0,
    };
    let ty = if reader.refs.is_recursive("#") {
        reader.definition("#")
    } else {
        reader.schema(root, None, 0)
    };
    let mut defs = IndexMap::new();
    while let Some((reference, name)) = reader.pending.pop_front() {
        if let Some(target) = reader.refs.target(&reference) {
            let ty = reader.schema(target, Some(&name), 1);
            defs.insert(name, ty);
        }
    }
    Schema {
        ty,
        defs: Arc::new(defs),
    }
}

struct Reader<'a> {
    refs: Refs<'a>,
    /// Definitions asked for and not yet read.
    pending: VecDeque<(String, String)>,
    /// Definitions asked for, by reference.
    named: IndexMap<String, String>,
    /// How many schemas were read.
    read: usize,
}

type Keywords = Map<String, Value>;

impl Reader<'_> {
    /// `name` is the key of the definition that this is, for a type without a title.
    fn schema(&mut self, schema: &Value, name: Option<&str>, depth: usize) -> Type {
        let known = match schema {
            Value::Bool(true) => Some(Type::any()),
            Value::Object(map) if depth < MAX_DEPTH => {
                self.read = self.read.saturating_add(1);
                self.keywords(map, name, depth)
            }
            _ => None,
        };
        known.unwrap_or_else(|| self.raw(schema))
    }

    fn raw(&mut self, schema: &Value) -> Type {
        Type::new(Kind::Any(Some(Arc::new(self.refs.self_contained(schema)))))
    }

    fn keywords(&mut self, map: &Keywords, name: Option<&str>, depth: usize) -> Option<Type> {
        let is_own_document = map.contains_key("$id") && map.contains_key("$defs") && depth > 0;
        if is_own_document || UNSAYABLE.iter().any(|key| map.contains_key(*key)) {
            return None;
        }
        if let Some(kind) = map.get(SPECIAL).and_then(Value::as_str).and_then(special) {
            let constraints = keywords::constraints(&kind, map)?;
            let ty = Type::new(kind).with_constraints(constraints);
            // How `schemars` writes an `Option` of it.
            let nullable = map
                .get("type")
                .and_then(Value::as_array)
                .is_some_and(|names| names.contains(&"null".into()));
            return Some(if nullable { Type::optional(ty) } else { ty });
        }
        if let Some(reference) = map.get("$ref") {
            return self.reference(map, reference.as_str()?, depth);
        }
        if let Some(all) = map.get("allOf") {
            let mut merged = map.clone();
            merged.shift_remove("allOf");
            let parts = all.as_array()?;
            if let [only] = parts.as_slice()
                && merged.keys().all(|key| ANNOTATIONS.contains(&key.as_str()))
            {
                return Some(self.schema(only, name, self.deeper(depth)?));
            }
            for part in parts {
                let part = self.resolved(part)?;
                merged = merge(&merged, &part)?;
            }
            return self.keywords(&merged, name, self.deeper(depth)?);
        }
        match (map.get("anyOf"), map.get("oneOf")) {
            (Some(_), Some(_)) => None,
            (Some(members), None) => self.choice(map, members.as_array()?, false, name, depth),
            (None, Some(members)) => self.choice(map, members.as_array()?, true, name, depth),
            (None, None) => self.simple(map, name, depth),
        }
    }

    fn deeper(&self, depth: usize) -> Option<usize> {
        (depth < MAX_DEPTH && self.read < MAX_INLINED.saturating_mul(4)).then(|| depth.saturating_add(1))
    }

    /// A recursive type, or one too many: by name.
    fn definition(&mut self, reference: &str) -> Type {
        let name = match self.named.get(reference) {
            Some(name) => name.clone(),
            None => {
                let name = self.refs.name(reference);
                self.named.insert(reference.to_owned(), name.clone());
                self.pending.push_back((reference.to_owned(), name.clone()));
                name
            }
        };
        Type::new(Kind::Ref(name))
    }

    fn reference(&mut self, map: &Keywords, reference: &str, depth: usize) -> Option<Type> {
        let target = self.refs.target(reference)?;
        let siblings: Keywords = map
            .iter()
            .filter(|(key, _)| {
                *key != "$ref" && !ANNOTATIONS.contains(&key.as_str()) && !key.starts_with("x-")
            })
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let only_constraints = siblings.keys().all(|key| keywords::is_constraint(key));
        if !only_constraints {
            let merged = merge(&siblings, target.as_object()?)?;
            return self.keywords(&merged, None, self.deeper(depth)?);
        }
        let by_name = self.refs.is_recursive(reference) || self.read > MAX_INLINED;
        let mut ty = if by_name {
            self.definition(reference)
        } else {
            let name = last_part(reference);
            self.schema(target, name.as_deref(), depth.saturating_add(1))
        };
        let constraints = keywords::constraints(&ty.kind, &siblings)?;
        ty.constraints = ty.constraints.and(&constraints);
        Some(ty)
    }

    /// A schema's own keywords and those it refers to, for merging.
    fn resolved(&mut self, schema: &Value) -> Option<Keywords> {
        let mut map = schema.as_object()?.clone();
        for _ in 0..8 {
            let Some(reference) = map.shift_remove("$ref") else {
                return Some(map);
            };
            self.read = self.read.saturating_add(1);
            map = merge(&map, self.refs.target(reference.as_str()?)?.as_object()?)?;
        }
        None
    }

    fn choice(
        &mut self,
        map: &Keywords,
        members: &[Value],
        is_one_of: bool,
        name: Option<&str>,
        depth: usize,
    ) -> Option<Type> {
        let depth = self.deeper(depth)?;
        let name = map.get("title").and_then(Value::as_str).or(name);
        let described = keywords::text(map, "description");
        let around = |key: &str| !ANNOTATIONS.contains(&key) && !key.starts_with("x-");
        let shared: Keywords = map
            .iter()
            .filter(|(key, _)| {
                around(key) && !keywords::is_constraint(key) && *key != "anyOf" && *key != "oneOf"
            })
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();

        let mut types = Vec::new();
        let mut consts: Vec<EnumMember> = Vec::new();
        let mut consts_at = None;
        let mut nullable = false;
        for member in members {
            if is_one_of && let Some(more) = enum_members(member) {
                consts_at.get_or_insert(types.len());
                consts.extend(more);
                continue;
            }
            let mut ty = if shared.is_empty() {
                self.schema(member, None, depth)
            } else {
                let merged = merge(&shared, &self.resolved(member)?)?;
                self.schema(&Value::Object(merged), None, depth)
            };
            // A variant that says itself what it is beats the type it holds.
            if let Some(own) = member
                .as_object()
                .and_then(|map| keywords::text(map, "description"))
                && let Kind::Object(object) = &mut ty.kind
                && object.description.as_ref() != Some(&own)
            {
                Arc::make_mut(object).description = Some(own);
            }
            match ty.kind {
                Kind::Null => nullable = true,
                _ => types.push(ty),
            }
        }
        if let Some(place) = consts_at {
            let whole = types.is_empty();
            let members = Type::new(Kind::Enum(Arc::new(EnumType {
                name: if whole {
                    name.unwrap_or_default().to_owned()
                } else {
                    String::new()
                },
                description: described.filter(|_| whole),
                members: consts,
            })));
            types.insert(place, members);
        }
        let inner = match types.len() {
            0 if nullable => return Some(Type::new(Kind::Null)),
            0 => return None,
            1 => types.pop()?,
            _ => Type::new(Kind::Union(types)),
        };
        let mut ty = if nullable { Type::optional(inner) } else { inner };
        let constraints = keywords::constraints(&ty.kind, map)?;
        ty.constraints = ty.constraints.and(&constraints);
        Some(ty)
    }

    /// A schema without references and choices.
    fn simple(&mut self, map: &Keywords, name: Option<&str>, depth: usize) -> Option<Type> {
        let name = map.get("title").and_then(Value::as_str).or(name);
        if let Some(value) = map.get("const") {
            return literal(std::slice::from_ref(value), None, map);
        }
        let names = match map.get("type") {
            Some(Value::Array(names)) => names.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?,
            Some(Value::String(name)) => vec![name.as_str()],
            Some(_) => return None,
            None => Vec::new(),
        };
        if let Some(values) = map.get("enum") {
            let values = values.as_array()?;
            if names.len() > 1 && names.contains(&"null") {
                let rest: Vec<Value> = values.iter().filter(|value| !value.is_null()).cloned().collect();
                return literal(&rest, name, map).map(Type::optional);
            }
            return literal(values, name, map);
        }
        if let [only] = names.as_slice() {
            return self.named(only, map, name, depth);
        }
        if names.is_empty() {
            return self.untyped(map, name, depth);
        }
        let nullable = names.contains(&"null");
        let mut types = Vec::new();
        for each in names.iter().filter(|each| **each != "null") {
            types.push(self.named(each, map, name, depth)?);
        }
        let inner = match types.len() {
            0 => return Some(Type::new(Kind::Null)),
            1 => types.pop()?,
            _ => Type::new(Kind::Union(types)),
        };
        Some(if nullable { Type::optional(inner) } else { inner })
    }

    fn untyped(&mut self, map: &Keywords, name: Option<&str>, depth: usize) -> Option<Type> {
        if [
            "properties",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
        ]
        .iter()
        .any(|key| map.contains_key(*key))
        {
            return self.named("object", map, name, depth);
        }
        if map.contains_key("prefixItems") || map.contains_key("items") {
            return self.named("array", map, name, depth);
        }
        let any = Type::any();
        let constraints = keywords::constraints(&any.kind, map)?;
        Some(any.with_constraints(constraints))
    }

    fn named(&mut self, type_name: &str, map: &Keywords, name: Option<&str>, depth: usize) -> Option<Type> {
        let kind = match type_name {
            "null" => return Some(Type::new(Kind::Null)),
            "boolean" => Kind::Bool,
            "integer" => Kind::Int,
            "number" => Kind::Float,
            "string" => Kind::Str,
            "array" => self.array(map, depth)?,
            "object" => self.object(map, name, depth)?,
            _ => return None,
        };
        let mut constraints = keywords::constraints(&kind, map)?;
        if matches!(kind, Kind::Int) {
            keywords::add_width(&mut constraints, map);
        }
        Some(Type::new(kind).with_constraints(constraints))
    }

    fn array(&mut self, map: &Keywords, depth: usize) -> Option<Kind> {
        let depth = self.deeper(depth)?;
        let places = match (map.get("prefixItems"), map.get("items")) {
            (Some(places), _) => Some(places.as_array()?),
            (None, Some(Value::Array(places))) => Some(places),
            _ => None,
        };
        if let Some(places) = places {
            let length = places.len() as u64;
            let closed = map.get("items") == Some(&Value::Bool(false))
                || map.get("maxItems").and_then(Value::as_u64) == Some(length);
            if !closed || map.get("minItems").and_then(Value::as_u64) != Some(length) {
                return None;
            }
            return Some(Kind::Tuple(
                places
                    .iter()
                    .map(|place| self.schema(place, None, depth))
                    .collect(),
            ));
        }
        let item = match map.get("items") {
            None => Type::any(),
            Some(item) => self.schema(item, None, depth),
        };
        Some(Kind::List {
            item: Box::new(item),
            unique: map.get("uniqueItems") == Some(&Value::Bool(true)),
        })
    }

    fn object(&mut self, map: &Keywords, name: Option<&str>, depth: usize) -> Option<Kind> {
        let depth = self.deeper(depth)?;
        let additional = map
            .get("additionalProperties")
            .or_else(|| map.get("unevaluatedProperties"));
        let closed = additional == Some(&Value::Bool(false));
        let properties = match map.get("properties") {
            Some(properties) => Some(properties.as_object()?),
            None => None,
        };
        if let Some(patterns) = map.get("patternProperties") {
            let mut patterns = patterns.as_object()?.iter();
            let (Some((pattern, value)), None) = (patterns.next(), patterns.next()) else {
                return None;
            };
            if !closed || properties.is_some() {
                return None;
            }
            return Some(Kind::Map {
                key: Box::new(keywords::pattern_key(pattern)?),
                value: Box::new(self.schema(value, None, depth)),
            });
        }
        let Some(properties) = properties else {
            // `struct Empty {}`: a name and nothing else.
            if closed || additional.is_none() && name.is_some() && !map.contains_key("propertyNames") {
                return Some(self.with_properties(map, &Map::new(), None, name, depth));
            }
            let key = match map.get("propertyNames") {
                None => Type::str(),
                Some(names) => self.key(names, depth),
            };
            let value = additional.map_or_else(Type::any, |value| self.schema(value, None, depth));
            return Some(Kind::Map {
                key: Box::new(key),
                value: Box::new(value),
            });
        };
        if map.contains_key("propertyNames") {
            return None;
        }
        // How `schemars` writes a map whose keys are an enum: every key a property, none required.
        if closed
            && name.is_none()
            && !map.contains_key("required")
            && let Some(value) = keywords::common_value(properties)
        {
            return Some(Kind::Map {
                key: Box::new(Type::literal(properties.keys().cloned())),
                value: Box::new(self.schema(value, None, depth)),
            });
        }
        Some(self.with_properties(map, properties, additional, name, depth))
    }

    fn with_properties(
        &mut self,
        map: &Keywords,
        properties: &Keywords,
        additional: Option<&Value>,
        name: Option<&str>,
        depth: usize,
    ) -> Kind {
        let required = map.get("required").and_then(Value::as_array);
        let is_required = |key: &str| required.is_some_and(|names| names.iter().any(|name| name == key));
        let properties = properties
            .iter()
            .map(|(key, schema)| self.property(key, schema, is_required(key), depth))
            .collect();
        let additional = match additional {
            None | Some(Value::Bool(false)) => None,
            Some(schema) => Some(self.schema(schema, None, depth)),
        };
        Kind::Object(Arc::new(ObjectType {
            name: name.unwrap_or_default().to_owned(),
            description: keywords::text(map, "description"),
            properties,
            additional,
        }))
    }

    fn property(&mut self, name: &str, schema: &Value, required: bool, depth: usize) -> Property {
        let mut property = Property {
            name: name.to_owned(),
            ty: Type::any(),
            description: None,
            required,
            default: None,
        };
        let Value::Object(map) = schema else {
            property.ty = self.schema(schema, None, depth);
            return property;
        };
        let mut own = map.clone();
        property.default = own.shift_remove("default");
        let type_description = own.shift_remove(TYPE_DESCRIPTION);
        let description = own.shift_remove("description").and_then(|value| match value {
            Value::String(text) => Some(text),
            _ => None,
        });
        property.ty = self.schema(&Value::Object(own), None, depth);
        // A type defined in place has one description, which is the type's unless it brings that apart.
        let in_place = !map.contains_key("$ref") && !map.contains_key("allOf");
        let of_type = match type_description {
            Some(Value::String(text)) => Some(text),
            Some(_) => None,
            None if in_place && matches!(property.ty.kind, Kind::Object(_) | Kind::Enum(_)) => {
                set_description(&mut property.ty.kind, description);
                return property;
            }
            None => {
                property.description = description;
                return property;
            }
        };
        set_description(&mut property.ty.kind, of_type);
        property.description = description;
        property
    }

    fn key(&mut self, names: &Value, depth: usize) -> Type {
        if let Value::Object(map) = names {
            let is_integer = map.get(SPECIAL).and_then(Value::as_str) == Some("int")
                || map.get("pattern").and_then(Value::as_str) == Some(INTEGER_KEY);
            if is_integer && let Some(constraints) = keywords::constraints(&Kind::Int, map) {
                return Type::int().with_constraints(constraints);
            }
            if !map.contains_key("type") && !map.contains_key("enum") && !map.contains_key("$ref") {
                let mut typed = map.clone();
                typed.insert("type".into(), "string".into());
                return self.schema(&Value::Object(typed), None, depth);
            }
        }
        self.schema(names, None, depth)
    }
}

fn set_description(kind: &mut Kind, description: Option<String>) {
    match kind {
        Kind::Object(object) => Arc::make_mut(object).description = description,
        Kind::Enum(members) => Arc::make_mut(members).description = description,
        _ => {}
    }
}
