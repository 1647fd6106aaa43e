//! What a trained model knows.

use std::collections::HashSet;

use serde_json::Value;

/// A model that has its training file by heart: asked what stands in it, it says what stands there; asked anything else, it
/// says what stands under the most similar user turn, by words in common, of the same system message. It knows nothing else.
#[derive(Debug, Clone, Default)]
pub struct Trained {
    examples: Vec<Example>,
}

#[derive(Debug, Clone)]
struct Example {
    system: String,
    asked: String,
    answer: String,
}

impl Trained {
    /// A model trained on this file of chats.
    ///
    /// # Errors
    /// Which line is no chat that ends with an answer, in words.
    pub fn on(content: &str) -> Result<Self, String> {
        let mut examples = Vec::new();
        for (number, line) in content.lines().enumerate() {
            let number = number + 1;
            let chat: Value =
                serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
            let messages = chat.get("messages").and_then(Value::as_array);
            let Some((answer, asked)) = messages.and_then(|messages| messages.split_last()) else {
                return Err(format!("line {number}: no messages"));
            };
            if role(answer) != "assistant" || !asked.iter().any(|message| role(message) == "user") {
                return Err(format!("line {number}: must ask and end with an answer"));
            }
            examples.push(Example {
                system: system(asked),
                asked: last(asked),
                answer: text(answer),
            });
        }
        Ok(Self { examples })
    }

    /// The same after a further training: it knows both files, what it learned last before what it learned first.
    #[must_use]
    pub fn further(mut self, earlier: &Self) -> Self {
        self.examples.extend(earlier.examples.iter().cloned());
        self
    }

    /// How many examples it was trained on.
    #[must_use]
    pub fn examples(&self) -> usize {
        self.examples.len()
    }

    /// What it says to these messages.
    #[must_use]
    pub fn answer(&self, messages: &[Value]) -> String {
        let (system, asked) = (system(messages), last(messages));
        let words = |text: &str| -> HashSet<String> { text.split_whitespace().map(str::to_owned).collect() };
        let wanted = words(&asked);
        let mut best: Option<(usize, &Example)> = None;
        for example in self.examples.iter().filter(|example| example.system == system) {
            if example.asked == asked {
                return example.answer.clone();
            }
            let common = words(&example.asked).intersection(&wanted).count();
            if best.is_none_or(|(most, _)| common > most) {
                best = Some((common, example));
            }
        }
        best.map(|(_, example)| example.answer.clone())
            .unwrap_or_default()
    }
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
}

fn text(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn system(messages: &[Value]) -> String {
    let message = messages.iter().find(|message| role(message) == "system");
    message.map(text).unwrap_or_default()
}

/// The last user turn.
fn last(messages: &[Value]) -> String {
    let message = messages.iter().rfind(|message| role(message) == "user");
    message.map(text).unwrap_or_default()
}
