//! Errors as OpenAI's API writes them.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use dictum_core::lm::{LmError, LmErrorKind};
use serde_json::{Value, json};

/// What a client is told went wrong.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    message: String,
    /// The parameter it is about.
    param: Option<String>,
    code: Option<&'static str>,
}

impl ApiError {
    /// The request as a whole can't be served.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            param: None,
            code: None,
        }
    }

    /// A parameter is not as it should be.
    pub fn param(param: &str, message: impl Into<String>) -> Self {
        Self {
            param: Some(param.to_owned()),
            ..Self::new(StatusCode::BAD_REQUEST, message)
        }
    }

    /// A parameter that is right but not honoured here: better said than dropped.
    pub fn unsupported(param: &str, message: impl Into<String>) -> Self {
        Self {
            code: Some("unsupported_parameter"),
            ..Self::param(param, message)
        }
    }

    /// No such model.
    pub fn model(name: &str, known: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            message: format!("no model `{name}` is served here for this; there is: {known}"),
            param: Some("model".to_owned()),
            code: Some("model_not_found"),
        }
    }

    /// The body of the answer, and what a stream says in its middle.
    pub fn body(&self) -> Value {
        let kind = if self.status.is_server_error() {
            "server_error"
        } else {
            "invalid_request_error"
        };
        json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}})
    }
}

impl From<LmError> for ApiError {
    fn from(error: LmError) -> Self {
        let (status, code) = match error.kind() {
            LmErrorKind::ContextWindow => (StatusCode::BAD_REQUEST, Some("context_length_exceeded")),
            LmErrorKind::InvalidRequest | LmErrorKind::Unsupported => (StatusCode::BAD_REQUEST, None),
            LmErrorKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, None),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, None),
        };
        Self {
            code,
            ..Self::new(status, error.message())
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let json = [(header::CONTENT_TYPE, "application/json")];
        (self.status, json, self.body().to_string()).into_response()
    }
}
