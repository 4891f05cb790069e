//! What a server makes of each answer beyond giving it: whether inputs are like the measured ones, whether who answers is who was
//! measured, and which items the runner-up is asked too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ordinate_core::Item;

use crate::candidate::{Answered, Candidate};
use crate::metrics::{head, label};
use crate::named::{Known, Names, Part, Told};
use crate::play::Played;
use crate::record::Shadowed;
use crate::seen::Seen;
use crate::shadow::Shadow;
use crate::state::{Served, Server, tell};
use crate::task::ServedTask;
use crate::watch::{Paired, PairedStanding};

/// Task, policy, and the candidate that it is held against.
type Pair = (String, String, String);

/// What was observed.
#[derive(Default)]
pub(crate) struct Observed {
    /// By task and candidate.
    names: Mutex<BTreeMap<(String, String), Names>>,
    pairs: Mutex<BTreeMap<Pair, Paired>>,
    /// Whether there is something that is not on the disk yet.
    fresh: AtomicBool,
}

impl Server {
    /// Goes on from what an earlier server has seen.
    pub(crate) fn begin_observing(&self) {
        let mut seed = [0; 8];
        // Where the system gives no random bytes, coins are tossed by the clock: nobody gains by foretelling them.
        if getrandom::fill(&mut seed).is_err() {
            seed = crate::day::seconds_now().to_le_bytes();
        }
        let seed = u64::from_le_bytes(seed);
        self.shadows.seed(seed);
        let served = self.served();
        for task in served.tasks() {
            task.lock_drift(|drift| drift.seed(seed));
        }
        let Some(record) = &self.record else { return };
        match Seen::read(record.folder()) {
            Err(error) => tell(&format!("what was seen before is not known: {error}")),
            Ok(Seen(mut before)) => {
                for task in served.tasks() {
                    let Some(seen) = before.remove(&task.run.name) else { continue };
                    if let Some(kept) = seen.drift {
                        task.lock_drift(|drift| drift.go_on_from(kept));
                    }
                    let mut names = lock(&self.observed.names);
                    names
                        .extend(seen.names.into_iter().map(|(name, of)| ((task.run.name.clone(), name), of)));
                }
            }
        }
    }

    /// Counts what shadow requests of earlier servers cost today, once there are to be some here.
    pub(crate) fn begin_shadows(&self) {
        let are_made = self.served().tasks().iter().any(|task| task.runner_up.is_some());
        let Some(record) = self.record.as_ref().filter(|_| are_made && self.shadows.begins()) else { return };
        match record.shadow_costs() {
            Ok(costs) => self.shadows.spent_before(costs),
            Err(error) => tell(&format!("what shadow requests cost today is not known: {error}")),
        }
    }

    /// What the tasks of these have seen goes on in those of the same name.
    pub(crate) fn go_on_observing(old: &Served, new: &Served) {
        for task in new.tasks() {
            let before = old.tasks().iter().find(|before| before.run.name == task.run.name);
            let kept = before.and_then(|before| before.lock_drift(|drift| drift.kept()));
            if let Some(kept) = kept {
                task.lock_drift(|drift| {
                    drift.seed(u64::from(std::process::id()));
                    drift.go_on_from(kept);
                });
            }
        }
    }

    /// Writes what was seen beside the record, if there is anything new.
    pub(crate) fn keep_seen(&self) {
        let Some(record) =
            self.record.as_ref().filter(|_| self.observed.fresh.swap(false, Ordering::Relaxed))
        else {
            return;
        };
        let mut seen = Seen::default();
        for task in self.served().tasks() {
            let of = seen.0.entry(task.run.name.clone()).or_default();
            of.drift = task.lock_drift(|drift| drift.kept());
        }
        for ((task, candidate), names) in lock(&self.observed.names).iter() {
            seen.0.entry(task.clone()).or_default().names.insert(candidate.clone(), names.clone());
        }
        if let Err(error) = seen.write(record.folder()) {
            tell(&format!("what was seen cannot be written: {error}"));
        }
    }

    /// Takes what an answer says of who gave it.
    pub(crate) fn see_signature(&self, task: &ServedTask, candidate: &Candidate, answered: &Answered) {
        let signature = &answered.signature;
        if signature.model.is_none() && signature.fingerprint.is_none() {
            return;
        }
        let key = (task.run.name.clone(), candidate.name.to_string());
        let known = Known { measured: candidate.measured(), is_other: answered.model.is_some() };
        let mut all = lock(&self.observed.names);
        let names = all.entry(key).or_default();
        for told in names.see(signature, known) {
            let before = match names.first(told.part) {
                Some(first) => format!("; before it was {first:?}"),
                None => "; when it was measured it was another".to_owned(),
            };
            tell(&format!(
                "{}: what answers as {} is not what was measured: its {} is {:?}{before}; run the task again with answers of now",
                task.run.name,
                candidate.name,
                told.part.as_str(),
                told.name
            ));
        }
        self.observed.fresh.store(true, Ordering::Relaxed);
    }

