//! JSON damaged in the ways models damage it, for the comparison with Python's `json_repair`.
//!
//! `cargo test -p dictum-core --test parse -- --ignored damage` writes the cases and what this parser makes of them to
//! the file named by `DAMAGE_OUT`; `compare.py` beside this file reads it. Not part of the normal tests: it needs Python.

use std::fmt::Write as _;
use std::sync::Arc;

use dictum_core::parse;
use dictum_core::types::{Kind, ObjectType, Property, Schema, Type};
use serde_json::{Map, Value, json};

/// A small generator of its own, so that the cases are the same everywhere for ever.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

const KEYS: &[&str] = &[
    "name",
    "age",
    "city",
    "tags",
    "summary",
    "score",
    "is_open",
    "items",
    "first_name",
    "note",
    "id",
];
const TEXTS: &[&str] = &[
    "Paris",
    "New York",
    "",
    "a, b and c",
    "It's fine",
    "Zoë",
    "日本語",
    "😀 ok",
    "line one\nline two",
    "tab\there",
    "C:\\Users\\x",
    "\\d+\\w",
    "50% of it",
    "http://x.org/a?b=1",
    "He said \"no\" twice",
    "x: y",
    "a; b",
    "{braces}",
    "[1]",
    "true story",
    "null",
    "42",
    "3.14 is pi",
    "semi-long text that goes on for a while, with commas, and more",
    "# not a comment",
    "// neither",
    "dash - dash",
    "(round)",
    "end.",
];

fn typed(rng: &mut Rng, depth: usize) -> (Type, Value) {
    match rng.below(if depth == 0 { 5 } else { 9 }) {
        0 | 1 => (Type::str(), json!(*rng.pick(TEXTS))),
        2 => (Type::int(), json!(rng.below(100_000) as i64 - 50_000)),
        3 => (
            Type::float(),
            json!((rng.below(100_000) as f64 - 50_000.0) / 64.0),
        ),
        4 => (Type::bool(), json!(rng.one_in(2))),
        5 => {
            let (ty, first) = typed(rng, depth - 1);
            let mut items = vec![first];
            for _ in 0..rng.below(4) {
                let again = like(rng, &ty);
                items.push(again);
            }
            (Type::list(ty), Value::Array(items))
        }
        6 => {
            let (ty, value) = typed(rng, 0);
            let null = rng.one_in(2);
            (Type::optional(ty), if null { Value::Null } else { value })
        }
        _ => object(rng, depth - 1),
    }
}

fn object(rng: &mut Rng, depth: usize) -> (Type, Value) {
    let mut map = Map::new();
    let mut properties = Vec::new();
    for _ in 0..=rng.below(4) {
        let name = (*rng.pick(KEYS)).to_owned();
        if map.contains_key(&name) {
            continue;
        }
        let (ty, value) = typed(rng, depth);
        map.insert(name.clone(), value);
        properties.push(Property {
            name,
            ty,
            description: None,
            required: true,
            default: None,
        });
    }
    let object = ObjectType {
        name: String::new(),
        description: None,
        properties,
        additional: None,
    };
    (Type::new(Kind::Object(Arc::new(object))), Value::Object(map))
}

/// Another value of a type.
fn like(rng: &mut Rng, ty: &Type) -> Value {
    match &ty.kind {
        Kind::Str => json!(*rng.pick(TEXTS)),
        Kind::Int => json!(rng.below(1000)),
        Kind::Float => json!(rng.below(1000) as f64 / 8.0),
        Kind::Bool => json!(rng.one_in(2)),
        Kind::Optional(inner) if rng.one_in(2) => like(rng, inner),
        Kind::List { item, .. } => Value::Array((0..rng.below(3)).map(|_| like(rng, item)).collect()),
        Kind::Object(object) => Value::Object(
            object
                .properties
                .iter()
                .map(|p| (p.name.clone(), like(rng, &p.ty)))
                .collect(),
        ),
        _ => Value::Null,
    }
}

const DAMAGES: &[&str] = &[
    "single quotes",
    "unquoted keys",
    "trailing commas",
    "missing comma",
    "Python literals",
    "line comment",
    "block comment",
    "raw newlines",
    "raw backslashes",
    "inner quotes",
    "prose before",
    "prose after",
    "prose around",
    "fence",
    "fence and prose",
    "missing last bracket",
    "smart quotes",
    "one quote missing",
    "extra bracket",
    "unquoted texts",
    "cut",
    "escaped unicode",
    "doubled comma",
];

/// Writes a value as JSON with some kinds of damage.
struct Writer<'r> {
    rng: &'r mut Rng,
    damage: Vec<&'static str>,
    pretty: bool,
    /// One place gets what can stand only once.
    once: usize,
    out: String,
}

