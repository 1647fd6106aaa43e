//! One example as a line of chat: what the student is sent, and what it should have said.

use dictum_core::Record;
use dictum_core::error::Result;
use dictum_core::lm::{Media, MediaData, Message, Part, Role};
use dictum_core::program::{Context, Predictor, PredictorState};
use dictum_core::signature::FieldSpec;
use serde::Serialize;
use serde_json::{Value, json};

/// A line of the file. Two calls that are sent the same and answered the same give equal lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// What is sent, as JSON.
    pub(super) asked: String,
    /// All of it, as JSON, without the newline.
    pub(super) text: String,
}

#[derive(Serialize)]
struct Chat<'a> {
    messages: &'a [Turn],
}

#[derive(Serialize)]
struct Turn {
    role: &'static str,
    content: Value,
    /// Earlier answers are shown, not learned.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u8>,
}

/// Writes a call of a predictor with this outcome. `None` when it holds what the form has no words for: sounds, documents.
///
/// # Errors
/// When the inputs don't fit the predictor.
pub(super) fn line(
    predictor: &Predictor,
    ctx: &Context,
    state: &PredictorState,
    (inputs, outputs): (&Record, &Record),
) -> Result<Option<Line>> {
    let request = predictor.render(ctx, inputs)?;
    let turns: Option<Vec<Turn>> = request.messages().map(turn).collect();
    let Some(mut turns) = turns else { return Ok(None) };
    let asked = json(&turns);
    turns.push(Turn {
        role: Role::Assistant.as_str(),
        content: answer(predictor, ctx, state, outputs).into(),
        weight: None,
    });
    let text = json(&Chat { messages: &turns });
    Ok(Some(Line { asked, text }))
}

/// The answer as the adapter would have it, with what the state asks for.
fn answer(predictor: &Predictor, ctx: &Context, state: &PredictorState, outputs: &Record) -> String {
    let named = state.adapter.as_deref();
    let named = named.and_then(|name| ctx.adapters().find(|(known, _)| *known == name));
    let adapter = named.map_or(ctx.adapter(), |(_, adapter)| adapter);
    let asked = state.asked(predictor.spec());
    let values: Vec<(&FieldSpec, Option<&Value>)> = asked
        .as_ref()
        .unwrap_or(predictor.spec())
        .outputs()
        .iter()
        .map(|field| (field, outputs.get(&field.name)))
        .collect();
    adapter.write_answer(&values, &adapter.wording().not_supplied)
}

fn json(value: &(impl Serialize + ?Sized)) -> String {
    // Our own types with text keys: writing them as JSON can't fail.
    serde_json::to_string(value).unwrap_or_default()
}

fn turn(message: &Message) -> Option<Turn> {
    let is_text = |part: &Part| matches!(part, Part::Text { .. });
    let content = if message.parts.iter().all(is_text) {
        message.to_text().into()
    } else {
        Value::Array(message.parts.iter().map(part).collect::<Option<_>>()?)
    };
    Some(Turn {
        role: message.role.as_str(),
        content,
        weight: (message.role == Role::Assistant).then_some(0),
    })
}

fn part(part: &Part) -> Option<Value> {
    match part {
        Part::Text { text } => Some(json!({ "type": "text", "text": text })),
        Part::Image { media } => Some(json!({ "type": "image_url", "image_url": { "url": url(media)? } })),
        _ => None,
    }
}

fn url(media: &Media) -> Option<String> {
    match &media.data {
        MediaData::Url(url) => Some(url.clone()),
        MediaData::Base64(data) => {
            let kind = if media.media_type.is_empty() {
                "image/png"
            } else {
                &media.media_type
            };
            Some(format!("data:{kind};base64,{data}"))
        }
        MediaData::Id(_) => None,
    }
}
