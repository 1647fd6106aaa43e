//! The tree: what steps are part of, steps, calls, messages.

use dictum_core::lm::{FinishReason, Message, Part, Source};
use dictum_core::program::{Purpose, RecordedCall, RecordedStep};
use indexmap::IndexMap;

use super::text::{Paint, fold, tally, tame, time};

/// How much of messages and answers is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    Nothing,
    Folded,
    Whole,
}

/// Of a folded text: so many lines and characters.
const FOLD: (usize, usize) = (8, 600);

/// The steps as a tree, by what they are part of.
pub fn tree(steps: &[&RecordedStep], show: Show, paint: Paint) -> String {
    let mut scopes: IndexMap<Option<&str>, Vec<&RecordedStep>> = IndexMap::new();
    for step in steps {
        scopes.entry(step.scope.as_deref()).or_default().push(step);
    }
    let mut lines = Lines {
        out: String::new(),
        show,
        paint,
    };
    for (scope, steps) in scopes {
        let (indent, last) = match scope {
            Some(scope) => {
                lines.out.push('\n');
                lines.line("", &paint.bold(&tame(scope)));
                ("", steps.len())
            }
            None => ("", steps.len()),
        };
        for (number, step) in steps.iter().enumerate() {
            lines.step(indent, number + 1 == last, step);
        }
    }
    lines.out
}

struct Lines {
    out: String,
    show: Show,
    paint: Paint,
}

/// What one branch hangs on, and what stands before the lines under it.
fn branch(indent: &str, last: bool) -> (String, String) {
    if last {
        (format!("{indent}└─ "), format!("{indent}   "))
    } else {
        (format!("{indent}├─ "), format!("{indent}│  "))
    }
}

impl Lines {
    fn line(&mut self, indent: &str, text: &str) {
        self.out.push_str(indent);
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn step(&mut self, indent: &str, last: bool, step: &RecordedStep) {
        let (head, below) = branch(indent, last);
        let mut about = format!("{}{}", time(step.took_ms), tally(&step.usage()));
        about.push_str(&format!(", {} adapter", tame(&step.adapter)));
        if step.sample > 0 {
            about.push_str(&format!(", sample {}", step.sample));
        }
        let name = self.paint.bold(&tame(&step.path));
        let about = self.paint.dim(&about);
        self.line(&head, &format!("{name}  {about}"));
        let ends = step.repairs.len() + usize::from(step.error.is_some());
        let mut before: &[Message] = &[];
        for (number, call) in step.calls.iter().enumerate() {
            let last = ends == 0 && number + 1 == step.calls.len();
            self.call(&below, last, call, before);
            before = &call.messages;
        }
        for (number, repair) in step.repairs.iter().enumerate() {
            let (head, _) = branch(&below, number + 1 == ends);
            let text = tame(&format!("repaired: {repair}"));
            self.line(&head, &self.paint.dim(&text));
        }
        if let Some(error) = &step.error {
            let (head, below) = branch(&below, true);
            let mut error = tame(&format!("failed: {error}"));
            // The answer it quotes stands above.
            if self.show != Show::Whole {
                let (kept, left) = fold(&error, FOLD.0, FOLD.1);
                error = kept;
                if left > 0 {
                    error.push_str(&more(left));
                }
            }
            let mut rows = error.lines();
            let first = rows.next().unwrap_or_default().to_owned();
            self.line(&head, &self.paint.red(&first));
            for row in rows {
                self.line(&below, &self.paint.red(row));
            }
        }
    }

    /// A call. Messages that stood `before` it, in the call above, are shown once.
    fn call(&mut self, indent: &str, last: bool, call: &RecordedCall, before: &[Message]) {
        let (head, below) = branch(indent, last);
        let why = match call.purpose {
            Purpose::Ask => "",
            Purpose::Reask => "asks again: ",
            Purpose::Fallback => "with another adapter: ",
        };
        let about = self.paint.dim(&about(call));
        let model = self.paint.cyan(&tame(&call.model));
        self.line(&head, &format!("{why}{model}  {about}"));
        if self.show != Show::Nothing {
            let pairs = call.messages.iter().zip(before);
            let known = match self.show {
                Show::Whole => 0,
                _ => pairs.take_while(|(now, then)| now == then).count(),
            };
            if known > 0 {
                let note = format!("(the first {known} messages as above)");
                self.line(&below, &self.paint.dim(&note));
            }
            for message in call.messages.iter().skip(known) {
                self.said(&below, message.role.as_str(), &said(message));
            }
            if let Some(id) = &call.prefix {
                let note = format!("its first messages are missing from the file ({})", tame(id));
                self.line(&below, &self.paint.dim(&note));
            }
            if let Some(answer) = &call.answer {
                self.said(&below, "answer", &parts(&answer.parts));
            }
        }
        if let Some(error) = &call.error {
            let status = error
                .status
                .map_or(String::new(), |status| format!(" (HTTP {status})"));
            let text = tame(&format!("{}{status}: {}", error.kind, error.message));
            for row in text.lines() {
                self.line(&below, &self.paint.red(row));
            }
        }
    }

    fn said(&mut self, indent: &str, who: &str, text: &str) {
        let text = tame(text);
        let (shown, left) = match self.show {
            Show::Whole => (text, 0),
            _ => fold(&text, FOLD.0, FOLD.1),
        };
        self.line(indent, &self.paint.cyan(&format!("[{who}]")));
        for row in shown.lines() {
            self.line(indent, &format!("  {row}"));
        }
        if left > 0 {
            self.line(indent, &self.paint.dim(&format!("  {}", more(left).trim_start())));
        }
    }
}

fn more(left: usize) -> String {
    format!(" ... {left} more characters; --full shows all")
}

/// How long a call took, what it used, and how it ended.
fn about(call: &RecordedCall) -> String {
    let mut about = time(call.took_ms);
    if let Some(answer) = &call.answer {
        about.push_str(&tally(&answer.usage));
        about.push_str(match answer.source {
            Source::Model => "",
            Source::Cache => ", from the cache",
            Source::Replay => ", replayed",
            Source::Shared => ", shared with an identical call",
        });
        match &answer.finish {
            FinishReason::Stop => {}
            FinishReason::Length => about.push_str(", cut off at the token limit"),
            FinishReason::ToolCalls => about.push_str(", asks for tools"),
            FinishReason::ContentFilter => about.push_str(", stopped by a filter"),
            FinishReason::Other(reason) => about.push_str(&format!(", ended by {}", tame(reason))),
        }
    }
    let attempts = match (&call.answer, &call.error) {
        (Some(answer), _) => answer.attempts,
        (None, Some(error)) => error.attempts,
        (None, None) => 1,
    };
    if attempts > 1 {
        about.push_str(&format!(", {attempts} attempts"));
    }
    about
}

fn said(message: &Message) -> String {
    parts(&message.parts)
}

fn parts(parts: &[Part]) -> String {
    let parts: Vec<String> = parts.iter().map(Part::to_string).collect();
    parts.join("\n")
}
