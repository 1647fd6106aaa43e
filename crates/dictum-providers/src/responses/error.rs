//! Errors that come in place of an answer, or in the middle of one.

use dictum_core::lm::{LmError, LmErrorKind};
use serde_json::json;

use crate::json::Json;
use crate::openai::in_payload;
use crate::secret::redact_keys;

/// The error that `{"code": ..., "message": ...}` is, of a failed response or an `error` event.
pub(super) fn told<J: Json>(error: &J) -> LmError {
    let text = |name: &str| error.get(name).and_then(J::as_str).unwrap_or_default();
    let (code, message) = (text("code"), text("message"));
    let message = if message.is_empty() {
        "the response failed, and the server did not say why"
    } else {
        message
    };
    let Some(kind) = kind(code) else {
        let told = in_payload(&json!({ "error": error.to_value() }));
        return told.unwrap_or_else(|| LmError::new(LmErrorKind::Server, redact_keys(message)));
    };
    LmError::new(kind, redact_keys(message))
}

/// The kind of the codes that only this dialect has; its others are those of chat completions.
fn kind(code: &str) -> Option<LmErrorKind> {
    Some(match code {
        "rate_limit_exceeded" => LmErrorKind::RateLimit,
        "server_error" => LmErrorKind::Server,
        "vector_store_timeout" => LmErrorKind::Timeout,
        code if code.ends_with("_policy") || code.ends_with("policy_violation") => LmErrorKind::ContentFilter,
        "invalid_prompt" | "data_residency_mismatch" | "failed_to_download_image" => {
            LmErrorKind::InvalidRequest
        }
        // `invalid_image_url`, `image_too_large`, `empty_image_file` and so on.
        code if code.contains("image") => LmErrorKind::InvalidRequest,
        _ => return None,
    })
}
