//! Somebody who takes JSON and whose answer matters little: a collector of telemetry.

use std::time::Duration;

use ordinate_core::task::TimeOuts;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};

use super::Http;
use crate::failure::{Failure, SetupError};

/// The most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;

/// A collector of telemetry.
#[derive(Debug)]
pub struct Collector {
    http: Http,
    url: Url,
}

impl Collector {
    /// A collector at this address, which is sent these headers, and is waited for so long.
    ///
    /// # Errors
    /// [`SetupError`] where the address is none, or a header cannot be one. No message repeats what stands in either: a key may.
    pub fn new(url: &str, headers: &[(String, String)], patience: Duration) -> Result<Self, SetupError> {
        let bad = |key: &'static str, problem: &str| SetupError::Setting { key, problem: problem.to_owned() };
        let problem =
            "what stands there is no http or https address; write for example http://localhost:4318";
        let url = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
            .ok_or_else(|| bad("OTEL_EXPORTER_OTLP_ENDPOINT", problem))?;
        let seconds = patience.as_secs_f64();
        let times =
            TimeOuts { connect_s: seconds, first_token_s: seconds, idle_s: seconds, total_s: seconds };
        let mut http = Http::new(times, None, None)?;
        for (name, value) in headers {
            let problem = "one of them is no header; write NAME=VALUE,NAME=VALUE";
            let name = HeaderName::try_from(name.as_str());
            let value = HeaderValue::from_str(value);
            let (Ok(name), Ok(mut value)) = (name, value) else {
                return Err(bad("OTEL_EXPORTER_OTLP_HEADERS", problem));
            };
            value.set_sensitive(true);
            http.headers.insert(name, value);
        }
        Ok(Self { http, url })
    }

    /// Sends it this, and gives what it says.
    ///
    /// # Errors
    /// [`Failure`]: transport, or a status that is none of success.
    pub async fn post(&self, body: &str) -> Result<Vec<u8>, Failure> {
        let mut said = Vec::new();
        let take = |bytes: &[u8]| {
            said.extend_from_slice(bytes);
            Ok(true)
        };
        let posted = self.http.post(&self.url, body, false, MAX_ANSWER, take).await;
        posted.map_err(|failure| self.http.tidied(failure))?;
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_told_without_a_secret() {
        let of = |url: &str, name: &str, value: &str| {
            Collector::new(url, &[(name.to_owned(), value.to_owned())], Duration::from_secs(1))
        };
        assert!(of("http://h:4318/v1/traces", "api-key", "secret").is_ok());
        for (url, name, value) in [
            ("secret", "a", "b"),
            ("ftp://secret/x", "a", "b"),
            ("http://h", "a b", "secret"),
            ("http://h", "a", "sec\nret"),
        ] {
            let error = of(url, name, value).unwrap_err().to_string();
            assert!(error.starts_with("OTEL_EXPORTER_OTLP_") && !error.contains("sec"), "{error}");
        }
        let shown = format!("{:?}", of("http://h", "a", "secret").unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
