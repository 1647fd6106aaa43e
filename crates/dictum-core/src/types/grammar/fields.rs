//! Reads signatures: `inputs -> outputs`.

use super::lexer::TokenKind;
use super::names;
use super::types::{Parsed, Parser};
use crate::signature::{FieldKind, FieldSpec, check_name};
use crate::types::Type;

impl Parser<'_> {
    /// The fields of a whole signature, inputs first.
    pub(super) fn signature(&mut self) -> Parsed<Vec<FieldSpec>> {
        let mut fields = Vec::new();
        self.side(FieldKind::Input, &mut fields)?;
        match self.peek() {
            TokenKind::Arrow => self.advance(),
            _ => {
                return self.error(
                    self.column(),
                    "a signature needs `->` between inputs and outputs: write `question -> answer`",
                );
            }
        }
        let inputs = fields.len();
        self.side(FieldKind::Output, &mut fields)?;
        if *self.peek() == TokenKind::Arrow {
            return self.error(
                self.column(),
                "a signature has one `->`; write outputs side by side, separated by commas",
            );
        }
        if fields.len() == inputs {
            return self.error(
                self.column(),
                "expected an output field after `->`: write `question -> answer`",
            );
        }
        Ok(fields)
    }

    fn side(&mut self, kind: FieldKind, fields: &mut Vec<FieldSpec>) -> Parsed<()> {
        loop {
            let column = self.column();
            let name = match self.peek() {
                TokenKind::Arrow | TokenKind::End => return Ok(()),
                TokenKind::Word(name) => name.clone(),
                other => return self.not_a_name(&other.clone()),
            };
            self.advance();
            self.check_field_name(&name, column, fields)?;
            let ty = if self.take(':') { self.ty()? } else { Type::str() };
            let schema = self.finish(ty);
            fields.push(FieldSpec::of(kind, name.clone(), schema));
            match self.peek() {
                TokenKind::Sign(',') => self.advance(),
                TokenKind::Arrow | TokenKind::End => return Ok(()),
                other => return self.not_a_separator(&name, &other.clone()),
            }
        }
    }

    fn check_field_name(&self, name: &str, column: usize, fields: &[FieldSpec]) -> Parsed<()> {
        if names::is_python_word(name) {
            return self.error(
                column,
                format!(
                    "`{name}` is a word of Python and can't name a field; write `{}_`",
                    name.to_lowercase()
                ),
            );
        }
        if let Err(error) = check_name(name) {
            return self.error(column, error.to_string());
        }
        if fields.iter().any(|field| field.name == name) {
            return self.error(
                column,
                format!("there is a field `{name}` already; inputs and outputs share one set of names"),
            );
        }
        Ok(())
    }

    fn not_a_name<T>(&self, found: &TokenKind) -> Parsed<T> {
        let problem = match found {
            TokenKind::Sign('*' | '/') => {
                "expected a field name; stars and slashes have no meaning here".to_owned()
            }
            TokenKind::Sign(',') => "there is a comma too many: expected a field name".to_owned(),
            TokenKind::Text(text) => format!("expected a field name without quotes, found the text {text:?}"),
            other => format!("expected a field name, found {}", other.describe()),
        };
        self.error(self.column(), problem)
    }

    fn not_a_separator<T>(&self, name: &str, found: &TokenKind) -> Parsed<T> {
        let problem = match found {
            TokenKind::Sign('=') => format!(
                "defaults can't stand in the string form: leave `=` out and set the default of `{name}` with `with_field` or the builder"
            ),
            TokenKind::Sign(']') => "this `]` has no `[`".to_owned(),
            TokenKind::Sign('?') => format!("for a value that may be missing write `{name}: Optional[str]`"),
            TokenKind::Sign('-' | '>') => "write the arrow as `->`, without a space in it".to_owned(),
            TokenKind::Word(_) => format!(
                "expected `,`, `:` or `->` after `{name}`, found {}: fields are separated by commas",
                found.describe()
            ),
            other => format!(
                "expected `,`, `:` or `->` after `{name}`, found {}",
                other.describe()
            ),
        };
        self.error(self.column(), problem)
    }
}
