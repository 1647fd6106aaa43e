//! The thinking that some models write in front of their answer.

pub(super) const TAGS: &[(&str, &str)] = &[
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reflection>", "</reflection>"),
    ("\u{25c1}think\u{25b7}", "\u{25c1}/think\u{25b7}"),
];

/// The text after the thinking in front of it, and whether there was some. A block that never closes is all thinking.
///
/// `keeps` says which tags are fields, and `answers` whether a text holds the whole answer, for thinking whose opening
/// tag was part of the prompt. `inside` says whether a closing tag at this byte is a part of a value.
pub(crate) fn strip(
    text: &str,
    keeps: impl Fn(&str) -> bool,
    answers: impl Fn(&str) -> bool,
    inside: impl Fn(usize) -> bool,
) -> (&str, bool) {
    // Most answers hold no tag, and looking for each would cost more than all the rest.
    if !text.contains('<') && !text.contains('\u{25c1}') {
        return (text, false);
    }
    let mut rest = text;
    let mut found = false;
    loop {
        let start = rest.trim_start();
        let Some((open, close)) = TAGS
            .iter()
            .find(|(open, _)| has_prefix(start, open) && !keeps(name(open)))
        else {
            break;
        };
        let Some(thoughts) = start.get(open.len()..) else {
            break;
        };
        match find(thoughts, close) {
            Some(end) => {
                rest = thoughts.get(end + close.len()..).unwrap_or_default();
                found = true;
            }
            None if answers(thoughts) => return (thoughts, true),
            None => return ("", true),
        }
    }
    if !found {
        for (open, close) in TAGS {
            // The last one: what stands after it is the answer.
            let Some(end) = text.rfind(close) else { continue };
            let after = text.get(end + close.len()..).unwrap_or_default();
            let opened = text.get(..end).is_some_and(|before| before.contains(open));
            if !opened && !keeps(name(close)) && answers(after) && !inside(end) {
                return (after, true);
            }
        }
    }
    (rest, found)
}

/// What follows the last closing tag, if there is one.
pub(crate) fn after_last(text: &str) -> Option<&str> {
    TAGS.iter()
        .filter_map(|(_, close)| text.rfind(close).map(|at| at + close.len()))
        .max()
        .and_then(|at| text.get(at..))
}

pub(super) fn name(tag: &str) -> &str {
    tag.trim_matches(['<', '>', '/'])
}

pub(super) fn has_prefix(text: &str, tag: &str) -> bool {
    text.get(..tag.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(tag))
}

pub(super) fn find(text: &str, tag: &str) -> Option<usize> {
    let first = tag.chars().next()?;
    text.match_indices(first)
        .map(|(at, _)| at)
        .find(|at| text.get(*at..).is_some_and(|rest| has_prefix(rest, tag)))
}
