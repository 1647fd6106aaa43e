//! Reading what the service answers.

use dictum_core::finetune::{Job, JobEvent, StoredFile};
use dictum_core::lm::{LmError, LmErrorKind};
use serde_json::Value;

use crate::openai::in_payload;

fn text(value: &Value, name: &str) -> Option<String> {
    Some(value.get(name)?.as_str()?.to_owned()).filter(|text| !text.is_empty())
}

/// What it says instead of what was asked for.
fn otherwise(value: &Value, what: &str) -> LmError {
    in_payload(value).unwrap_or_else(|| {
        let message = format!("the answer is no {what}: it has no `id`");
        LmError::new(LmErrorKind::Decode, message)
    })
}

pub(super) fn file(value: &Value) -> Result<StoredFile, LmError> {
    let Some(id) = text(value, "id") else {
        return Err(otherwise(value, "file"));
    };
    Ok(StoredFile {
        id,
        name: text(value, "filename").unwrap_or_default(),
        bytes: value.get("bytes").and_then(Value::as_u64),
    })
}

pub(super) fn job(value: &Value) -> Result<Job, LmError> {
    // A job that failed has an `error` of its own, and an `id`.
    let (Some(id), Some(status)) = (text(value, "id"), text(value, "status")) else {
        return Err(otherwise(value, "fine-tuning job"));
    };
    Ok(Job {
        id,
        status: status.as_str().into(),
        training_file: text(value, "training_file"),
        tuned_model: text(value, "fine_tuned_model"),
        error: value.get("error").and_then(why),
        trained_tokens: value.get("trained_tokens").and_then(Value::as_u64),
    })
}

/// `{"code": ..., "message": ..., "param": ...}`, each of which may be `null`.
fn why(error: &Value) -> Option<String> {
    let message = text(error, "message").or_else(|| Some(error.as_str()?.to_owned()));
    match (message, text(error, "code")) {
        (Some(message), Some(code)) => Some(format!("{message} ({code})")),
        (message, code) => message.or(code),
    }
}

pub(super) fn event(value: &Value) -> JobEvent {
    JobEvent {
        at: value
            .get("created_at")
            .and_then(Value::as_u64)
            .unwrap_or_default(),
        level: text(value, "level").unwrap_or_default(),
        message: text(value, "message").unwrap_or_default(),
    }
}

pub(super) fn list(page: &Value) -> Result<&Vec<Value>, LmError> {
    page.get("data").and_then(Value::as_array).ok_or_else(|| {
        in_payload(page).unwrap_or_else(|| {
            LmError::new(
                LmErrorKind::Decode,
                "the answer is no list: it has no `data`".to_owned(),
            )
        })
    })
}
