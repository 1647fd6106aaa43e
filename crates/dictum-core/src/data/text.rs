//! Bytes to text, and places in text.

use super::loader::fault;
use crate::error::Result;

/// The bytes as UTF-8 without a byte order mark.
pub(super) fn decode<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(fault(name, None, "it is UTF-16; save it as UTF-8"));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            // Valid by the error's own account, so nothing is replaced.
            let (line, column) = place(&String::from_utf8_lossy(valid), error.valid_up_to());
            let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            let problem = format!("byte 0x{byte:02X} is not UTF-8 here; save the file as UTF-8");
            Err(fault(name, Some((line, Some(column))), problem))
        }
    }
}

/// Line and column, in characters, both from 1, of a byte offset.
pub(super) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// A list of names for a message.
pub(super) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}
