//! What a server knows: the runs, the keys, and what it counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, UNIX_EPOCH};

use ordinate_core::nearest;

use crate::cache::Cache;
use crate::candidate::{Answered, Candidate, Other};
use crate::config::Config;
use crate::error::ApiError;
use crate::keys::{Key, Keys, Refused};
use crate::metrics::{Answer, Metrics, Outcome};
use crate::observe::Observed;
use crate::play::Played;
use crate::record::{AskedLine, Line, Record};
use crate::settings::Settings;
use crate::shadow::Shadows;
use crate::task::{Run, ServedTask, Unservable};
use crate::telemetry::{Exporter, Root};
use crate::watch::{Standing, Watch};
use hyper::StatusCode;

/// The runs and keys of a server.
pub struct Served {
    tasks: Vec<Arc<ServedTask>>,
    keys: Option<Keys>,
    /// Answers that may be given again: they are of these runs.
    pub(crate) cache: Option<Cache>,
}

impl Served {
    /// These runs, for whoever has one of these keys; for everybody where there are none.
    ///
    /// # Errors
    /// [`Unservable`] where two have one name, a policy asks whom nobody can ask, or the settings speak of what is not there.
    pub fn new(runs: Vec<Run>, keys: Option<Keys>, settings: Settings) -> Result<Self, Unservable> {
        let shadow = settings.shadow.map(Arc::new);
        for name in shadow.iter().flat_map(|shadow| shadow.runner_up.keys()) {
            if !runs.iter().any(|run| run.name == *name) {
                let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
                let names = names.join(", ");
                return Err(Unservable(format!(
                    "[shadow] runner_up names a task {name:?}, which is not served; those that are: {names}"
                )));
            }
        }
        let tasks: Vec<_> = runs
            .into_iter()
            .map(|run| {
                ServedTask::new(run, shadow.as_ref(), (settings.hedge, settings.streams)).map(Arc::new)
            })
            .collect::<Result<_, _>>()?;
        for (at, task) in tasks.iter().enumerate() {
            if tasks[..at].iter().any(|other| other.run.name == task.run.name) {
                return Err(Unservable(format!(
                    "two runs are of a task {:?}; serve one of them",
                    task.run.name
                )));
            }
        }
        Ok(Self { tasks, keys, cache: settings.cache.map(Cache::new) })
    }

    pub(crate) fn tasks(&self) -> &[Arc<ServedTask>] {
        &self.tasks
    }

    pub(crate) fn keys(&self) -> Option<&Keys> {
        self.keys.as_ref()
    }

    pub(crate) fn task(&self, name: &str) -> Result<&Arc<ServedTask>, ApiError> {
        self.tasks.iter().find(|task| task.run.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.tasks.iter().map(|task| task.run.name.as_str()).collect();
            let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean {near:?}?"));
            let message = format!("no task {name:?} is served here{}", near.unwrap_or_default());
            ApiError { code: "task_not_found", ..ApiError::not_found(message) }
        })
    }
}

/// A server.
pub(crate) struct Server {
    served: RwLock<Arc<Served>>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) record: Option<Record>,
    pub(crate) draining: AtomicBool,
    /// By task and policy: whether the verdict still stands.
    watches: Mutex<BTreeMap<(String, String), Watch>>,
    pub(crate) shadows: Shadows,
    pub(crate) observed: Observed,
    /// The way to a collector of telemetry, where there is one.
    pub(crate) telemetry: Option<Arc<Exporter>>,
    /// Seconds since 1970.
    pub(crate) started: u64,
    /// What its requests are named by: milliseconds, as one that is started again soon has others.
    named: u128,
    count: AtomicU64,
}

/// One request.
pub(crate) struct Asking {
    pub(crate) id: String,
    pub(crate) start: Instant,
    pub(crate) key: Option<Arc<Key>>,
    pub(crate) served: Arc<Served>,
    /// Its span, where there is a collector.
    pub(crate) root: Option<Arc<Root>>,
    /// What its headers say of an answer that breaks off: whether another is to go on with it.
    pub(crate) continues: Option<bool>,
}

impl Server {
    pub(crate) fn new(
        served: Served,
        config: Config,
        record: Option<Record>,
        telemetry: Option<Arc<Exporter>>,
    ) -> Self {
        let server = Self {
            served: RwLock::new(Arc::new(served)),
            config,
            metrics: Metrics::default(),
            record,
            draining: AtomicBool::new(false),
            watches: Mutex::default(),
            shadows: Shadows::default(),
            observed: Observed::default(),
            telemetry,
            started: crate::day::seconds_now(),
            named: UNIX_EPOCH.elapsed().unwrap_or_default().as_millis(),
            count: AtomicU64::new(0),
        };
        server.begin_observing();
        server.begin_shadows();
        server
    }

