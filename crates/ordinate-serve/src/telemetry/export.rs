//! Spans and metrics on their way to a collector: spans wait within bounds and go out many at a time, metrics as they stand every
//! so often, and no request waits for either.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ordinate_remote::{Collector, Failure, FailureKind, SetupError};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::config::{Sampler, Telemetry, Way};
use super::context::Ids;
use super::meter::Meter;
use super::span::{Span, request, resource};
use crate::state::tell;

/// How often spans are sent that a collector may take later.
const TRIES: u32 = 4;
/// The longest pause that a collector is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// For what still waits when the server ends.
const AT_THE_END: Duration = Duration::from_secs(5);

/// What became of spans.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    sent: AtomicU64,
    /// There was no room for them.
    dropped: AtomicU64,
    /// The collector did not want them.
    refused: AtomicU64,
    /// The collector could not be reached.
    failed: AtomicU64,
}

/// The way to a collector.
pub(crate) struct Exporter {
    pub(crate) ids: Ids,
    pub(crate) sampler: Sampler,
    spans: mpsc::Sender<Span>,
    counts: Arc<Counts>,
    /// Where metrics are wanted.
    pub(crate) meter: Option<Arc<Meter>>,
    stop: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Exporter {
    /// Begins to send spans and metrics.
    ///
    /// # Errors
    /// [`SetupError`] where an address or a header cannot be.
    pub(crate) fn start(config: &Telemetry) -> Result<Self, SetupError> {
        let collector = |way: &Way| Collector::new(&way.endpoint, &way.headers, way.timeout);
        let traces = config.traces.as_ref().map(collector).transpose()?;
        let metrics = config.metrics.as_ref().map(collector).transpose()?;
        for note in &config.notes {
            tell(note);
        }
        let (spans, waiting) = mpsc::channel(config.queue);
        let (counts, stop) = (Arc::<Counts>::default(), CancellationToken::new());
        let resource = Arc::new(resource(&config.resource));
        let mut tasks = Vec::new();
        if let Some(collector) = traces {
            let sending = Sending {
                collector,
                resource: Arc::clone(&resource),
                batch: config.batch,
                every: config.every,
                counts: Arc::clone(&counts),
                stop: stop.clone(),
                is_told: AtomicBool::new(false),
            };
            tasks.push(tokio::spawn(sending.run(waiting)));
        }
        let meter = metrics.map(|collector| {
            let meter = Arc::new(Meter::new());
            let metering = Metering { collector, resource, every: config.metrics_every, stop: stop.clone() };
            tasks.push(tokio::spawn(metering.run(Arc::clone(&meter))));
            meter
        });
        let (ids, tasks) = (Ids::new(), Mutex::new(tasks));
        Ok(Self { ids, sampler: config.sampler, spans, counts, meter, stop, tasks })
    }

    pub(crate) fn send(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what waits, within a few seconds; what comes later is dropped.
    pub(crate) async fn end(&self) {
        self.stop.cancel();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let _ = tokio::time::timeout(AT_THE_END, futures_util::future::join_all(tasks)).await;
    }

    /// What became of spans, and how many of each.
    pub(crate) fn counts(&self) -> [(&'static str, u64); 4] {
        let Counts { sent, dropped, refused, failed } = &*self.counts;
        [("sent", sent), ("dropped", dropped), ("refused", refused), ("failed", failed)]
            .map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }
}

/// The task that sends.
struct Sending {
    collector: Collector,
    resource: Arc<Value>,
    batch: usize,
    every: Duration,
    counts: Arc<Counts>,
    stop: CancellationToken,
    /// Whether it was said that spans are lost.
    is_told: AtomicBool,
}

impl Sending {
    async fn run(self, mut waiting: mpsc::Receiver<Span>) {
        let mut spans = Vec::new();
        while !self.stop.is_cancelled() {
            let due = tokio::time::sleep(self.every);
            let mut due = std::pin::pin!(due);
            while spans.len() < self.batch {
                let room = self.batch - spans.len();
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => break,
                    read = waiting.recv_many(&mut spans, room) => if read == 0 {
                        // Nobody is left who could send more.
                        self.stop.cancel();
                        break;
                    },
                    () = due.as_mut() => break,
                }
            }
            self.send(std::mem::take(&mut spans)).await;
        }
        waiting.close();
        while let Ok(span) = waiting.try_recv() {
            spans.push(span);
            if spans.len() >= self.batch {
                self.send(std::mem::take(&mut spans)).await;
            }
        }
        self.send(spans).await;
    }

    async fn send(&self, spans: Vec<Span>) {
        if spans.is_empty() {
            return;
        }
        let (count, resource) = (spans.len() as u64, Arc::clone(&self.resource));
        // Others are being answered on this thread.
        let body = tokio::task::spawn_blocking(move || request(&resource, &spans)).await;
        let Ok(body) = body else { return };
        match self.post(&body).await {
            Ok(refused) => {
                let refused = refused.min(count);
                self.counts.refused.fetch_add(refused, Ordering::Relaxed);
                self.counts.sent.fetch_add(count - refused, Ordering::Relaxed);
                self.is_told.store(false, Ordering::Relaxed);
            }
            Err(failure) => {
                self.counts.failed.fetch_add(count, Ordering::Relaxed);
                if !self.is_told.swap(true, Ordering::Relaxed) {
                    tell(&format!("spans do not reach the collector, and are lost: {failure}"));
                }
            }
        }
    }

    /// Sends them, again where that may help. Says how many were not wanted.
    async fn post(&self, body: &str) -> Result<u64, Failure> {
        let mut pause = Duration::from_secs(1);
        for again in 1.. {
            let failure = match self.collector.post(body).await {
                Ok(said) => return Ok(refused(&said)),
                Err(failure) => failure,
            };
            if again == TRIES || self.stop.is_cancelled() || !may_be_sent_again(failure.kind) {
                return Err(failure);
            }
            let asked = failure.retry_after.unwrap_or(pause).min(LONGEST_PAUSE);
            tokio::select! {
                () = tokio::time::sleep(asked) => {}
                () = self.stop.cancelled() => {}
            }
            pause *= 2;
        }
        Ok(0)
    }
}

/// The task that sends metrics: what did not arrive is in what is sent the next time.
struct Metering {
    collector: Collector,
    resource: Arc<Value>,
    every: Duration,
    stop: CancellationToken,
}

impl Metering {
    async fn run(self, meter: Arc<Meter>) {
        let mut is_told = false;
        while !self.stop.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                () = self.stop.cancelled() => {}
            }
            let Some(body) = meter.body(&self.resource) else { continue };
            match self.collector.post(&body).await {
                Ok(_) => is_told = false,
                Err(failure) => {
                    if !std::mem::replace(&mut is_told, true) {
                        tell(&format!("metrics do not reach the collector: {failure}"));
                    }
                }
            }
        }
    }
}

/// As OTLP has it: 429, 502, 503, 504, and where there is no connection.
fn may_be_sent_again(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::RateLimited | FailureKind::Overloaded | FailureKind::Connect | FailureKind::Cut
    )
}

/// How many spans a collector says that it did not take.
fn refused(said: &[u8]) -> u64 {
    let said: Value = serde_json::from_slice(said).unwrap_or_default();
    let rejected = &said["partialSuccess"]["rejectedSpans"];
    rejected.as_u64().or_else(|| rejected.as_str()?.parse().ok()).unwrap_or(0)
}
