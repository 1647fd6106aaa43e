//! Reads types: recursive descent over the tokens, with a bound on the depth.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::lexer::{Token, TokenKind, tokens};
use super::names;
use crate::signature::SignatureError;
use crate::types::{Kind, Schema, Type};

/// Types nested deeper than this are refused: nobody writes them, and the stack is finite.
const MAX_DEPTH: usize = 64;

pub(super) type Parsed<T> = Result<T, SignatureError>;

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    types: &'a IndexMap<String, Schema>,
    /// Definitions of the custom types used so far.
    defs: IndexMap<String, Type>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, types: &'a IndexMap<String, Schema>) -> Parsed<Self> {
        let parser = Self {
            text,
            tokens: tokens(text)?,
            at: 0,
            depth: 0,
            types,
            defs: IndexMap::new(),
        };
        parser.brackets_end_in_their_field()?;
        Ok(parser)
    }

    /// A bracket that is open where the next field begins was never closed. Without this, the name of that field would be
    /// taken for a type, and the error would point there.
    fn brackets_end_in_their_field(&self) -> Parsed<()> {
        let mut open = Vec::new();
        for token in &self.tokens {
            match token.kind {
                TokenKind::Sign('[') => open.push(token.column),
                TokenKind::Sign(']') => {
                    open.pop();
                }
                TokenKind::Arrow | TokenKind::Sign(':') => {
                    if let Some(column) = open.last() {
                        return self.error(*column, "this `[` has no `]`");
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, ty: Type) -> Schema {
        Schema {
            ty,
            defs: Arc::new(std::mem::take(&mut self.defs)),
        }
    }

    pub(super) fn peek(&self) -> &TokenKind {
        self.tokens
            .get(self.at)
            .map_or(&TokenKind::End, |token| &token.kind)
    }

    pub(super) fn column(&self) -> usize {
        self.tokens
            .get(self.at)
            .or(self.tokens.last())
            .map_or(1, |token| token.column)
    }

    pub(super) fn advance(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    pub(super) fn take(&mut self, sign: char) -> bool {
        let found = *self.peek() == TokenKind::Sign(sign);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn error<T>(&self, column: usize, problem: impl Into<String>) -> Parsed<T> {
        Err(SignatureError::Syntax {
            text: self.text.to_owned(),
            column,
            problem: problem.into(),
        })
    }

    /// A type and nothing behind it.
    pub(super) fn whole_type(&mut self) -> Parsed<Type> {
        let ty = self.ty()?;
        match self.peek() {
            TokenKind::End => Ok(ty),
            TokenKind::Arrow => self.error(
                self.column(),
                "this is a type, and `->` belongs to a signature: leave it out, or parse a signature",
            ),
            other => {
                let problem = format!("expected the end of the type, found {}", other.describe());
                self.error(self.column(), problem)
            }
        }
    }

    /// `A | B | C`.
    pub(super) fn ty(&mut self) -> Parsed<Type> {
        if self.depth >= MAX_DEPTH {
            return self.error(
                self.column(),
                format!("types are nested more than {MAX_DEPTH} deep; define a type of your own for the inner ones"),
            );
        }
        self.depth += 1;
        let first = self.single()?;
        let ty = if *self.peek() == TokenKind::Sign('|') {
            let mut types = vec![first];
            while self.take('|') {
                types.push(self.single()?);
            }
            union(types)
        } else {
            first
        };
        self.depth -= 1;
        Ok(ty)
    }

    fn single(&mut self) -> Parsed<Type> {
        let column = self.column();
        let name = match self.peek() {
            TokenKind::Word(name) => name.clone(),
            TokenKind::Text(text) => {
                let problem = format!("a text is not a type: write `Literal[{}]`", quoted(text));
                return self.error(column, problem);
            }
            TokenKind::Number(number) => {
                let problem = format!("a number is not a type: write `Literal[{number}]`");
                return self.error(column, problem);
            }
            TokenKind::Sign('[') => {
                return self.error(column, "a type starts with a name: write `list[...]` for a list");
            }
            TokenKind::Sign('{') => {
                return self.error(
                    column,
                    "a type starts with a name: write `dict[str, ...]` for a map",
                );
            }
            other => {
                let problem = format!(
                    "expected a type such as `str` or `list[int]`, found {}",
                    other.describe()
                );
                return self.error(column, problem);
            }
        };
        self.advance();
        self.of_name(name, column)
    }

    fn of_name(&mut self, mut name: String, column: usize) -> Parsed<Type> {
        let mut path = name.clone();
        while self.take('.') {
            match self.peek() {
                TokenKind::Word(next) => name.clone_from(next),
                _ => return self.error(self.column(), format!("expected a type name after `{path}.`")),
            }
            path = format!("{path}.{name}");
            self.advance();
        }
        let prefix = path.strip_suffix(&format!(".{name}")).unwrap_or_default();
        let types = self.types;
        if let Some(own) = types.get(&path).or_else(|| types.get(&name)) {
            if *self.peek() == TokenKind::Sign('[') {
                return self.error(self.column(), format!("`{name}` takes no types in brackets"));
            }
            return Ok(super::adopt(&mut self.defs, own));
        }
        if !matches!(prefix, "" | "dspy" | "typing" | "dspy.experimental") {
            return self.error(
                column,
                format!("`{path}` is not known; give the type under this name to `parse_with`"),
            );
        }
        let has_arguments = *self.peek() == TokenKind::Sign('[');
        let plain = match name.as_str() {
            "str" => Type::str(),
            "int" => Type::int(),
            "float" => Type::float(),
            "bool" => Type::bool(),
            "Any" => Type::any(),
            "None" | "NoneType" => Type::new(Kind::Null),
            "Image" => Type::new(Kind::Image),
            "Audio" => Type::new(Kind::Audio),
            "File" => Type::new(Kind::File),
            "History" => Type::new(Kind::History),
            "Reasoning" => Type::new(Kind::Reasoning),
            "ToolCalls" => Type::new(Kind::ToolCalls),
            _ => return self.generic(&name, column, has_arguments),
        };
        if has_arguments {
            return self.error(self.column(), format!("`{name}` takes nothing in brackets"));
        }
        Ok(plain)
    }

    fn generic(&mut self, name: &str, column: usize, has_arguments: bool) -> Parsed<Type> {
        match (name, has_arguments) {
            ("list" | "List" | "tuple" | "Tuple", false) => Ok(Type::list(Type::any())),
            ("set" | "Set" | "frozenset", false) => Ok(set(Type::any())),
            ("dict" | "Dict", false) => Ok(Type::map(Type::any())),
            ("Code", false) => Ok(code("python")),
            ("list" | "List", true) => Ok(Type::list(self.one("list", "`list[str]`")?)),
            ("set" | "Set" | "frozenset", true) => Ok(set(self.one("set", "`set[str]`")?)),
            ("Optional", true) => Ok(optional(self.one("Optional", "`Optional[str]`")?)),
            ("Union", true) => {
                let types = self.arguments(Self::ty)?;
                Ok(union(types))
            }
            ("tuple" | "Tuple", true) => self.tuple(),
            ("dict" | "Dict", true) => self.dict(),
            ("Literal", true) => {
                let values = self.arguments(Self::literal)?;
                Ok(Type::new(Kind::Literal(values.into())))
            }
            ("Code", true) => {
                let column = self.column();
                let mut languages = self.arguments(Self::language)?;
                match (languages.pop(), languages.is_empty()) {
                    (Some(language), true) => Ok(code(&language)),
                    _ => self.error(column, "`Code` takes one language: write `Code['python']`"),
                }
            }
            ("Optional", false) => self.error(column, "`Optional` needs a type: write `Optional[str]`"),
            ("Union", false) => self.error(column, "`Union` needs types: write `Union[int, str]`"),
            ("Literal", false) => self.error(column, "`Literal` needs values: write `Literal['yes', 'no']`"),
            _ => {
                let hint = names::suggestion(name, self.types);
                self.error(column, format!("there is no type `{name}`; {hint}"))
            }
        }
    }

    /// What stands between brackets, separated by commas; at least one. A comma may follow the last.
    fn arguments<T>(&mut self, each: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let open = self.column();
        self.advance();
        let mut found = Vec::new();
        loop {
            if self.take(']') {
                if found.is_empty() {
                    return self.error(
                        open,
                        "there is nothing between these brackets: fill them or leave them out",
                    );
                }
                return Ok(found);
            }
            if *self.peek() == TokenKind::End {
                return self.unclosed(open);
            }
            found.push(each(self)?);
            match self.peek() {
                TokenKind::Sign(',') => self.advance(),
                TokenKind::Sign(']') => {}
                TokenKind::End | TokenKind::Arrow | TokenKind::Sign(':' | '=') => return self.unclosed(open),
                other => {
                    let problem = format!("expected `,` or `]`, found {}", other.describe());
                    return self.error(self.column(), problem);
                }
            }
        }
    }

    fn unclosed<T>(&self, open: usize) -> Parsed<T> {
        self.error(open, "this `[` has no `]`")
    }

    fn one(&mut self, name: &str, example: &str) -> Parsed<Type> {
        let column = self.column();
        let mut types = self.arguments(Self::ty)?;
        match (types.pop(), types.len()) {
            (Some(ty), 0) => Ok(ty),
            (_, more) => self.error(
                column,
                format!(
                    "`{name}` takes one type, found {}: write {example}",
                    more.saturating_add(1)
                ),
            ),
        }
    }

    fn tuple(&mut self) -> Parsed<Type> {
        let open = self.column();
        // `tuple[()]`, Python's empty tuple.
        let rest: Vec<&TokenKind> = self
            .tokens
            .iter()
            .skip(self.at)
            .map(|token| &token.kind)
            .take(4)
            .collect();
        if rest
            == [
                &TokenKind::Sign('['),
                &TokenKind::Sign('('),
                &TokenKind::Sign(')'),
                &TokenKind::Sign(']'),
            ]
        {
            self.at = self.at.saturating_add(4);
            return Ok(Type::new(Kind::Tuple(Vec::new())));
        }
        let items = self.arguments(|parser| {
            if *parser.peek() == TokenKind::Dots {
                parser.advance();
                return Ok(None);
            }
            parser.ty().map(Some)
        })?;
        // `tuple[int, ...]` is a list of any length.
        if let [Some(item), None] = items.as_slice() {
            return Ok(Type::list(item.clone()));
        }
        match items.into_iter().collect::<Option<Vec<_>>>() {
            Some(items) => Ok(Type::new(Kind::Tuple(items))),
            None => self.error(
                open,
                "`...` may only stand behind one type: write `tuple[int, ...]`",
            ),
        }
    }

    fn dict(&mut self) -> Parsed<Type> {
        let column = self.column();
        let mut types = self.arguments(Self::ty)?;
        let (Some(value), Some(key), None) = (types.pop(), types.pop(), types.pop()) else {
            return self.error(
                column,
                "`dict` takes a type for keys and one for values: write `dict[str, int]`",
            );
        };
        let key = match key.kind {
            Kind::Any(_) => Type::str(),
            Kind::Literal(ref values) if values.iter().all(Value::is_string) => key,
            Kind::Str | Kind::Int | Kind::Enum(_) => key,
            _ => {
                return self.error(
                    column.saturating_add(1),
                    format!("`{key}` can't be the type of keys: write `str`, `int` or a `Literal` of texts"),
                );
            }
        };
        Ok(Type::new(Kind::Map {
            key: Box::new(key),
            value: Box::new(value),
        }))
    }

    fn literal(&mut self) -> Parsed<Value> {
        let column = self.column();
        let value = match self.peek() {
            TokenKind::Text(text) => Value::String(text.clone()),
            TokenKind::Number(number) if number.is_i64() || number.is_u64() => Value::Number(number.clone()),
            TokenKind::Number(number) => {
                let problem =
                    format!("{number} is not a whole number; put it in quotes, or use the type `float`");
                return self.error(column, problem);
            }
            TokenKind::Word(word) => match word.as_str() {
                "True" | "true" => Value::Bool(true),
                "False" | "false" => Value::Bool(false),
                "None" | "null" => Value::Null,
                word => {
                    let problem = format!(
                        "the values of a `Literal` stand in quotes: write {}",
                        quoted(word)
                    );
                    return self.error(column, problem);
                }
            },
            TokenKind::Sign(']' | ',') => {
                return self.error(column, "expected a value such as 'yes' or 3");
            }
            other => {
                let problem = format!("expected a value such as 'yes' or 3, found {}", other.describe());
                return self.error(column, problem);
            }
        };
        self.advance();
        Ok(value)
    }

    fn language(&mut self) -> Parsed<String> {
        match self.peek() {
            TokenKind::Text(language) => {
                let language = language.clone();
                self.advance();
                Ok(language)
            }
            TokenKind::Word(word) => {
                let problem = format!("the language stands in quotes: write `Code[{}]`", quoted(word));
                self.error(self.column(), problem)
            }
            _ => self.error(self.column(), "expected a language: write `Code['python']`"),
        }
    }
}

fn set(item: Type) -> Type {
    Type::new(Kind::List {
        item: Box::new(item),
        unique: true,
    })
}

fn code(language: &str) -> Type {
    Type::new(Kind::Code {
        language: language.to_owned(),
    })
}

fn optional(inner: Type) -> Type {
    union(vec![inner, Type::new(Kind::Null)])
}

/// Unions in their plain form: flat, with `None` outside.
fn union(types: Vec<Type>) -> Type {
    fn flatten(types: Vec<Type>, flat: &mut Vec<Type>, nullable: &mut bool) {
        for ty in types {
            match ty.kind {
                Kind::Null => *nullable = true,
                Kind::Optional(inner) if ty.constraints.is_empty() => {
                    *nullable = true;
                    flatten(vec![*inner], flat, nullable);
                }
                Kind::Union(inner) if ty.constraints.is_empty() => flatten(inner, flat, nullable),
                _ => flat.push(ty),
            }
        }
    }
    let (mut flat, mut nullable) = (Vec::new(), false);
    flatten(types, &mut flat, &mut nullable);
    let inner = match (flat.pop(), flat.is_empty()) {
        (None, _) => return Type::new(Kind::Null),
        (Some(only), true) => only,
        (Some(last), false) => {
            flat.push(last);
            Type::new(Kind::Union(flat))
        }
    };
    if nullable { Type::optional(inner) } else { inner }
}

pub(super) fn quoted(text: &str) -> String {
    super::display::Quoted(text).to_string()
}
