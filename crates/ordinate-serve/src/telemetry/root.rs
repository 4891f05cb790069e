//! The span of a request that came, and of everybody who is asked for its answer.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hyper::Method;
use hyper::header::HeaderMap;
use ordinate_remote::Trace;

use super::context::{Context, SpanId};
use super::export::Exporter;
use super::span::{Attribute, Attributes, Kind, Span};
use super::who::Who;
use crate::candidate::{Answered, Candidate};
use crate::state::Account;

tokio::task_local! {
    static CURRENT: Option<Arc<Root>>;
}

/// A request that came.
pub(crate) struct Root {
    exporter: Arc<Exporter>,
    context: Context,
    id: SpanId,
    /// Nanoseconds since 1970.
    began: u64,
    start: Instant,
    method: Method,
    /// The path, as the documentation has it, and as it was asked.
    route: &'static str,
    path: String,
    /// What is said of it; `None` once it has ended.
    told: Mutex<Option<Told>>,
}

#[derive(Default)]
struct Told {
    status: Option<u16>,
    attributes: Attributes,
}

/// A candidate that is asked within a request.
#[derive(Debug, Clone)]
pub(crate) struct Child {
    pub(crate) id: SpanId,
    trace: Trace,
}

impl Child {
    /// What it is told of the trace.
    pub(crate) fn told(&self) -> Trace {
        self.trace.clone()
    }
}

/// Does this as a part of a request.
pub(crate) async fn within<F: Future>(root: Option<Arc<Root>>, work: F) -> F::Output {
    CURRENT.scope(root, work).await
}

/// Somebody who is about to be asked, if that is of a request that is traced.
pub(crate) fn child() -> Option<Child> {
    CURRENT.try_with(|root| root.as_ref().map(|root| root.child())).ok().flatten()
}

impl Root {
    pub(crate) fn begin(
        exporter: &Arc<Exporter>,
        headers: &HeaderMap,
        method: &Method,
        (route, path): (&'static str, &str),
        start: Instant,
    ) -> Arc<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let began = now.saturating_sub(start.elapsed());
        Arc::new(Self {
            exporter: Arc::clone(exporter),
            context: Context::of(headers, exporter.sampler, &exporter.ids),
            id: exporter.ids.span(),
            began: nanoseconds(began),
            start,
            method: method.clone(),
            route,
            path: path.to_owned(),
            told: Mutex::new(Some(Told::default())),
        })
    }

    fn child(&self) -> Child {
        let id = self.exporter.ids.span();
        let trace = Trace { parent: self.context.told(id), state: self.context.state.clone() };
        Child { id, trace }
    }

    /// With which status it is answered.
    pub(crate) fn responded(&self, status: u16) {
        if let Some(told) = self.lock().as_mut() {
            told.status = Some(status);
        }
    }

    /// What is put on the record of it. Everybody who was asked is a span of their own.
    pub(crate) fn account(&self, account: &Account<'_>, cost_usd: Option<f64>) {
        if let Some(meter) = &self.exporter.meter {
            meter.account(account);
        }
        if !self.context.is_sampled {
            return;
        }
        for (at, (candidate, answered)) in account.asked.iter().enumerate() {
            if let Some(id) = answered.span {
                self.exporter.send(self.asked(id, account, candidate, answered, account.given == Some(at)));
            }
        }
        let mut attributes = vec![
            ("ordinate.task", Attribute::from(account.task.run.name.as_str())),
            ("ordinate.policy", account.policy.into()),
            ("ordinate.request.id", account.id.into()),
        ];
        if let Some(given) = account.given {
            attributes.push(("ordinate.candidate", account.asked[given].0.name.as_str().into()));
        }
        if let Some(cost) = cost_usd {
            attributes.push(("ordinate.cost_usd", Attribute::Number(cost)));
        }
        for (name, is) in [
            ("ordinate.stood_in", account.stood_in),
            ("ordinate.continued", account.continued),
            ("ordinate.cached", account.cached),
        ] {
            if is {
                attributes.push((name, Attribute::Is(true)));
            }
        }
        if let Some(error) = account.error {
            attributes.push(("error.type", error.into()));
        }
        if let Some(told) = self.lock().as_mut() {
            told.attributes = attributes;
        }
    }

    fn asked(
        &self,
        id: SpanId,
        account: &Account<'_>,
        candidate: &Candidate,
        answered: &Answered,
        given: bool,
    ) -> Span {
        let who = Who::of(candidate, account.route);
        let mut attributes = who.attributes();
        attributes.push(("ordinate.candidate", candidate.name.as_str().into()));
        attributes.push(("ordinate.given", Attribute::Is(given)));
        if let Some(model) = &answered.signature.model {
            attributes.push(("gen_ai.response.model", model.as_str().into()));
        }
        if let Some(usage) = answered.usage {
            attributes.push(("gen_ai.usage.input_tokens", Attribute::Whole(usage.input_tokens)));
            attributes.push(("gen_ai.usage.output_tokens", Attribute::Whole(usage.output_tokens)));
            for (name, tokens) in [
                ("gen_ai.usage.cache_read.input_tokens", usage.cached_tokens),
                ("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens),
            ] {
                if tokens > 0 {
                    attributes.push((name, Attribute::Whole(tokens)));
                }
            }
        }
        if let Some(cost) = answered.cost_usd {
            attributes.push(("ordinate.cost_usd", Attribute::Number(cost)));
        }
        // What a failure says may repeat what was asked: its kind alone is told.
        let error = answered.failure.as_ref().map(|failure| failure.kind.as_str());
        if let Some(error) = error {
            attributes.push(("error.type", error.into()));
        }
        let start = answered.at.map_or(self.start, |at| at.max(self.start));
        Span {
            trace: self.context.trace,
            id,
            parent: Some(self.id),
            state: self.context.state.clone(),
            name: format!("{} {}", who.operation, who.model),
            kind: who.kind,
            start: self.at(start),
            end: self.at(start + answered.took),
            attributes,
            is_error: error.is_some(),
        }
    }

    /// Ends it, once.
    pub(crate) fn end(&self) {
        let Some(Told { status, attributes: said }) = self.lock().take() else { return };
        let status = status.unwrap_or(200);
        if let Some(meter) = &self.exporter.meter {
            meter.request(self.method.as_str(), self.route, status, self.start.elapsed());
        }
        if !self.context.is_sampled {
            return;
        }
        let mut attributes = vec![
            ("http.request.method", Attribute::from(self.method.as_str())),
            ("http.route", self.route.into()),
            ("url.path", self.path.as_str().into()),
            ("url.scheme", "http".into()),
            ("http.response.status_code", Attribute::Whole(u64::from(status))),
        ];
        let has_error = said.iter().any(|(name, _)| *name == "error.type");
        attributes.extend(said);
        if status >= 500 && !has_error {
            attributes.push(("error.type", Attribute::Text(status.to_string())));
        }
        self.exporter.send(Span {
            trace: self.context.trace,
            id: self.id,
            parent: self.context.parent,
            state: self.context.state.clone(),
            name: format!("{} {}", self.method, self.route),
            kind: Kind::Server,
            start: self.began,
            end: self.at(Instant::now()),
            attributes,
            is_error: status >= 500 || has_error,
        });
    }

    /// Nanoseconds since 1970 of a time that was not before it began.
    fn at(&self, time: Instant) -> u64 {
        self.began.saturating_add(nanoseconds(time.saturating_duration_since(self.start)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        self.end();
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
