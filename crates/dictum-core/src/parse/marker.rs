//! The markers of the chat layout: `[[ ## name ## ]]`, and the forms models give them.

/// Longest name in a marker, in bytes.
const MAX_NAME: usize = 80;

/// A marker in a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marker<'a> {
    pub(crate) name: &'a str,
    /// Byte of the first bracket.
    pub(crate) start: usize,
    /// Byte after the last bracket.
    pub(crate) end: usize,
    /// Whether it is spelled as it should be.
    pub(crate) exact: bool,
}

/// Bytes where a marker could start: `[[`, blanks, `##`. Escaped ones are among them.
pub(crate) fn starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    for start in memchr::memchr_iter(b'[', bytes) {
        if bytes.get(start + 1) != Some(&b'[') {
            continue;
        }
        let (hashes, _) = skip_blanks(bytes, start + 2);
        if bytes.get(hashes) == Some(&b'#') && bytes.get(hashes + 1) == Some(&b'#') {
            found.push(start);
        }
    }
    found
}

/// White space from `at`: where it ends, looked for a bounded way.
fn skip_blanks(bytes: &[u8], at: usize) -> (usize, usize) {
    let count = bytes
        .iter()
        .skip(at)
        .take(16)
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count();
    (at + count, count)
}

/// The markers of a text that are not escaped, in order.
pub(crate) fn all(text: &str) -> Vec<Marker<'_>> {
    at(text, &starts(text))
}

fn at<'a>(text: &'a str, starts: &[usize]) -> Vec<Marker<'a>> {
    starts
        .iter()
        .filter(|start| !is_escaped(text, **start))
        .filter_map(|start| read(text, *start))
        .collect()
}

fn is_escaped(text: &str, start: usize) -> bool {
    start
        .checked_sub(1)
        .and_then(|before| text.as_bytes().get(before))
        == Some(&b'\\')
}

pub(super) fn read(text: &str, start: usize) -> Option<Marker<'_>> {
    let bytes = text.as_bytes();
    let (at, blanks) = skip_blanks(bytes, start + 2);
    let name_start = at + 2;
    let reach = bytes.get(name_start..)?.iter().take(MAX_NAME);
    let length = reach
        .take_while(|b| !matches!(b, b'#' | b']' | b'[' | b'\n'))
        .count();
    let name = text.get(name_start..name_start + length)?;
    let (mut end, _) = skip_blanks(bytes, name_start + length);
    let hashes = bytes.iter().skip(end).take(4).take_while(|b| **b == b'#').count();
    end += hashes;
    let (closing, after) = skip_blanks(bytes, end);
    let brackets = bytes
        .iter()
        .skip(closing)
        .take(2)
        .take_while(|b| **b == b']')
        .count();
    let trimmed = name.trim();
    if brackets == 0 || trimmed.is_empty() {
        return None;
    }
    let exact = blanks == 1
        && hashes == 2
        && after == 1
        && brackets == 2
        && name.len() == trimmed.len() + 2
        && name.starts_with(' ');
    Some(Marker {
        name: trimmed,
        start,
        end: closing + brackets,
        exact,
    })
}

/// The text without a marker that was cut off at its end (`[[ ## compl`), and its markers as [`all`] finds them.
pub(crate) fn whole(text: &str) -> (&str, Vec<Marker<'_>>) {
    let starts = starts(text);
    let markers = at(text, &starts);
    let Some(start) = starts.last().copied() else {
        return (text, markers);
    };
    if markers.last().is_some_and(|last| last.start == start) || is_escaped(text, start) {
        return (text, markers);
    }
    let (before, tail) = text.split_at_checked(start).unwrap_or((text, ""));
    let starts_line = before
        .rsplit('\n')
        .next()
        .is_some_and(|line| line.trim().is_empty());
    let cut = starts_line && !tail.contains('\n') && tail.len() <= MAX_NAME;
    (if cut { before } else { text }, markers)
}