    pub(crate) fn served(&self) -> Arc<Served> {
        Arc::clone(&self.served.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves these from the next request on; those that are being answered are finished as they began.
    pub(crate) fn swap(&self, served: Served) {
        let old = self.served();
        if let (Some(new), Some(old)) = (&served.keys, &old.keys) {
            new.go_on_from(old);
        }
        Self::go_on_observing(&old, &served);
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(served);
        self.begin_shadows();
    }

    /// Reads what is on the record of a task's policy, if that was not done before: what comes now is counted once.
    pub(crate) fn begin_watch(&self, task: &ServedTask) {
        self.watch_of(&mut self.watches.lock().unwrap_or_else(PoisonError::into_inner), task);
    }

    /// Takes the score of an answer, and says so where the verdict does not stand any more.
    pub(crate) fn watch(&self, task: &ServedTask, score: f64) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watch) = self.watch_of(&mut watches, task) else { return };
        if watch.see(score) {
            let now = watch.standing();
            tell(&format!(
                "{}: the verdict does not stand any more: {} scores with a mean of {:.3}, and it said at least {:.3}; run the task \
                 again with answers of now",
                task.run.name,
                now.scores,
                now.mean.unwrap_or_default(),
                now.claimed
            ));
        }
    }

    /// The watch over a policy; what was on the record before is in it.
    fn watch_of<'w>(
        &self,
        watches: &'w mut BTreeMap<(String, String), Watch>,
        task: &ServedTask,
    ) -> Option<&'w mut Watch> {
        let claimed = task.run.claimed?;
        let (name, policy) = (task.run.name.clone(), task.run.artefact.name.clone());
        Some(watches.entry((name, policy)).or_insert_with_key(|(name, policy)| {
            let mut watch = Watch::new(claimed);
            let before = self.record.as_ref().and_then(|record| record.feedback(name, policy).ok());
            before.into_iter().flatten().filter_map(|line| line.score).for_each(|score| {
                watch.see(score);
            });
            watch
        }))
    }

    /// How the verdict of each task stands.
    pub(crate) fn standings(&self) -> Vec<(String, Standing)> {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        let served = self.served();
        let each = served.tasks.iter();
        each.filter_map(|task| Some((task.run.name.clone(), self.watch_of(&mut watches, task)?.standing())))
            .collect()
    }

    /// A request's name in the record and in its response.
    pub(crate) fn request_id(&self) -> String {
        format!("{:x}-{:x}", self.named, self.count.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts an answer on the record, counts it, and takes its cost off its key's money.
    pub(crate) fn account(&self, asking: &Asking, account: &Account<'_>) {
        let task = &account.task.run;
        // Of nobody it is nothing, and not the negative zero that a sum begins with.
        let cost = account.asked.iter().map(|(_, answered)| answered.all_cost_usd()).sum::<Option<f64>>();
        let cost = cost.map(|cost| cost + 0.0);
        if let Some(root) = &asking.root {
            root.account(account, cost);
        }
        let mut lines = Vec::with_capacity(account.asked.len());
        for (at, (candidate, answered)) in account.asked.iter().enumerate() {
            let name = candidate.name.as_str();
            let error = answered.failure.as_ref().map(|failure| failure.kind.as_str());
            let Answered { usage, estimated, cost_usd, took, .. } = answered;
            let estimated = *estimated;
            let given = account.given == Some(at);
            self.see_signature(account.task, candidate, answered);
            self.metrics.asked(
                &task.name,
                name,
                &Outcome { error, usage: *usage, cost_usd: *cost_usd, estimated, took: *took, given },
            );
            lines.push(AskedLine {
                candidate: name,
                error,
                input_tokens: usage.map(|usage| usage.input_tokens),
                output_tokens: usage.map(|usage| usage.output_tokens),
                estimated,
                cost_usd: *cost_usd,
                ms: took.as_secs_f64() * 1e3,
                model: answered.model.as_deref(),
            });
            if let Some(Other { error, usage, cost_usd, took }) = answered.other {
                let error = Some(error);
                self.metrics.asked(
                    &task.name,
                    name,
                    &Outcome { error, usage, cost_usd, estimated, took, given: false },
                );
                lines.push(AskedLine {
                    candidate: name,
                    error,
                    input_tokens: usage.map(|usage| usage.input_tokens),
                    output_tokens: usage.map(|usage| usage.output_tokens),
                    estimated,
                    cost_usd,
                    ms: took.as_secs_f64() * 1e3,
                    model: None,
                });
            }
        }
        self.metrics.answered(
            &task.name,
            Answer {
                is_error: account.error.is_some(),
                stood_in: account.stood_in,
                cached: account.cached,
                continued: account.continued,
            },
        );
        if let Some(key) = &asking.key {
            // What is not known of one is no reason to forget what is known of the others.
            let others = |answered: &Answered| answered.other.and_then(|other| other.cost_usd);
            let both = |answered: &Answered| [answered.cost_usd, others(answered)];
            key.spend(account.asked.iter().flat_map(|(_, answered)| both(answered)).flatten().sum());
        }
        if self.record.is_none() && !self.config.log {
            return;
        }
        let line = Line {
            at: Line::now(),
            id: account.id,
            key: asking.key.as_ref().map(|key| key.name.as_str()),
            route: account.route,
            task: &task.name,
            policy: account.policy,
            given: account.given.map(|at| account.asked[at].0.name.as_str()),
            stood_in: account.stood_in,
            cached: account.cached,
            continued: account.continued,
            error: account.error,
            cost_usd: cost,
            asked: lines,
            overhead_ms: account.overhead.map(|overhead| overhead.as_secs_f64() * 1e3),
        };
        if let Some(Err(error)) = self.record.as_ref().map(|record| record.add(&line)) {
            tell(&format!("the record cannot be written: {error}"));
        }
        if self.config.log {
            tell(&serde_json::to_string(&line).unwrap_or_default());
        }
    }
}

/// What is put on the record of an answer.
pub(crate) struct Account<'a> {
    /// The name of the answer.
    pub(crate) id: &'a str,
    pub(crate) route: &'static str,
    pub(crate) task: &'a ServedTask,
    /// The policy, or the candidate that was asked for by name.
    pub(crate) policy: &'a str,
    pub(crate) asked: Vec<(&'a Candidate, &'a Answered)>,
    pub(crate) given: Option<usize>,
    pub(crate) stood_in: bool,
    /// Whether an answer that was given before was given again.
    pub(crate) cached: bool,
    /// Whether a stream broke off, and was gone on with by another.
    pub(crate) continued: bool,
    pub(crate) error: Option<&'static str>,
    pub(crate) overhead: Option<Duration>,
}

