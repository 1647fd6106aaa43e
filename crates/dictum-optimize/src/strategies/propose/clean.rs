//! What of an answer is the instruction.

/// Longer answers are not instructions but a model that did not stop.
const LONGEST: usize = 20_000;

/// Words that begin a label in front of an instruction, or a sentence that hands it over.
const LABELS: [&str; 8] = [
    "instruction",
    "new instruction",
    "prompt",
    "proposed",
    "improved",
    "here is",
    "here's",
    "answer",
];

/// How answers begin that are none.
const REFUSALS: [&str; 8] = [
    "i'm sorry",
    "i am sorry",
    "sorry,",
    "i cannot",
    "i can't",
    "i'm unable",
    "i am unable",
    "as an ai",
];

/// The text of an answer without fences, quotes and labels around it.
///
/// # Errors
/// Why it can't be used: it is empty, refused, or far too long.
pub(in super::super) fn cleaned(answer: &str) -> Result<String, &'static str> {
    let mut text = answer.trim();
    // Labels stand outside of quotes and fences, or inside of them.
    for _ in 0..3 {
        text = unquoted(unlabelled(unfenced(text)));
    }
    if text.chars().all(|c| !c.is_alphanumeric()) {
        return Err("empty");
    }
    let start = text.to_lowercase().replace('\u{2019}', "'");
    if REFUSALS.iter().any(|refusal| start.starts_with(refusal)) {
        return Err("refused");
    }
    if text.chars().count() > LONGEST {
        return Err("far too long");
    }
    Ok(text.to_owned())
}

/// The inside of a text that is one fenced block, whatever language it names.
fn unfenced(text: &str) -> &str {
    let inside = text
        .strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"))
        .filter(|inside| !inside.contains("```"));
    match inside.and_then(|inside| inside.split_once('\n')) {
        Some((language, inside)) if language.trim().chars().all(char::is_alphanumeric) => inside.trim(),
        _ => text,
    }
}

fn unquoted(text: &str) -> &str {
    for (open, close) in [('"', '"'), ('\'', '\''), ('\u{201c}', '\u{201d}'), ('`', '`')] {
        let inside = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        // `"a" or "b"` is not one quotation.
        if let Some(inside) = inside.filter(|inside| !inside.contains([open, close])) {
            return inside.trim();
        }
    }
    text
}

/// A text without a label in front, such as `**Proposed instruction:**`. Other words before a colon are left: they belong
/// to the instruction.
fn unlabelled(text: &str) -> &str {
    let Some((label, rest)) = text.split_once(':') else {
        return text;
    };
    let plain = label.trim_matches(|c: char| !c.is_alphanumeric());
    let plain = plain.to_lowercase().replace('_', " ");
    let is_label = plain.split_whitespace().count() <= 8
        && !label.contains('\n')
        && LABELS.iter().any(|known| plain.starts_with(known));
    let rest = rest.trim_start_matches(['*', '_', '#']).trim();
    if is_label && !rest.is_empty() { rest } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappings_are_taken_off_and_the_rest_is_left() {
        for (answer, text) in [
            ("  Sort the mail. \n", "Sort the mail."),
            ("```text\nSort the mail.\n```", "Sort the mail."),
            ("\"Sort the mail.\"", "Sort the mail."),
            (
                "**Proposed Instruction:** \u{201c}Sort the mail.\u{201d}",
                "Sort the mail.",
            ),
            (
                "Here is an improved instruction:\n```\nSort the mail.\n```",
                "Sort the mail.",
            ),
            ("Instruction #2: Sort the mail.", "Sort the mail."),
            ("Sort the mail: bills first.", "Sort the mail: bills first."),
            ("**New instructions:** \"Count first.\"", "Count first."),
            ("Instructions: Rules: count first.", "Rules: count first."),
            ("### new_instructions:\nCount.", "Count."),
            ("Say \"yes\" or \"no\"", "Say \"yes\" or \"no\""),
            ("```\na\n```\nthen\n```\nb\n```", "```\na\n```\nthen\n```\nb\n```"),
            ("\"Yes\" or \"no\"", "\"Yes\" or \"no\""),
            (
                "Say `a` or `b`.\n```\na: 1\n```",
                "Say `a` or `b`.\n```\na: 1\n```",
            ),
        ] {
            assert_eq!(cleaned(answer).as_deref(), Ok(text), "{answer}");
        }
    }

    #[test]
    fn answers_that_are_none_are_told_apart() {
        assert_eq!(cleaned(" ``` "), Err("empty"));
        assert_eq!(cleaned("\"\""), Err("empty"));
        assert_eq!(cleaned("I\u{2019}m sorry, but I can't help."), Err("refused"));
        assert_eq!(cleaned(&"very ".repeat(5_000)), Err("far too long"));
    }
}
