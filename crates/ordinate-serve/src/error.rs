//! Errors as OpenAI's API words them: `{"error": {"message", "type", "param", "code"}}`.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Response, header};
use ordinate_remote::{Failure, FailureKind};
use serde_json::{Value, json};

use crate::body::Reply;

/// An error of one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) code: &'static str,
    pub(crate) param: Option<&'static str>,
    pub(crate) retry_after: Option<Duration>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), code, param: None, retry_after: None }
    }

    /// That a field of the request is wrong.
    pub(crate) fn field(param: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param), ..Self::new(StatusCode::BAD_REQUEST, "invalid_value", message) }
    }

    /// That the body is not the JSON that it has to be.
    pub(crate) fn invalid_json(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_json", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The kind of error by OpenAI's words.
    fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 if self.code == "insufficient_quota" => "insufficient_quota",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        }
    }

    /// Its body.
    pub(crate) fn body(&self) -> Value {
        json!({ "error": {
            "message": self.message, "type": self.kind(), "param": self.param, "code": self.code,
        } })
    }

    pub(crate) fn response(&self) -> Response<Reply> {
        let mut response = json_response(self.status, &self.body());
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// That nobody who could answer did.
impl From<&Failure> for ApiError {
    fn from(failure: &Failure) -> Self {
        let (status, code) = match failure.kind {
            FailureKind::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded"),
            FailureKind::Rejected => (StatusCode::BAD_REQUEST, "rejected_upstream"),
            FailureKind::Filtered => (StatusCode::BAD_REQUEST, "content_filter"),
            FailureKind::FirstTokenTimeout | FailureKind::IdleTimeout | FailureKind::TotalTimeout => {
                (StatusCode::GATEWAY_TIMEOUT, "upstream_timeout")
            }
            FailureKind::OpenFiles => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            _ if failure.retry_after.is_some() => (StatusCode::SERVICE_UNAVAILABLE, "upstream_unavailable"),
            _ => (StatusCode::BAD_GATEWAY, "upstream_error"),
        };
        let message = format!("no answer: {failure}");
        Self { retry_after: failure.retry_after, ..Self::new(status, code, message) }
    }
}

/// A response that is JSON.
pub(crate) fn json_response(status: StatusCode, value: &Value) -> Response<Reply> {
    typed(status, "application/json", value.to_string())
}

/// A whole response of this content type.
pub(crate) fn typed(status: StatusCode, kind: &'static str, body: String) -> Response<Reply> {
    let mut response = Response::new(Reply::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Sets a header, without what no header may hold: names of candidates are other people's text.
pub(crate) fn set(response: &mut Response<Reply>, name: &'static str, value: &str) {
    let clean: String =
        value.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    if let Ok(value) = HeaderValue::from_str(&clean) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
