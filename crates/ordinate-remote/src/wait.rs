//! How long a server asks to wait before it is asked again.

use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;

/// How long a server asks to wait: `retry-after-ms`, or `Retry-After` as seconds or as a date.
pub(crate) fn of_headers(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    // Longer than can be counted is for ever.
    let wait = |seconds: f64| {
        (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    };
    if let Some(ms) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return wait(ms / 1e3);
    }
    let value = text("retry-after")?;
    match value.parse::<f64>() {
        Ok(seconds) => wait(seconds),
        Err(_) => {
            let date = httpdate::parse_http_date(value).ok()?;
            Some(date.duration_since(now).unwrap_or_default())
        }
    }
}

/// How long the text of an error asks to wait: "Please try again in 7m12s" (OpenAI), "Please retry in 37.5s" and `"retryDelay":
/// "37s"` (Google), "retry after 12 seconds" (Azure).
pub(crate) fn of_text(text: &str) -> Option<Duration> {
    const BEFORE: [&str; 5] =
        ["try again in ", "retry in ", "retry after ", "retrydelay\": \"", "retrydelay\":\""];
    // What is looked for is ASCII, so that places in the copy are places in the text.
    let lower = text.to_ascii_lowercase();
    let at = BEFORE.iter().find_map(|before| Some(lower.find(before)? + before.len()))?;
    duration(&lower[at..])
}

/// `24h0m0s`, `1d2h`, `340ms`, `37.5 seconds`; what comes behind it is passed over.
fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 15] = [
        ("days", 86_400.0),
        ("day", 86_400.0),
        ("d", 86_400.0),
        ("hours", 3_600.0),
        ("hour", 3_600.0),
        ("h", 3_600.0),
        ("ms", 1e-3),
        ("milliseconds", 1e-3),
        ("minutes", 60.0),
        ("minute", 60.0),
        ("m", 60.0),
        ("seconds", 1.0),
        ("second", 1.0),
        ("sec", 1.0),
        ("s", 1.0),
    ];
    let (mut rest, mut sum, mut parts) = (text, 0.0, 0);
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let Ok(count) = rest[..digits].parse::<f64>() else { break };
        let behind = rest[digits..].trim_start();
        let letters = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == &behind[..letters]) else { break };
        sum += count * unit;
        parts += 1;
        rest = behind[letters..].trim_start();
    }
    (parts > 0).then(|| Duration::try_from_secs_f64(sum).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        let read = |name, value| of_headers(&headers(name, value), now);
        assert_eq!(read("retry-after", "3"), Some(Duration::from_secs(3)));
        assert_eq!(read("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(read("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(read("retry-after", "Wed, 21 Oct 2015 07:28:07 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(read("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT"), Some(Duration::ZERO));
        for long in ["1e300", "inf", "99999999999999999999999999"] {
            assert_eq!(read("retry-after", long), Some(Duration::MAX), "{long}");
        }
        for bad in ["-3", "soon", "NaN"] {
            assert_eq!(read("retry-after", bad), None, "{bad}");
        }
    }
    #[test]
    fn a_text_may_say_it_too() {
        let seconds = |text: &str| of_text(text).map(|wait| wait.as_secs_f64());
        for (text, expected) in [
            (
                "Rate limit reached for gpt-x in organization o on requests per day. Please try again in 24h0m0s. Visit",
                Some(86_400.0),
            ),
            ("Please try again in 7m12s.", Some(432.0)),
            ("Please try again in 340ms", Some(0.34)),
            ("please Retry in 37.5s.", Some(37.5)),
            (
                "{\"@type\": \"type.googleapis.com/google.rpc.RetryInfo\", \"retryDelay\": \"37s\"}",
                Some(37.0),
            ),
            ("Please retry after 12 seconds.", Some(12.0)),
            ("try again in 2 days", Some(172_800.0)),
            ("Please try again in 1e9s", None),
            ("try again in a moment", None),
            ("retry after the token was renewed", None),
            ("try again in 99999999999999999999999999999999999999d", Some(Duration::MAX.as_secs_f64())),
            ("ü try again in \u{130}", None),
            ("slow down", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
