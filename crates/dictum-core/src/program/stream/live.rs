//! One call of a predictor, told as it happens.

use std::sync::Arc;

use futures_util::StreamExt;

use super::guard::{PartialField, Seen};
use super::{Event, EventKind, Stopped, Streaming};
use crate::adapter::Adapter;
use crate::error::Result;
use crate::lm::{FinishReason, Lm, LmError, LmErrorKind, Request, Response, StreamEvent};
use crate::parse::Answer;
use crate::parse::stream::{FieldEvent, FieldReader};
use crate::program::{Context, Purpose};
use crate::record::Record;
use crate::signature::SignatureSpec;

/// A call under way: what was told of it so far, over all its calls of the model.
pub(in crate::program) struct Live<'a> {
    streaming: &'a Streaming,
    path: Arc<str>,
    call: u64,
    reader: Option<FieldReader>,
    started: Vec<Arc<str>>,
    done: Record,
}

/// How a call of the model ended.
pub(in crate::program) struct Ended {
    pub(in crate::program) response: Response,
    /// A guard ended it; the response is what had come.
    pub(in crate::program) stopped: Option<Box<Stopped>>,
}

impl<'a> Live<'a> {
    pub(in crate::program) fn new(streaming: &'a Streaming, path: Arc<str>) -> Self {
        Self {
            streaming,
            path,
            call: streaming.next_call(),
            reader: None,
            started: Vec::new(),
            done: Record::new(),
        }
    }

    async fn tell(&self, kind: EventKind) -> Result<(), LmError> {
        let event = Event {
            path: self.path.clone(),
            call: self.call,
            kind,
        };
        self.streaming.send(event).await
    }

    /// Calls the model and tells what comes.
    pub(in crate::program) async fn complete(
        &mut self,
        ctx: &Context,
        lm: &Lm,
        adapter: &Arc<dyn Adapter>,
        spec: &SignatureSpec,
        request: &Request,
        purpose: Purpose,
    ) -> Result<Ended, LmError> {
        let asked = EventKind::Asked {
            purpose,
            adapter: adapter.name(),
        };
        self.tell(asked).await?;
        for field in spec.outputs() {
            self.done.remove(&field.name);
            if let Some(field) = self.started.iter().find(|known| ***known == *field.name).cloned() {
                self.tell(EventKind::Field(FieldEvent::Replaced { field }))
                    .await?;
            }
        }
        let mut reader = FieldReader::new(adapter.layout(), spec.outputs());
        let call = ctx.call();
        let mut events = lm.stream(request, &call).await?;
        while let Some(event) = events.next().await {
            match event? {
                StreamEvent::Text(text) => {
                    reader.push(&text);
                    if let Some(text) = reader.take_thinking() {
                        self.tell(EventKind::Reasoning { text }).await?;
                    }
                    while let Some(event) = reader.next_event() {
                        if let Some(stopped) = self.field(&reader, event).await? {
                            // This closes the connection.
                            drop(events);
                            return Ok(stopped_here(stopped));
                        }
                    }
                }
                StreamEvent::Reasoning(text) => self.tell(EventKind::Reasoning { text }).await?,
                StreamEvent::ToolCall { id, name, arguments } => {
                    self.tell(EventKind::ToolCall { id, name, arguments }).await?;
                }
                StreamEvent::Finished(response) => {
                    self.tell(EventKind::Usage {
                        usage: response.usage,
                        source: response.source,
                        finish: response.finish.clone(),
                    })
                    .await?;
                    self.reader = Some(reader);
                    return Ok(Ended {
                        response: *response,
                        stopped: None,
                    });
                }
            }
        }
        Err(LmError::new(
            LmErrorKind::Decode,
            "the model's stream ended without saying that it is the end",
        )
        .with_model(lm.name()))
    }

    /// Tells what is left to tell of an answer, now that the parser has read it.
    pub(in crate::program) async fn settle(&mut self, answer: &Answer) -> Result<()> {
        let Some(reader) = self.reader.take() else {
            return Ok(());
        };
        let text = reader.text().to_owned();
        for event in reader.finish(answer) {
            if let Some(stopped) = self.told(event, None, &text).await? {
                return Err(crate::Error::Stopped(stopped));
            }
        }
        Ok(())
    }

    async fn field(
        &mut self,
        reader: &FieldReader,
        event: FieldEvent,
    ) -> Result<Option<Box<Stopped>>, LmError> {
        let so_far = reader.text_of(event.field());
        self.told(event, so_far, reader.text()).await
    }

    /// Tells one event of a field, and asks the guards what they think of it.
    async fn told(
        &mut self,
        event: FieldEvent,
        so_far: Option<&str>,
        text: &str,
    ) -> Result<Option<Box<Stopped>>, LmError> {
        let field = event.field().clone();
        match &event {
            FieldEvent::Started { .. } if self.started.contains(&field) => return Ok(None),
            FieldEvent::Started { .. } => self.started.push(field.clone()),
            FieldEvent::Done { value, .. } => {
                self.done.insert(&*field, value.clone());
            }
            FieldEvent::Replaced { .. } | FieldEvent::Failed { .. } => {
                self.done.remove(&field);
            }
            _ => {}
        }
        let stopped = self.guarded(&event, so_far, text);
        self.tell(EventKind::Field(event)).await?;
        Ok(stopped)
    }

    fn guarded(&self, event: &FieldEvent, so_far: Option<&str>, text: &str) -> Option<Box<Stopped>> {
        let value = match event {
            FieldEvent::Text { .. } => Seen::Text(so_far?),
            FieldEvent::Partial { value, .. } => Seen::Partial(value),
            FieldEvent::Done { value, .. } => Seen::Whole(value),
            _ => return None,
        };
        let part = PartialField {
            path: &self.path,
            field: event.field(),
            value,
        };
        let mut guards = self.streaming.guards().iter();
        let (by, reason) = guards.find_map(|guard| guard.objects(&part))?;
        Some(Box::new(Stopped {
            by: by.to_owned(),
            reason,
            path: self.path.to_string(),
            field: event.field().to_string(),
            fields: self.done.clone(),
            text: text.to_owned(),
        }))
    }
}

/// What had come of an answer when a guard ended it. What it cost is not known: the model's count comes at its end.
fn stopped_here(stopped: Box<Stopped>) -> Ended {
    Ended {
        response: Response {
            finish: FinishReason::Other(format!("stopped by `{}`", stopped.by)),
            ..Response::text(stopped.text.clone())
        },
        stopped: Some(stopped),
    }
}
