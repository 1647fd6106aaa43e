//! Turns the place of a fault into the line it is in, with a caret.

use super::coerce::Fail;
use super::error::ParseError;

/// Longest excerpt, in characters.
const WIDTH: usize = 96;

/// The error for a fault at a byte of `text`, which starts `lines_before` lines into the whole answer.
pub(crate) fn parse_error(text: &str, lines_before: usize, fail: Fail) -> ParseError {
    let mut offset = fail.offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = text.get(..offset).unwrap_or_default();
    // A fault at a line's end belongs to what follows the white space there.
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = text.get(line_start..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let column = text.get(line_start..offset).unwrap_or_default().chars().count();
    let (excerpt, column) = window(line, column);
    ParseError {
        at: fail.at,
        problem: fail.problem,
        excerpt,
        column,
        line: lines_before + before.matches('\n').count() + 1,
    }
}

/// The part of a long line around a column.
fn window(line: &str, column: usize) -> (String, usize) {
    if line.chars().nth(WIDTH).is_none() {
        return (line.replace('\t', " "), column);
    }
    let from = column.saturating_sub(WIDTH / 2);
    let mut excerpt = String::new();
    let mut shift = 0;
    if from > 0 {
        excerpt.push_str("...");
        shift = 3;
    }
    excerpt.extend(
        line.chars()
            .skip(from)
            .take(WIDTH)
            .map(|c| if c == '\t' { ' ' } else { c }),
    );
    if line.chars().nth(from + WIDTH).is_some() {
        excerpt.push_str("...");
    }
    (excerpt, column - from + shift)
}
