//! The policy of a run, played live: whom it wants is asked at the same time, and it sees their answers.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ordinate_core::{Dial, Given, Query, Seen, Step, Thought};
use ordinate_remote::{Failure, FailureKind, traced};

use crate::candidate::{Answered, Candidate, Other, tires};
use crate::hedge::hedged;
use crate::task::ServedTask;
use crate::telemetry::{self, Child};

/// What came of playing.
#[derive(Debug, Default)]
pub(crate) struct Played {
    /// Who was asked, by place among the run's candidates, and what came of it; in the order of the asking.
    pub(crate) asked: Vec<(usize, Answered)>,
    /// The place in `asked` of the answer that is given; `None` where it was made of several, or there is none.
    pub(crate) given: Option<usize>,
    /// The answer.
    pub(crate) answer: Option<String>,
    /// Whether somebody stood in for whom the policy chose.
    pub(crate) stood_in: bool,
    /// What the policy expects of whom it asked first, where it is one.
    pub(crate) expected_quality: Option<f64>,
    pub(crate) expected_gain: Option<f64>,
    /// How long others were waited for.
    pub(crate) waited: Duration,
}

impl Played {
    /// USD that all of them cost together; `None` where that is not known of one.
    pub(crate) fn cost_usd(&self) -> Option<f64> {
        self.asked.iter().map(|(_, answered)| answered.all_cost_usd()).sum()
    }

    /// Why there is no answer.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        let given = self.given.and_then(|given| self.asked[given].1.failure.as_ref());
        given.or_else(|| self.asked.iter().rev().find_map(|(_, answered)| answered.failure.as_ref()))
    }
}

/// What a policy makes of an item before anybody is asked.
pub(crate) struct Decision {
    pub(crate) dial: Dial,
    pub(crate) thought: Thought,
    /// Whom it asks first, by place among the policy's.
    pub(crate) first: Vec<usize>,
}

/// The first step of the policy; `key` is what a coin is tossed by.
pub(crate) fn decide(task: &ServedTask, query: &Query<'_>, key: &str) -> Decision {
    let artefact = &task.run.artefact;
    let dial = artefact.dial_for(key);
    let mut thought = artefact.policy.think(query);
    let first = match artefact.policy.next(query, &mut thought, &[], dial) {
        Step::Ask(first) => first,
        Step::Give(_) => Vec::new(),
    };
    Decision { dial, thought, first }
}

/// Plays the policy. `ask` asks the candidate in a place of the run; with `stand_in` the next best ones are asked where
/// whoever was to answer is out of order.
pub(crate) async fn play<'a, F>(
    task: &'a ServedTask,
    query: &Query<'_>,
    key: &str,
    stand_in: bool,
    ask: impl Fn(&'a Candidate) -> F,
) -> Played
where
    F: Future<Output = Answered>,
{
    let policy = task.run.artefact.policy.as_ref();
    let Decision { dial, mut thought, first } = decide(task, query, key);
    let mut played = Played::default();
    if let [one] = first[..] {
        played.expected_quality = thought.quality.get(one).copied();
        played.expected_gain = task.expected_gain(&thought, one);
    }
    let mut order: Vec<usize> = Vec::new();
    let mut step = Step::Ask(first);
    loop {
        match step {
            Step::Ask(wanted) => {
                let new = wanted.iter().all(|at| *at < task.places.len() && !order.contains(at));
                if wanted.is_empty() || !new {
                    break;
                }
                let places: Vec<usize> = wanted.iter().map(|&at| task.places[at]).collect();
                order.extend(wanted);
                ask_all(task, &places, &mut played, &ask).await;
            }
            Step::Give(Given::Answer(at)) => {
                played.given = order.iter().position(|one| *one == at);
                let answered = played.given.map(|given| &played.asked[given].1);
                played.answer =
                    answered.filter(|one| one.failure.is_none()).and_then(|answered| answered.output.clone());
                break;
            }
            Step::Give(Given::Merged(output)) => {
                played.answer = Some(output.to_string());
                break;
            }
        }
        let seen: Vec<Seen<'_>> =
            order.iter().zip(&played.asked).map(|(at, (_, answered))| answered.seen(*at)).collect();
        step = policy.next(query, &mut thought, &seen, dial);
    }
    let out = match played.given {
        Some(given) => played.asked[given].1.is_out(),
        None => played.asked.iter().all(|(_, answered)| answered.is_out()),
    };
    if played.answer.is_none() && out && stand_in {
        let tried: Vec<usize> = played.asked.iter().map(|(place, _)| *place).collect();
        for place in task.next_best(&thought, dial, &tried) {
            ask_all(task, &[place], &mut played, &ask).await;
            let last = played.asked.len() - 1;
            let answered = &played.asked[last].1;
            if !answered.is_out() {
                played.answer = answered.output.clone().filter(|_| answered.failure.is_none());
                (played.given, played.stood_in) = (Some(last), true);
                break;
            }
        }
    }
    played
}