    /// Takes an item that the policy has answered. Gives the shadow request that is to be made once the answer went out.
    pub(crate) fn see_item(
        self: &Arc<Self>,
        id: &str,
        task: &Arc<ServedTask>,
        item: &Item,
        played: &Played,
    ) -> Option<Shadow> {
        let asked = played.asked.iter().map(|(place, answered)| (&task.run.candidates[*place], answered));
        self.see_input(task, item);
        // Whoever stood in is not the policy.
        if played.stood_in {
            return None;
        }
        Shadow::of(self, id, task, item, played.answer.as_deref(), asked)
    }

    /// Holds an input against those that were measured.
    pub(crate) fn see_input(&self, task: &ServedTask, item: &Item) {
        let shown = task.lock_drift(|drift| drift.see(&item.input.text, item.slice.as_deref()));
        let Some(shown) = shown else { return };
        self.observed.fresh.store(true, Ordering::Relaxed);
        for now in shown {
            tell(&format!(
                "{}: inputs are not like the measured ones any more: {} was {:.3} on average and is {:.3} of late, over {} inputs; \
                 the verdict may not hold for them; measure such items too",
                task.run.name,
                now.figure.as_str(),
                now.measured,
                now.lately.unwrap_or_default(),
                now.inputs
            ));
        }
    }

    /// Scores the answers to a request, the policy's and the runner-up's, against what is right, and writes them to the record as
    /// rows of an evidence table. `None` where they are not kept, or cannot be scored.
    pub(crate) fn score_both(&self, task: &ServedTask, request: &str, target: &str) -> Option<Shadowed> {
        let (record, score) = (self.record.as_ref()?, task.run.score.as_ref()?);
        let mut kept = lock(&self.shadows.waiting).take(&task.run.name, request)?;
        let scores = kept.score(target, score);
        for row in &kept.rows {
            if let Err(error) = record.add_evidence(row) {
                tell(&format!("the record cannot be written: {error}"));
            }
        }
        let shadowed =
            Shadowed { candidate: kept.runner_up, score: scores.runner_up, of_policy: scores.policy };
        // Feedback of another policy than is served now says nothing of this one.
        (kept.policy == task.run.artefact.name).then_some(shadowed)
    }

    /// Bets on the next pair of scores, and says so where the runner-up is shown to be better. What is on the record already is in it.
    pub(crate) fn see_pair(&self, task: &ServedTask, shadowed: &Shadowed) {
        let mut pairs = lock(&self.observed.pairs);
        let paired = self.pair_of(&mut pairs, task, &shadowed.candidate);
        if paired.see(shadowed.of_policy, shadowed.score) {
            let now = paired.standing();
            tell(&format!(
                "{}: {} is better than what is served: on the same {} items it scored {:.3}, and {} scored {:.3} (margin {}); run the \
                 task again with answers of now",
                task.run.name,
                shadowed.candidate,
                now.items,
                now.candidate.unwrap_or_default(),
                task.run.artefact.name,
                now.policy.unwrap_or_default(),
                now.margin
            ));
        }
    }

    /// Reads the pairs that are on the record, if that was not done before: what comes now is counted once.
    pub(crate) fn begin_pair(&self, task: &ServedTask, candidate: &str) {
        self.pair_of(&mut lock(&self.observed.pairs), task, candidate);
    }

