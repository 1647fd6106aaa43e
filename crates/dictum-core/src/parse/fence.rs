//! Code fences: the blocks models wrap values in.

/// A fenced block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    /// The words behind the opening fence.
    pub(crate) info: &'a str,
    pub(crate) content: &'a str,
    /// Byte where the opening fence starts.
    pub(crate) start: usize,
    /// Byte after the closing fence.
    pub(crate) end: usize,
    pub(crate) closed: bool,
}

impl Block<'_> {
    /// Whether nothing but white space is around the block.
    pub(crate) fn is_whole(&self, text: &str) -> bool {
        text.get(..self.start)
            .is_some_and(|before| before.trim().is_empty())
            && text.get(self.end..).is_some_and(|after| after.trim().is_empty())
    }

    /// Whether the block says that it is in this language.
    pub(crate) fn is_language(&self, language: &str) -> bool {
        let info = self.info.split_whitespace().next().unwrap_or_default();
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        same(info, language)
            || matches!(
                (
                    info.to_ascii_lowercase().as_str(),
                    language.to_ascii_lowercase().as_str()
                ),
                ("py" | "python3", "python")
                    | ("js", "javascript")
                    | ("ts", "typescript")
                    | ("rs", "rust")
                    | ("sh" | "shell", "bash")
                    | ("c++", "cpp")
                    | ("yml", "yaml")
            )
    }
}

/// A line without what may stand behind a fence: spaces, tabs and the rest of its line break. Other white space is
/// content, as the reader of growing answers has it.
fn without_end(line: &str) -> &str {
    line.trim_end_matches([' ', '\t', '\r'])
}

/// The fence that opens or closes on a line: its mark, its length and what stands behind it.
fn fence_line(line: &str) -> Option<(char, usize, &str)> {
    let line = without_end(line);
    let body = line.trim_start_matches([' ', '\t']);
    let mark = body.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = body.chars().take_while(|c| *c == mark).count();
    let info = body.get(length..)?.trim_start_matches([' ', '\t']);
    (length >= 3).then_some((mark, length, info))
}

/// The blocks of a text, in order. A fence inside a longer fence is content. An unclosed block ends with the text.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<(char, usize, &str, usize, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.strip_suffix('\n').unwrap_or(line);
        let next = at + line.len();
        match open {
            None => {
                if let Some((mark, length, info)) = fence_line(bare) {
                    match one_line(bare, mark, length) {
                        Some((from, to)) => blocks.push(Block {
                            info: "",
                            content: text.get(at + from..at + to).unwrap_or_default().trim(),
                            start: at,
                            end: next,
                            closed: true,
                        }),
                        None => open = Some((mark, length, info, at, next)),
                    }
                }
            }
            Some((mark, length, info, start, content_start)) => {
                let closes = fence_line(bare)
                    .is_some_and(|(m, l, behind)| m == mark && l >= length && behind.is_empty());
                // `}```: a fence that closes on the last line of the content.
                let body = without_end(bare);
                let glued = (!closes && body.ends_with("```") && mark == '`' && length == 3)
                    .then(|| at + body.len() - 3);
                if closes || glued.is_some_and(|_| !body.trim_start().starts_with("```")) {
                    let content_end = glued.unwrap_or(at);
                    blocks.push(block(text, info, start, content_start, content_end, next));
                    open = None;
                }
            }
        }
        at = next;
    }
    if let Some((_, _, info, start, content_start)) = open {
        let mut last = block(text, info, start, content_start, text.len(), text.len());
        last.closed = false;
        blocks.push(last);
    }
    blocks
}

fn block<'a>(text: &'a str, info: &'a str, start: usize, from: usize, to: usize, end: usize) -> Block<'a> {
    let content = text.get(from..to).unwrap_or_default();
    let content = content.strip_suffix('\n').unwrap_or(content);
    Block {
        info,
        content: content.strip_suffix('\r').unwrap_or(content),
        start,
        end,
        closed: true,
    }
}

/// A block on one line: three marks, content, three marks.
fn one_line(line: &str, mark: char, length: usize) -> Option<(usize, usize)> {
    let indent = line.len() - line.trim_start().len();
    let fence: String = std::iter::repeat_n(mark, length).collect();
    let from = indent + length;
    let to = line.trim_end().len().checked_sub(length)?;
    (to > from && line.trim_end().ends_with(&fence)).then_some((from, to))
}
