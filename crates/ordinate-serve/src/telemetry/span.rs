//! A span, and many of them as OTLP has it.

use serde_json::{Value, json};

use super::SCHEMA;
use super::context::{SpanId, TraceId, hex};

/// What a span is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something in this process.
    Internal = 1,
    /// A request that came.
    Server = 2,
    /// A request to somebody else.
    Client = 3,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Attribute {
    Text(String),
    Whole(u64),
    Number(f64),
    Is(bool),
}

/// What is said of a span.
pub(crate) type Attributes = Vec<(&'static str, Attribute)>;

/// Something that was done, and when.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) trace: TraceId,
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) state: Option<String>,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Nanoseconds since 1970.
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) attributes: Attributes,
    pub(crate) is_error: bool,
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Attribute {
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "stringValue": text }),
            // Whole numbers are texts in the JSON of protocol buffers.
            Self::Whole(number) => json!({ "intValue": number.to_string() }),
            Self::Number(number) => json!({ "doubleValue": number }),
            Self::Is(is) => json!({ "boolValue": is }),
        }
    }
}

impl Span {
    fn json(&self) -> Value {
        let attributes: Vec<Value> =
            self.attributes.iter().map(|(key, value)| json!({ "key": key, "value": value.json() })).collect();
        let mut span = json!({
            "traceId": hex(&self.trace),
            "spanId": hex(&self.id),
            "name": self.name,
            "kind": self.kind as u8,
            "startTimeUnixNano": self.start.to_string(),
            "endTimeUnixNano": self.end.to_string(),
            "attributes": attributes,
            "status": {},
        });
        if let Some(parent) = &self.parent {
            span["parentSpanId"] = Value::from(hex(parent));
        }
        if let Some(state) = &self.state {
            span["traceState"] = Value::from(state.as_str());
        }
        if self.is_error {
            span["status"] = json!({ "code": 2 });
        }
        span
    }
}

/// The resource that all spans are of.
pub(super) fn resource(attributes: &[(String, String)]) -> Value {
    let attributes: Vec<Value> = attributes
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }))
        .collect();
    json!({ "attributes": attributes })
}

/// Spans of this resource as a request to a collector.
pub(super) fn request(resource: &Value, spans: &[Span]) -> String {
    let spans: Vec<Value> = spans.iter().map(Span::json).collect();
    let scope = json!({ "name": "ordinate", "version": env!("CARGO_PKG_VERSION") });
    json!({ "resourceSpans": [{
        "resource": resource,
        "scopeSpans": [{ "scope": scope, "spans": spans, "schemaUrl": SCHEMA }],
        "schemaUrl": SCHEMA,
    }] })
    .to_string()
}
