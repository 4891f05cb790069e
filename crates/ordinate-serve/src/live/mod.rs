//! The live page: how the server stands, for a person. It is for whoever sits at the machine, or has a key with `admin = true`.

mod page;
mod task;

use std::fmt;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::body::Reply;
use crate::error::ApiError;
use crate::pages::{is_ours, with_headers};
use crate::state::{Asking, Server};

/// The style of the page: it has no script.
pub(super) const STYLE: &str = include_str!("live.css");

/// Lets in the one style, and nothing else.
static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).ok()
});

/// The page, for whoever may see it.
///
/// # Errors
/// [`ApiError`] where it is not for whoever asks.
pub(crate) fn page(
    server: &Server,
    asking: &Asking,
    headers: &HeaderMap,
) -> Result<Response<Reply>, ApiError> {
    let bind = server.config.bind;
    match &asking.key {
        Some(key) if !key.admin => {
            let message =
                "the live page shows what all keys spend; write `admin = true` beside a key that may see it";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "admin_only", message));
        }
        // A page elsewhere whose name was made to lead here (DNS rebinding) asks by its own.
        None if bind.ip().is_loopback() && !is_ours(headers, None, bind) => {
            let message = format!("the live page is at http://{bind} alone, where no key is wanted");
            return Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "misdirected", message));
        }
        _ => {}
    }
    let html = page::html(server, &asking.served);
    let mut response = with_headers(StatusCode::OK, "text/html; charset=utf-8", Reply::whole(html));
    if let Some(policy) = &*POLICY {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy.clone());
    }
    Ok(response)
}

/// The password of `Authorization: Basic`: the key, whatever name a browser was given.
pub(crate) fn password(packed: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(packed).ok()?).ok()?;
    Some(text.split_once(':')?.1.to_owned())
}

/// Other people's text within HTML, and within the quotes of an attribute; without what a terminal or a browser obeys.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c if c.is_control() => f.write_char('\u{fffd}')?,
                // Marks that turn the direction of what comes after them.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A number of USD: as many digits as it needs.
pub(super) fn usd(usd: f64) -> String {
    match usd.abs() {
        0.0 => "$0".to_owned(),
        ..0.001 => format!("${usd:.6}"),
        ..1.0 => format!("${usd:.4}"),
        _ => format!("${usd:.2}"),
    }
}

/// Seconds as people say them.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        ..0.01 => format!("{:.2} ms", seconds * 1e3),
        ..1.0 => format!("{:.0} ms", seconds * 1e3),
        ..120.0 => format!("{seconds:.1} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.1} days", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_is_text() {
        let odd = "<script>alert('1')</script>\" onload=\"x\u{202e}\n&";
        assert_eq!(
            Text(odd).to_string(),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onload=&quot;x\u{fffd}\u{fffd}&amp;"
        );
    }

    #[test]
    fn a_browser_sends_a_key_as_a_password() {
        assert_eq!(password(&STANDARD.encode("me:ordk-1:2")).as_deref(), Some("ordk-1:2"));
        for wrong in ["", "%%", &STANDARD.encode("no colon")] {
            assert_eq!(password(wrong), None);
        }
    }

    #[test]
    fn figures_have_as_many_digits_as_they_need() {
        assert_eq!([0.0, 0.000_012, 0.25, 12.345].map(usd), ["$0", "$0.000012", "$0.2500", "$12.35"]);
        assert_eq!(
            [0.000_05, 0.2, 3.0, 600.0, 9_000.0, 200_000.0].map(time),
            ["0.05 ms", "200 ms", "3.0 s", "10 min", "2.5 h", "2.3 days"]
        );
        assert!(POLICY.as_ref().unwrap().to_str().unwrap().contains("'sha256-"));
    }
}