impl Writer<'_> {
    fn has(&self, damage: &str) -> bool {
        self.damage.contains(&damage)
    }

    fn newline(&mut self, depth: usize) {
        if self.pretty {
            self.out.push('\n');
            self.out.push_str(&"  ".repeat(depth));
        }
    }

    fn quote(&mut self, text: &str, key: bool) {
        let unquoted_key = key && self.has("unquoted keys");
        let simple = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic() || c == ' ');
        if unquoted_key
            || (!key && simple && self.has("unquoted texts") && text != "null" && text != "true story")
        {
            self.out.push_str(text);
            return;
        }
        let (open, close, quote) = match () {
            () if self.has("single quotes") => ('\'', '\'', '\''),
            () if self.has("smart quotes") => ('\u{201c}', '\u{201d}', '\u{201d}'),
            () => ('"', '"', '"'),
        };
        self.out.push(open);
        for c in text.chars() {
            match c {
                '\n' if self.has("raw newlines") => self.out.push('\n'),
                '\n' => self.out.push_str("\\n"),
                '\t' if self.has("raw newlines") => self.out.push('\t'),
                '\t' => self.out.push_str("\\t"),
                '\\' if self.has("raw backslashes") => self.out.push('\\'),
                '\\' => self.out.push_str("\\\\"),
                c if c == quote && self.has("inner quotes") => self.out.push(c),
                c if c == quote => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                c if !c.is_ascii() && self.has("escaped unicode") => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        write!(self.out, "\\u{unit:04x}").unwrap();
                    }
                }
                c => self.out.push(c),
            }
        }
        if !key && self.has("one quote missing") && self.once == 0 && !text.is_empty() {
            self.once = 1;
            return;
        }
        self.out.push(close);
    }

    fn comma(&mut self, last: bool) {
        if last {
            if self.has("trailing commas") {
                self.out.push(',');
            }
            return;
        }
        if self.has("missing comma") && self.rng.one_in(2) {
            self.out.push(' ');
            return;
        }
        self.out.push(',');
        if self.has("doubled comma") && self.rng.one_in(3) {
            self.out.push(',');
        }
        if self.has("line comment") && self.pretty && self.rng.one_in(2) {
            self.out.push_str(" // a remark");
        }
        if self.has("block comment") && self.rng.one_in(2) {
            self.out.push_str(" /* a remark */");
        }
        if !self.pretty {
            self.out.push(' ');
        }
    }

    fn value(&mut self, value: &Value, depth: usize) {
        let python = self.has("Python literals");
        match value {
            Value::Null => self.out.push_str(if python { "None" } else { "null" }),
            Value::Bool(true) => self.out.push_str(if python { "True" } else { "true" }),
            Value::Bool(false) => self.out.push_str(if python { "False" } else { "false" }),
            Value::Number(n) => self.out.push_str(&n.to_string()),
            Value::String(text) => self.quote(text, false),
            Value::Array(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.newline(depth + 1);
                    self.value(item, depth + 1);
                    self.comma(index + 1 == items.len());
                }
                self.newline(depth);
                self.out.push(']');
            }
            Value::Object(map) => {
                self.out.push('{');
                for (index, (key, value)) in map.iter().enumerate() {
                    self.newline(depth + 1);
                    self.quote(key, true);
                    self.out.push_str(": ");
                    self.value(value, depth + 1);
                    self.comma(index + 1 == map.len());
                }
                self.newline(depth);
                self.out.push('}');
            }
        }
    }
}

fn damaged(rng: &mut Rng, value: &Value, damage: Vec<&'static str>) -> String {
    let pretty = rng.one_in(2);
    let mut writer = Writer {
        rng,
        damage,
        pretty,
        once: 0,
        out: String::new(),
    };
    writer.value(value, 0);
    let mut text = std::mem::take(&mut writer.out);
    if writer.has("missing last bracket") {
        text.pop();
    }
    if writer.has("extra bracket") {
        let last = text.pop().unwrap();
        text.push(last);
        text.push(last);
    }
    if writer.has("cut") {
        let mut at = text.len() / 2 + writer.rng.below(text.len() / 2 + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
    }
    if writer.has("fence") || writer.has("fence and prose") {
        text = format!("```json\n{text}\n```");
    }
    if writer.has("prose before") || writer.has("prose around") || writer.has("fence and prose") {
        text = format!("Here is the result you asked for:\n\n{text}");
    }
    if writer.has("prose after") || writer.has("prose around") || writer.has("fence and prose") {
        text.push_str("\n\nLet me know if you need anything else!");
    }
    text
}

#[test]
#[ignore = "writes the cases for compare.py"]
fn damage() {
    let out = std::env::var("DAMAGE_OUT").expect("DAMAGE_OUT names the file to write");
    let mut rng = Rng(7);
    let mut lines = String::new();
    let (mut right, mut count) = (0, 0);
    while count < 6000 {
        let (ty, value) = object(&mut rng, 2);
        let mut damage = vec![*rng.pick(DAMAGES)];
        if rng.one_in(3) {
            let another: &'static str = DAMAGES[rng.below(DAMAGES.len())];
            damage.push(another);
        }
        let text = damaged(&mut rng, &value, damage.clone());
        let schema = Schema::new(ty);
        let reading = parse::value(&text, &schema);
        let ours = reading.as_ref().ok().map(|reading| reading.value.clone());
        let correct = ours.as_ref() == Some(&value);
        right += usize::from(correct);
        count += 1;
        let line = json!({
            "damage": damage, "text": text, "value": value, "ours": ours, "right": correct,
            "error": reading.err().map(|error| error.to_string()), "schema": schema.to_json_schema(),
        });
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    std::fs::write(&out, lines).unwrap();
    assert!(right > count / 2, "{right} of {count} right");
}