    fn pair_of<'p>(
        &self,
        pairs: &'p mut BTreeMap<Pair, Paired>,
        task: &ServedTask,
        candidate: &str,
    ) -> &'p mut Paired {
        let key = (task.run.name.clone(), task.run.artefact.name.clone(), candidate.to_owned());
        pairs.entry(key).or_insert_with_key(|(name, policy, candidate)| {
            let mut paired = Paired::new(task.run.margin);
            let before = self.record.as_ref().and_then(|record| record.feedback(name, policy).ok());
            for line in before.into_iter().flatten() {
                if let Some(shadowed) = line.shadow.filter(|shadowed| shadowed.candidate == *candidate) {
                    paired.see(shadowed.of_policy, shadowed.score);
                }
            }
            paired
        })
    }

    /// The names of models that have changed: task, candidate, what is new, and what was before.
    pub(crate) fn changed_names(&self) -> Vec<(String, String, Told, Option<String>)> {
        let mut changed = Vec::new();
        for ((task, candidate), names) in lock(&self.observed.names).iter() {
            for told in names.changed() {
                let before = names.first(told.part).map(str::to_owned);
                changed.push((task.clone(), candidate.clone(), told.clone(), before));
            }
        }
        changed
    }

    /// What became of spans, where there is a collector for them.
    pub(crate) fn telemetry_text(&self) -> String {
        let mut text = String::new();
        let Some(exporter) = &self.telemetry else { return text };
        let name = "ordinate_spans_total";
        head(&mut text, name, "counter", "Spans, by what became of them: dropped where there was no room.");
        for (what, count) in exporter.counts() {
            let _ = writeln!(text, "{name}{{what=\"{what}\"}} {count}");
        }
        text
    }

    /// How each policy stands against its runner-up.
    pub(crate) fn pairs(&self) -> Vec<(String, String, PairedStanding)> {
        let mut pairs = lock(&self.observed.pairs);
        for task in self.served().tasks() {
            if let Some(runner_up) = &task.runner_up {
                self.pair_of(&mut pairs, task, task.run.candidates[runner_up.place].name.as_str());
            }
        }
        pairs.iter().map(|((task, _, name), pair)| (task.clone(), name.clone(), pair.standing())).collect()
    }

    /// All of it as Prometheus reads it.
    pub(crate) fn observed_text(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, rows: Vec<(String, f64)>| {
            let name = format!("ordinate_{name}");
            head(&mut text, &name, kind, help);
            for (labels, value) in rows {
                let _ = writeln!(text, "{name}{{{labels}}} {value}");
            }
        };
        let counted = self.shadows.counted();
        let asked = |value: fn(&crate::shadow::Asked) -> f64| -> Vec<(String, f64)> {
            let of = |(task, name): &(String, String)| two("task", task, "candidate", name);
            counted.asked.iter().map(|(key, asked)| (of(key), value(asked))).collect()
        };
        let counter = "counter";
        family("shadow_requests_total", counter, "Shadow requests.", asked(|one| one.requests as f64));
        family(
            "shadow_errors_total",
            counter,
            "Shadow requests without an answer.",
            asked(|one| one.errors as f64),
        );
        family(
            "shadow_same_total",
            counter,
            "Shadow answers equal to the given one.",
            asked(|one| one.same as f64),
        );
        family("shadow_cost_usd_total", counter, "Cost of shadow requests, USD.", asked(|one| one.cost_usd));
        let dropped = counted.dropped.iter();
        let dropped =
            dropped.map(|((task, why), count)| (two("task", task, "reason", why.as_str()), *count as f64));
        family("shadow_dropped_total", counter, "Shadow requests that were not made.", dropped.collect());
        let pairs = self.pairs();
        let paired = |value: fn(&PairedStanding) -> f64| -> Vec<(String, f64)> {
            pairs.iter().map(|(task, name, now)| (two("task", task, "candidate", name), value(now))).collect()
        };
        family(
            "runner_up_items",
            "gauge",
            "Items that policy and runner-up were scored on.",
            paired(|now| now.items as f64),
        );
        family(
            "runner_up_evidence",
            "gauge",
            "Evidence that the runner-up is better; 20 shows it.",
            paired(|now| now.evidence),
        );
        family(
            "runner_up_better",
            "gauge",
            "1 once that is shown.",
            paired(|now| f64::from(u8::from(!now.holds))),
        );
        let (mut evidence, mut drifted) = (Vec::new(), Vec::new());
        for task in self.served().tasks() {
            for now in task.lock_drift(|drift| drift.standings()).into_iter().flatten() {
                let labels = two("task", &task.run.name, "figure", now.figure.as_str());
                evidence.push((labels.clone(), now.evidence));
                drifted.push((labels, f64::from(u8::from(now.since.is_some()))));
            }
        }
        family(
            "drift_evidence",
            "gauge",
            "Evidence that inputs differ from the measured ones; 20 shows it.",
            evidence,
        );
        family("inputs_drifted", "gauge", "1 once that is shown.", drifted);
        let mut changes = Vec::new();
        for ((task, candidate), names) in lock(&self.observed.names).iter() {
            for part in [Part::Model, Part::SystemFingerprint] {
                let count = names.changed().filter(|told| told.part == part).count();
                changes.push((
                    format!("{},what=\"{}\"", two("task", task, "candidate", candidate), part.as_str()),
                    count as f64,
                ));
            }
        }
        family("model_changes_total", counter, "Names that were neither measured nor the first.", changes);
        text
    }
}

/// Two labels.
fn two(one: &str, first: &str, other: &str, second: &str) -> String {
    format!("{one}=\"{}\",{other}=\"{}\"", label(first), label(second))
}

fn lock<T>(held: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
