//! `[measure] stop_settled`: candidates that answer elsewhere are asked about a random part of the items, which grows until
//! the verdict stands.
//!
//! A look is the verdict of the task, under its needs, on one part; the parts are nested. Asking ends where two looks in a row
//! say the same: the same outcome with the same recommendation, or both `undecided` where by either even all the items would
//! probably not settle it. One look alone would do too often: there are several, and each may be wrong. Parts are drawn by units
//! (an item, or a group of dependent ones) in an order that hangs on the seed alone, so that what was asked is a random sample
//! of the items, every estimate on it is as unbiased as on all, and the same command asks nothing twice.

use std::sync::Arc;

use ordinate_core::Evidence;
use ordinate_core::verdict::{Deployment, Outcome, Verdict};
use ordinate_judge::{Setting, host_when_busy};
use ordinate_measure::growing;

use crate::asking::{Asked, Session};
use crate::cells::Answers;
use crate::decide::{decided, setting};
use crate::error::Error;
use crate::materials::Columns;
use crate::observe::{Step, step};
use crate::run::hosted;
use crate::work::aside;

/// The parts, as shares of all.
const SHARES: [f64; 7] = [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75];
/// Units of the smallest part: with fewer, hardly any difference can be seen, and two looks agree by chance.
const LEAST: usize = 60;

