//! The trace that a request is of, as it says (<https://www.w3.org/TR/trace-context-1/>), or a new one.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::header::HeaderMap;
use ordinate_core::random::mix;

use super::config::Sampler;

/// The name of a trace.
pub(crate) type TraceId = [u8; 16];
/// The name of a span.
pub(crate) type SpanId = [u8; 8];

/// The longest `tracestate` that is passed on, as the recommendation has it.
const MAX_STATE: usize = 512;

/// The trace of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Context {
    pub(crate) trace: TraceId,
    /// What the request is a part of, elsewhere.
    pub(crate) parent: Option<SpanId>,
    /// Whether its spans are sent.
    pub(crate) is_sampled: bool,
    /// What others say of it.
    pub(crate) state: Option<String>,
}

/// Names that nobody else has.
#[derive(Debug)]
pub(crate) struct Ids(AtomicU64);

impl Ids {
    pub(crate) fn new() -> Self {
        let mut seed = [0; 8];
        // A name that comes twice mixes two traces up, and does no other harm.
        if getrandom::fill(&mut seed).is_err() {
            seed = crate::day::seconds_now().to_le_bytes();
        }
        Self(AtomicU64::new(u64::from_le_bytes(seed)))
    }

    fn next(&self) -> u64 {
        // Zero is no name.
        mix(self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)).max(1)
    }

    pub(crate) fn span(&self) -> SpanId {
        self.next().to_be_bytes()
    }

    fn trace(&self) -> TraceId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.next().to_be_bytes());
        id[8..].copy_from_slice(&self.next().to_be_bytes());
        id
    }
}

impl Context {
    /// The trace that these headers speak of; a new one where they speak of none.
    pub(crate) fn of(headers: &HeaderMap, sampler: Sampler, ids: &Ids) -> Self {
        let mut parents = headers.get_all("traceparent").iter();
        let parent = match (parents.next(), parents.next()) {
            (Some(one), None) => one.to_str().ok().and_then(read),
            _ => None,
        };
        let Some((trace, parent, flags)) = parent else {
            let trace = ids.trace();
            return Self { trace, parent: None, is_sampled: sampler.takes(&trace), state: None };
        };
        let is_sampled = if sampler.by_parent { flags & 1 == 1 } else { sampler.takes(&trace) };
        let states = headers.get_all("tracestate").iter().filter_map(|value| value.to_str().ok());
        let state = states.collect::<Vec<_>>().join(",");
        let state = Some(state).filter(|state| !state.is_empty() && state.len() <= MAX_STATE);
        Self { trace, parent: Some(parent), is_sampled, state }
    }

    /// `traceparent` for whoever is asked within this span.
    pub(crate) fn told(&self, span: SpanId) -> String {
        format!("00-{}-{}-{:02x}", hex(&self.trace), hex(&span), u8::from(self.is_sampled))
    }
}

impl Sampler {
    /// Whether a trace that begins here is of the share: by its name, so that all who share it agree.
    fn takes(&self, trace: &TraceId) -> bool {
        let mut low = [0; 8];
        low.copy_from_slice(&trace[8..]);
        ((u64::from_be_bytes(low) >> 1) as f64) < self.share * (1_u64 << 63) as f64
    }
}

/// What `traceparent` says: the trace, the span, the flags.
fn read(text: &str) -> Option<(TraceId, SpanId, u8)> {
    let text = text.trim();
    let (known, more) = (text.get(..55)?, text.get(55..)?);
    let mut parts = known.split('-');
    let mut part = |length: usize| {
        let part = parts.next()?;
        let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        (part.len() == length && is_hex).then_some(part)
    };
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let fits = match version {
        "ff" => false,
        "00" => more.is_empty(),
        // What later versions say beyond it is not known here.
        _ => more.is_empty() || more.starts_with('-'),
    };
    let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
    let span = u64::from_str_radix(span, 16).ok().filter(|span| *span != 0)?;
    let flags = u8::from_str_radix(flags, 16).ok()?;
    fits.then(|| (trace.to_be_bytes(), span.to_be_bytes(), flags))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    const ALL: Sampler = Sampler { share: 1.0, by_parent: true };

    fn of(parents: &[&str], states: &[&str], sampler: Sampler) -> Context {
        let mut headers = HeaderMap::new();
        for (name, values) in [("traceparent", parents), ("tracestate", states)] {
            for value in values {
                headers.append(name, HeaderValue::from_str(value).unwrap());
            }
        }
        Context::of(&headers, sampler, &Ids::new())
    }

    #[test]
    fn a_trace_goes_on_where_it_can_be_read() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = of(&[text], &["a=1", "b=2"], ALL);
        assert_eq!((context.is_sampled, context.state.as_deref()), (true, Some("a=1,b=2")));
        assert_eq!(context.told(context.parent.unwrap()), text);
        assert!(!of(&[&text.replace("-01", "-00")], &[], ALL).is_sampled);
        assert!(
            of(&["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"], &[], ALL).parent.is_some()
        );
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ] {
            let context = of(&[wrong], &["a=1"], ALL);
            assert!(context.parent.is_none() && context.state.is_none() && context.is_sampled, "{wrong}");
        }
        assert!(of(&[text, text], &[], ALL).parent.is_none());
        assert_eq!(of(&[text], &[&"x".repeat(600)], ALL).state, None);
    }

    #[test]
    fn a_share_of_the_traces_is_taken() {
        let quarter = Sampler { share: 0.25, by_parent: true };
        let taken = (0..4_000).filter(|_| of(&[], &[], quarter).is_sampled).count();
        assert!((850..1_150).contains(&taken), "{taken}");
        let none = Sampler { share: 0.0, by_parent: false };
        assert!(!of(&["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], &[], none).is_sampled);
    }
}
