//! The trace that a request is of, told to whoever it goes to (<https://www.w3.org/TR/trace-context-1/>).

use std::future::Future;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

tokio::task_local! {
    static TRACE: Option<Trace>;
}

/// What a request says of the trace that it is of.
#[derive(Debug, Clone)]
pub struct Trace {
    /// `traceparent`.
    pub parent: String,
    /// `tracestate`, as it came.
    pub state: Option<String>,
}

/// Does this; whatever it asks of an API is sent as a part of the trace.
pub async fn traced<F: Future>(trace: Option<Trace>, work: F) -> F::Output {
    TRACE.scope(trace, work).await
}

/// Says it in the headers of a request.
pub(crate) fn tell(headers: &mut HeaderMap) {
    // Outside of any trace there is nothing to say.
    let _ = TRACE.try_with(|trace| {
        let Some(Trace { parent, state }) = trace else { return };
        let of = |text: &str| HeaderValue::from_str(text).ok();
        for (name, value) in [("traceparent", of(parent)), ("tracestate", state.as_deref().and_then(of))] {
            if let Some(value) = value {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_within_a_trace_says_so() {
        let told = || {
            let mut headers = HeaderMap::new();
            tell(&mut headers);
            let of = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            (of("traceparent"), of("tracestate"))
        };
        assert_eq!(told(), (None, None));
        let trace = Trace { parent: "00-1-2-01".to_owned(), state: Some("a=b".to_owned()) };
        let both = (Some("00-1-2-01".to_owned()), Some("a=b".to_owned()));
        assert_eq!(traced(Some(trace), async { told() }).await, both);
        assert_eq!(traced(None, async { told() }).await, (None, None));
        let odd = Trace { parent: "00-1-2-01".to_owned(), state: Some("a\nb".to_owned()) };
        assert_eq!(traced(Some(odd), async { told() }).await.1, None);
    }
}