/// Asks them at the same time, but for those that rest.
async fn ask_all<'a, F>(
    task: &'a ServedTask,
    places: &[usize],
    played: &mut Played,
    ask: &impl Fn(&'a Candidate) -> F,
) where
    F: Future<Output = Answered>,
{
    let start = Instant::now();
    let each = places.iter().map(|&place| async move {
        let candidate = &task.run.candidates[place];
        (place, guarded(candidate, task.hedge, || ask(candidate)).await)
    });
    played.asked.extend(join_all(each).await);
    played.waited += start.elapsed();
}

/// The pause before whoever could not be connected to is asked once more: nothing was sent, so that nothing is paid twice.
const RECONNECT: Duration = Duration::from_millis(50);
/// A server that asks for a pause of at most this is asked once more after it.
const SHORT_PAUSE: Duration = Duration::from_secs(1);

/// The pause after which a failed request is sent once more; `None` where it is not.
pub(crate) fn once_more(failure: &Failure) -> Option<Duration> {
    match (failure.kind, failure.retry_after) {
        (FailureKind::Connect, _) => Some(RECONNECT),
        (FailureKind::RateLimited | FailureKind::Overloaded, Some(pause)) if pause <= SHORT_PAUSE => {
            Some(pause)
        }
        _ => None,
    }
}

/// Asks a candidate, and a second time beside it where it takes longer than this and is a server.
async fn perhaps_twice<F>(candidate: &Candidate, hedge: Option<Duration>, ask: &impl Fn() -> F) -> Answered
where
    F: Future<Output = Answered>,
{
    let Some(after) = hedge.filter(|_| candidate.chat().is_some()) else { return ask().await };
    let start = Instant::now();
    let (answered, lost) = hedged(after, ask, |one: &Answered| !one.is_out()).await;
    let Some(lost) = lost else { return answered };
    let other = Some(Other::of(lost, &answered));
    Answered { took: start.elapsed(), other, ..answered }
}

/// Asks a candidate unless it rests, once more where that is safe, and tells its breaker how that went.
pub(crate) async fn guarded<F>(
    candidate: &Candidate,
    hedge: Option<Duration>,
    ask: impl Fn() -> F,
) -> Answered
where
    F: Future<Output = Answered>,
{
    if let Err(rest) = candidate.breaker.admit() {
        return Answered { failure: Some(resting(rest)), ..Answered::default() };
    }
    let trying = Trying(Some(candidate));
    let (child, at) = (telemetry::child(), Instant::now());
    let ask = || traced(child.as_ref().map(Child::told), ask());
    let mut answered = perhaps_twice(candidate, hedge, &ask).await;
    if let Some(pause) = answered.failure.as_ref().and_then(once_more) {
        tokio::time::sleep(pause).await;
        answered = ask().await;
    }
    trying.done();
    match answered.failure.as_ref().filter(|failure| tires(failure.kind)) {
        Some(failure) => candidate.breaker.failed(failure),
        None => candidate.breaker.answered(),
    }
    Answered { at: Some(at), span: child.map(|child| child.id), ..answered }
}

/// Lets the breaker know if nobody waits any longer.
pub(crate) struct Trying<'a>(Option<&'a Candidate>);

impl<'a> Trying<'a> {
    pub(crate) fn of(candidate: &'a Candidate) -> Self {
        Self(Some(candidate))
    }

    pub(crate) fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        if let Some(candidate) = self.0 {
            candidate.breaker.left();
        }
    }
}

/// That a candidate is left alone for a while.
pub(crate) fn resting(rest: Duration) -> Failure {
    let message = format!("it failed again and again, and is left alone for {} s", rest.as_secs().max(1));
    Failure { retry_after: Some(rest), ..Failure::new(FailureKind::Connect, message) }
}
