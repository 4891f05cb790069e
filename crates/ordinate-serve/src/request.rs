//! The body of a request, read within limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use tokio::time::{Instant, timeout_at};

use crate::error::ApiError;

/// Reads the body of a request: at most so many bytes, each part within `idle`, all of it within `total`.
///
/// # Errors
/// [`ApiError`]: 413, 415, 408, or a connection that broke.
pub(crate) async fn body_of(
    headers: &HeaderMap,
    mut body: Incoming,
    most: usize,
    idle: Duration,
    total: Duration,
) -> Result<Bytes, ApiError> {
    let packed =
        headers.get(CONTENT_ENCODING).filter(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if packed.is_some() {
        let message = "the body is packed (Content-Encoding); send it as it is";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", message));
    }
    let too_large = || {
        let message = format!(
            "the body is larger than {most} bytes; send less, or start the server with a larger --max-body"
        );
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", message)
    };
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let end = Instant::now() + total;
    let mut bytes = BytesMut::new();
    loop {
        let due = end.min(Instant::now() + idle);
        let frame = timeout_at(due, body.frame()).await.map_err(|_| {
            let message = "the body did not come in time";
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message)
        })?;
        match frame {
            None => return Ok(bytes.freeze()),
            Some(Err(error)) => {
                let message = format!("the body broke off: {error}");
                return Err(ApiError::new(StatusCode::BAD_REQUEST, "broken_request", message));
            }
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                if bytes.len() + data.len() > most {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
}
