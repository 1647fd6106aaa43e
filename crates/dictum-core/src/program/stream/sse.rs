//! Events for a browser, as server-sent events.

use std::convert::Infallible;

use futures_util::{Stream, StreamExt};
use serde_json::{Map, Value, json};

use super::{Event, EventKind, Streamed};
use crate::error::{Error, Result};
use crate::parse::stream::FieldEvent;
use crate::program::Purpose;
use crate::record::Fields;

/// Turns a streamed call into the body of a response with the content type `text/event-stream`, a frame at a time. The items are
/// never errors; they are results because web frameworks take such bodies.
///
/// Every frame has an `event` line with the name of what happened and one `data` line with a JSON object. Names and keys are part of
/// the interface: they only grow.
///
/// | `event` | keys of `data` |
/// |---|---|
/// | `asked` | `path`, `call`, `purpose` (`ask`, `reask`, `fallback`), `adapter` |
/// | `started` | `path`, `call`, `field` |
/// | `text` | `path`, `call`, `field`, `text` |
/// | `partial` | `path`, `call`, `field`, `value` |
/// | `done` | `path`, `call`, `field`, `value` |
/// | `replaced` | `path`, `call`, `field` |
/// | `failed` | `path`, `call`, `field`, `message` |
/// | `reasoning` | `path`, `call`, `text` |
/// | `tool_call` | `path`, `call`, `id`, `name`, `arguments` |
/// | `usage` | `path`, `call`, `usage`, `source`, `finish` |
/// | `module_started` | `path`, `module` |
/// | `module_ended` | `path`, `module`, and `failed` where it failed: the kind of error in a word |
/// | `status` | `path`, `message` |
/// | `finished` | `output`: an object with the fields of the output |
/// | `failure` | `cause`: a short name, the same for all errors of a kind; `message`; for a stopped call also `fields` |
///
/// The last frame is `finished` or `failure` (browsers name a lost connection `error`). A failure's message can quote what the model wrote.
pub fn sse<O: Fields>(
    items: impl Stream<Item = Result<Streamed<O>>>,
) -> impl Stream<Item = Result<Vec<u8>, Infallible>> {
    items.map(|item| Ok(sse_frame(item).into_bytes()))
}

/// One frame, its blank line at the end included.
#[must_use]
pub fn sse_frame<O: Fields>(item: Result<Streamed<O>>) -> String {
    let finished = |output: O| Ok(("finished", json!({ "output": output.into_record()? })));
    let made = match item {
        Ok(Streamed::Event(event)) => Ok(named(event)),
        Ok(Streamed::Finished(output)) => finished(output),
        Err(error) => Err(error),
    };
    let (name, data) = made.unwrap_or_else(|error: Error| ("failure", failure(&error)));
    // JSON has no raw line breaks, so the data is one line whatever is in it.
    format!("event: {name}\ndata: {data}\n\n")
}

fn failure(error: &Error) -> Value {
    let mut data = json!({ "cause": error.cause(), "message": error.to_string() });
    if let (Error::Stopped(stopped), Some(data)) = (error, data.as_object_mut()) {
        data.insert("fields".into(), json!(stopped.fields));
    }
    data
}

fn named(event: Event) -> (&'static str, Value) {
    let Event { path, call, kind } = event;
    let mut data = Map::new();
    data.insert("path".into(), json!(&*path));
    let of_no_call = matches!(
        kind,
        EventKind::Status { .. } | EventKind::ModuleStarted { .. } | EventKind::ModuleEnded { .. }
    );
    if !of_no_call {
        data.insert("call".into(), json!(call));
    }
    let (name, rest) = match kind {
        EventKind::Asked { purpose, adapter } => {
            let purpose = match purpose {
                Purpose::Ask => "ask",
                Purpose::Reask => "reask",
                Purpose::Fallback => "fallback",
            };
            ("asked", json!({ "purpose": purpose, "adapter": adapter }))
        }
        EventKind::Field(event) => field(event),
        EventKind::Reasoning { text } => ("reasoning", json!({ "text": text })),
        EventKind::ToolCall { id, name, arguments } => (
            "tool_call",
            json!({ "id": id, "name": name, "arguments": arguments }),
        ),
        EventKind::Usage {
            usage,
            source,
            finish,
        } => (
            "usage",
            json!({ "usage": usage, "source": source, "finish": finish }),
        ),
        EventKind::ModuleStarted { module } => ("module_started", json!({ "module": module })),
        EventKind::ModuleEnded { module, failed: None } => ("module_ended", json!({ "module": module })),
        EventKind::ModuleEnded {
            module,
            failed: Some(cause),
        } => ("module_ended", json!({ "module": module, "failed": cause })),
        EventKind::Status { message } => ("status", json!({ "message": message })),
    };
    if let Value::Object(rest) = rest {
        data.extend(rest);
    }
    (name, Value::Object(data))
}

fn field(event: FieldEvent) -> (&'static str, Value) {
    let field = event.field().to_string();
    match event {
        FieldEvent::Started { .. } => ("started", json!({ "field": field })),
        FieldEvent::Text { text, .. } => ("text", json!({ "field": field, "text": text })),
        FieldEvent::Partial { value, .. } => ("partial", json!({ "field": field, "value": value })),
        FieldEvent::Done { value, .. } => ("done", json!({ "field": field, "value": value })),
        FieldEvent::Replaced { .. } => ("replaced", json!({ "field": field })),
        FieldEvent::Failed { reason, .. } => {
            let failure = crate::parse::FieldFailure {
                field: field.clone(),
                reason,
            };
            (
                "failed",
                json!({ "field": field, "message": failure.to_string() }),
            )
        }
    }
}
