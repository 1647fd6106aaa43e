//! The words adapters use. Layout is code; wording is data.

use serde::{Deserialize, Serialize};

/// The sentences an adapter puts around fields and values. Override any of them; `{fields}`, `{end}` and `{problems}` are
/// filled in where the default has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wording {
    /// Before the list of inputs.
    pub inputs: String,
    /// Before the list of outputs.
    pub outputs: String,
    /// Before definitions of types that refer to themselves.
    pub definitions: String,
    /// Before the layout of a chat exchange.
    pub chat_layout: String,
    /// Before the layout of a JSON answer.
    pub json_layout: String,
    /// Before the layout of an XML answer.
    pub xml_layout: String,
    /// Before the instructions.
    pub task: String,
    /// Ends a turn of the chat layout. `{fields}`: the headers in order; `{end}`: the closing header.
    pub chat_reminder: String,
    /// Ends a turn of the JSON layout. `{fields}`: the keys in order.
    pub json_reminder: String,
    /// The same where there is one key.
    pub json_reminder_one: String,
    /// Ends a turn of the XML layout. `{fields}`: the tags in order.
    pub xml_reminder: String,
    /// The same where there is one tag.
    pub xml_reminder_one: String,
    /// Before a demonstration that lacks some fields.
    pub incomplete_demo: String,
    /// In place of an output that a demonstration lacks.
    pub not_supplied: String,
    /// Asks again. `{problems}`: one line per field that failed.
    pub ask_again: String,
}

impl Default for Wording {
    fn default() -> Self {
        let own = str::to_owned;
        Self {
            inputs: own("You are given these fields:"),
            outputs: own("You answer with these fields:"),
            definitions: own("Where:"),
            chat_layout: own(
                "Every field stands under its own header, and your answer ends with a closing header:",
            ),
            json_layout: own(
                "Inputs stand under headers. Your answer is one JSON object with exactly these keys:",
            ),
            xml_layout: own("Every field stands in a tag of its own name:"),
            task: own("Your task:"),
            chat_reminder: own("Answer with {fields}, and end with {end}."),
            json_reminder: own(
                "Answer with one JSON object with the keys {fields}, in this order, and nothing else.",
            ),
            json_reminder_one: own("Answer with one JSON object with the key {fields}, and nothing else."),
            xml_reminder: own("Answer with the tags {fields}, in this order."),
            xml_reminder_one: own("Answer with the tag {fields}."),
            incomplete_demo: own("(An example with some fields left out.)"),
            not_supplied: own("(left out in this example)"),
            ask_again: own(
                "Part of this answer can't be used:\n{problems}\nGive these fields once more, corrected.",
            ),
        }
    }
}
