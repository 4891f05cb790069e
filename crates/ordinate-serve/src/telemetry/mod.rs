//! Spans and metrics for OpenTelemetry: a span for each request, and one for everybody who is asked for its answer; sent to a
//! collector by OTLP over HTTP as JSON (<https://opentelemetry.io/docs/specs/otlp/>).
//!
//! Nothing of a request's or an answer's text is in them. Metrics and attributes are named by [`SCHEMA`], which says what version of the
//! semantic conventions that is.

mod config;
mod context;
mod export;
mod meter;
mod root;
mod span;
mod who;

pub use config::{Telemetry, TelemetryError};
pub(crate) use context::SpanId;
pub(crate) use export::Exporter;
pub(crate) use root::{Child, Root, child, within};

/// The version of the semantic conventions: the last that has those for generative models in it.
pub(crate) const SCHEMA: &str = "https://opentelemetry.io/schemas/1.41.0";