impl<'a> Account<'a> {
    /// Of an answer that is whole.
    pub(crate) fn of(
        route: &'static str,
        asking: &'a Asking,
        task: &'a ServedTask,
        policy: &'a str,
        played: &'a Played,
        overhead: Duration,
    ) -> Self {
        let asked =
            played.asked.iter().map(|(place, answered)| (&task.run.candidates[*place], answered)).collect();
        let error = played.failure().filter(|_| played.answer.is_none()).map(|failure| failure.kind.as_str());
        let (given, stood_in) = (played.given, played.stood_in);
        Self {
            id: &asking.id,
            route,
            task,
            policy,
            asked,
            given,
            stood_in,
            cached: false,
            continued: false,
            error,
            overhead: Some(overhead),
        }
    }
}

impl Asking {
    /// Whether it may ask this task, and how soon.
    ///
    /// # Errors
    /// [`ApiError`] 403, 429.
    pub(crate) fn admit(&self, task: &ServedTask) -> Result<(), ApiError> {
        let Some(key) = &self.key else { return Ok(()) };
        if !key.may_ask(&task.run.name) {
            let message = format!("this key may not ask the task {:?}", task.run.name);
            return Err(ApiError::new(StatusCode::FORBIDDEN, "task_not_allowed", message));
        }
        key.admit().map_err(|refused| {
            let (code, message, wait) = match refused {
                Refused::Rate(wait) => {
                    ("rate_limit_exceeded", "this key has no more requests this minute".to_owned(), wait)
                }
                Refused::Budget(usd, wait) => (
                    "insufficient_quota",
                    format!("this key has spent the {usd} USD that it has for a day (UTC)"),
                    wait,
                ),
            };
            ApiError {
                retry_after: Some(wait),
                ..ApiError::new(StatusCode::TOO_MANY_REQUESTS, code, message)
            }
        })
    }

    /// Time in this server, without what others were waited for.
    pub(crate) fn overhead(&self, waited: Duration) -> Duration {
        self.start.elapsed().saturating_sub(waited)
    }
}

/// Writes a line to standard error. Nothing can be done where that fails.
pub(crate) fn tell(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{}", ordinate_core::shown(line));
}
