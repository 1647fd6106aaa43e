//! How DSPy names things.

use crate::signature::{FieldSpec, SignatureSpec};

/// Name of the output that chains of thought put in front.
pub(super) const REASONING: &str = "reasoning";

/// The description DSPy gives a field without one.
pub(super) fn default_description(name: &str) -> String {
    format!("${{{name}}}")
}

/// The field a default description names.
pub(super) fn described_name(description: &str) -> Option<&str> {
    description.strip_prefix("${")?.strip_suffix('}')
}

/// The prefix DSPy gives a field: its words, capitalized, with a colon.
pub(super) fn prefix(name: &str) -> String {
    let mut words: Vec<String> = vec![String::new()];
    let chars: Vec<char> = name.chars().collect();
    for (index, c) in chars.iter().copied().enumerate() {
        let before = index.checked_sub(1).and_then(|before| chars.get(before)).copied();
        let after = chars.get(index + 1).copied();
        let starts = before.is_some_and(|before| {
            let camel = c.is_ascii_uppercase()
                && (before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_ascii_uppercase()
                        && after.is_some_and(|after| after.is_ascii_lowercase())));
            let digits = c.is_ascii_digit() != before.is_ascii_digit() && before != '_';
            camel || digits
        });
        if c == '_' || starts {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && c != '_'
        {
            word.push(c);
        }
    }
    let titles: Vec<String> = words.iter().map(|word| title(word)).collect();
    format!("{}:", titles.join(" "))
}

/// A word with a capital; one in capitals stays.
fn title(word: &str) -> String {
    if word.chars().all(|c| !c.is_alphabetic() || c.is_uppercase()) && word.chars().any(char::is_uppercase) {
        return word.to_owned();
    }
    let mut chars = word.chars();
    match chars.next() {
        Some(first) => first
            .to_uppercase()
            .chain(chars.flat_map(char::to_lowercase))
            .collect(),
        None => String::new(),
    }
}

/// The instructions DSPy gives a signature without any. Part of its file format, in that it stands for "none".
pub(super) fn default_instructions(inputs: &[&str], outputs: &[&str]) -> String {
    let list = |names: &[&str]| {
        let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        quoted.join(", ")
    };
    format!(
        "Given the fields {}, produce the fields {}.",
        list(inputs),
        list(outputs)
    )
}

/// The outputs that default instructions name.
pub(super) fn default_outputs(instructions: &str) -> Option<Vec<&str>> {
    let (_, outputs) = instructions
        .strip_prefix("Given the fields `")?
        .strip_suffix("`.")?
        .split_once("`, produce the fields `")?;
    Some(outputs.split("`, `").collect())
}

/// DSPy's instructions for a signature that has none of its own: those of all its fields, or, in a chain of thought, those
/// of the fields without the reasoning.
pub(super) fn defaults_of(spec: &SignatureSpec) -> [String; 2] {
    let names = |fields: &[FieldSpec], all: bool| -> Vec<String> {
        fields
            .iter()
            .map(|field| field.name.clone())
            .filter(|name| all || name != REASONING)
            .collect()
    };
    [true, false].map(|all| {
        let (inputs, outputs) = (names(spec.inputs(), true), names(spec.outputs(), all));
        let (inputs, outputs): (Vec<&str>, Vec<&str>) = (
            inputs.iter().map(String::as_str).collect(),
            outputs.iter().map(String::as_str).collect(),
        );
        default_instructions(&inputs, &outputs)
    })
}

/// Whether the signature's instructions are those made of its field names, and if so whether without the reasoning.
pub(super) fn made_of_names(spec: &SignatureSpec) -> Option<bool> {
    let Some(explicit) = spec.explicit_instructions() else {
        return Some(false);
    };
    (without_reasoning(spec)?.instructions() == explicit).then_some(true)
}

/// The signature that a chain of thought was made of, as far as its fields tell; without instructions.
pub(super) fn without_reasoning(spec: &SignatureSpec) -> Option<SignatureSpec> {
    let fields = spec.fields().iter().filter(|field| field.name != REASONING);
    SignatureSpec::new("", None, fields.cloned()).ok()
}

/// A path as Dictum writes it. DSPy puts keys of maps between quotes as they are; Dictum escapes quotes within.
pub(super) fn path_in(path: &str) -> String {
    if path == "self" {
        return path.to_owned();
    }
    map_keys(path, |key| key.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A path as DSPy writes it.
pub(super) fn path_out(path: &str) -> String {
    map_keys(path, |key| {
        let mut plain = String::new();
        let mut chars = key.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => plain.extend(chars.next()),
                c => plain.push(c),
            }
        }
        plain
    })
}

fn map_keys(path: &str, change: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once("['") {
        out.push_str(before);
        let (key, left) = after.split_once("']").unwrap_or((after, ""));
        out.push_str(&format!("['{}']", change(key)));
        rest = left;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_those_dspy_writes() {
        // Taken from what DSPy 3.4.1 gave for these names.
        for (name, wanted) in [
            ("question", "Question:"),
            ("cited_text", "Cited Text:"),
            ("camelCaseName", "Camel Case Name:"),
            ("text2number", "Text 2 Number:"),
            ("HTML", "HTML:"),
            ("someHTMLText", "Some HTML Text:"),
            ("a", "A:"),
            ("_private", " Private:"),
            ("a__b", "A  B:"),
            ("Été_chaud", "Été Chaud:"),
            ("hTTPServer2Go", "H TTP Server 2 Go:"),
        ] {
            assert_eq!(prefix(name), wanted);
        }
    }

    #[test]
    fn keys_with_quotes_survive_both_ways() {
        for (theirs, ours) in [
            ("by['it's'].predict", "by['it\\'s'].predict"),
            ("a['x']['y\\z']", "a['x']['y\\\\z']"),
            ("hops[0].predict", "hops[0].predict"),
        ] {
            assert_eq!(path_in(theirs), ours);
            assert_eq!(path_out(ours), theirs);
        }
    }
}