/// The items that are asked about one after the other, smallest part first: all at once, unless the task says otherwise.
///
/// # Errors
/// [`Error::Task`] where the two ways to stop are both set.
pub(crate) async fn parts(session: &Session<'_>, asked: &[Asked]) -> Result<Vec<Arc<[u32]>>, Error> {
    let (file, all) = (&session.task.file, &session.materials.asked);
    let elsewhere: Vec<&Asked> = asked.iter().filter(|one| one.opened.here.is_none()).collect();
    if file.measure.stop_settled != Some(true) || elsewhere.is_empty() {
        return Ok(vec![Arc::clone(all)]);
    }
    if file.measure.stop_early == Some(true) {
        let problem = "[measure] stop_settled: stop_early is set too. Leave one of them out: stop_early stops single candidates, \
                       stop_settled all of them once the verdict stands.";
        return Err(Error::task(session.task, problem));
    }
    let items = Columns(Arc::clone(&session.materials.items));
    let parts = growing(all, &items, file.statistics.seed.unwrap_or_default(), &SHARES, LEAST);
    if session.options.rescore {
        // Nobody is asked: what is read anew is what there is.
        for part in parts.iter().rev() {
            if session.has_all(&elsewhere, part).await? {
                return Ok(vec![Arc::clone(part)]);
            }
        }
    }
    Ok(parts)
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Looks(Vec<Option<Look>>);

/// What a verdict on one part says.
#[derive(Debug, Clone, PartialEq)]
struct Look {
    outcome: Outcome,
    recommended: Option<String>,
    /// Items that would probably settle it, where it is undecided.
    needed: Option<u64>,
    /// Items that it is on.
    items: u64,
}

impl Look {
    fn of(verdict: &Verdict, items: usize) -> Self {
        Self {
            outcome: verdict.outcome,
            recommended: verdict.recommended.as_ref().map(|one| one.name.clone()),
            needed: verdict.undecided.map(|undecided| undecided.items_needed),
            items: items as u64,
        }
    }

    /// Whether this look and the one before say the same of `all` items.
    fn confirms(&self, before: &Self, all: u64) -> bool {
        if self.outcome != before.outcome {
            return false;
        }
        let beyond = |look: &Self| look.needed.is_some_and(|needed| needed > all);
        match self.outcome {
            Outcome::Undecided => beyond(self) && beyond(before),
            _ => self.recommended == before.recommended,
        }
    }

    fn said(&self) -> String {
        match (&self.recommended, self.needed) {
            (_, Some(needed)) => format!("{}, where about {needed} items would settle it", self.outcome),
            (Some(name), None) => format!("{}: {name}", self.outcome),
            (None, None) => self.outcome.to_string(),
        }
    }
}

impl Looks {
    /// How many looks were taken.
    pub(crate) fn taken(&self) -> usize {
        self.0.len()
    }

    /// Looks at the evidence on the next part, and says whether the verdict stands.
    pub(crate) async fn stand(
        &mut self,
        session: &Session<'_>,
        evidence: &Evidence,
        deployment: &[Deployment],
    ) -> Result<bool, Error> {
        let (task, mut evidence, deployment) = (session.task.clone(), evidence.clone(), deployment.to_vec());
        let (items, seen) = (evidence.len(), Arc::clone(session.seen));
        let look = aside(&session.options.cancel, move || {
            let hosted = hosted(&evidence, &deployment);
            host_when_busy(&mut evidence, &hosted);
            let setting = Setting { hosted, deployment, ..setting(&task, &[]) };
            // A part may be too small to fold where all the items are not.
            Ok(decided(&task, &evidence, setting, None, seen.as_ref())
                .ok()
                .map(|decided| Look::of(&decided.verdict, items)))
        });
        let look = look.await?;
        let all = session.materials.asked.len();
        if let Some(look) = &look {
            let told = format!("after {} of {all} items: {}", look.items, look.said());
            step(session.seen.as_ref(), Step::Note(&told));
        }
        self.0.push(look);
        let [.., Some(before), Some(now)] = &self.0[..] else { return Ok(false) };
        Ok(now.confirms(before, all as u64))
    }

    /// What the verdict has to say of it, where there was anything to stop.
    pub(crate) fn note(&self, session: &Session<'_>, part: &[u32], answers: &Answers) -> Option<String> {
        let (all, asked) = (session.materials.asked.len(), part.len());
        match &self.0[..] {
            _ if asked < all => {}
            [] => return None,
            _ => {
                return Some(format!(
                    "stop_settled: the verdict did not stand before all {all} items were asked about."
                ));
            }
        }
        let why = match &self.0[..] {
            [.., Some(before), Some(now)] if now.outcome == Outcome::Undecided => format!(
                "; on {} of them and on {} the verdict was undecided, and by either all would probably not settle it",
                before.items, now.items
            ),
            [.., Some(before), Some(now)] => {
                format!(
                    "; on {} of them and on {} the verdict was the same ({})",
                    before.items,
                    now.items,
                    now.said()
                )
            }
            _ => String::new(),
        };
        let left = (all - asked) as f64 / asked.max(1) as f64;
        let saved: f64 = answers.values().filter_map(|(summary, _)| summary.cost_usd).sum::<f64>() * left;
        let saved =
            if saved > 0.0 { format!(" The rest would have cost about ${saved:.2}.") } else { String::new() };
        Some(format!(
            "stop_settled: candidates that answer elsewhere were asked about {asked} of {all} items, drawn at random{why}. All \
             figures are on these.{saved}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(outcome: Outcome, recommended: &str, needed: Option<u64>) -> Look {
        Look { outcome, recommended: Some(recommended.into()), needed, items: 100 }
    }

    #[test]
    fn two_looks_confirm_each_other_where_they_say_the_same() {
        let general = look(Outcome::General, "a", None);
        assert!(general.confirms(&general, 1_000));
        assert!(!general.confirms(&look(Outcome::General, "b", None), 1_000));
        assert!(!general.confirms(&look(Outcome::Vertical, "a", None), 1_000));
        let far = look(Outcome::Undecided, "a", Some(5_000));
        let near = look(Outcome::Undecided, "b", Some(400));
        assert!(far.confirms(&look(Outcome::Undecided, "b", Some(1_001)), 1_000));
        assert!(!far.confirms(&near, 1_000) && !near.confirms(&far, 1_000), "all the items would settle it");
        assert!(!far.confirms(&look(Outcome::Undecided, "a", None), 1_000));
    }
}
