//! Cascade: asks cheap candidates first, and the dear one where their answers are not expected to be as good.
//!
//! The dear candidate is the best single. Of the others, the best few on the slice are asked first. Once their
//! answers are seen, the dear one is asked where its expected gain over the best of them is worth its outlay.

use ordinate_core::evidence::{Answers, View};
use ordinate_core::{CandidateName, Dial, Evidence, Given, Policy, PolicyKind, Query, Seen, Step, Thought};
use ordinate_trials::{Board, best_column};
use serde::{Deserialize, Serialize};

use super::panel::{Panel, Panels, Player};
use super::sight::Scene;
use super::{applies, learn};
use crate::by_slice::{BySlice, best_utility};
use crate::error::NotApplicable;
use crate::learner::{Context, Learner};
use crate::vote::point_of;

/// Candidates that are asked first.
const ASKED: usize = 4;

/// Learns [`Cascade`].
#[derive(Debug, Clone, Copy, Default)]
pub struct CascadeLearner;

impl Learner for CascadeLearner {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Cascade
    }

    fn applies(&self, evidence: &Evidence) -> Result<(), NotApplicable> {
        applies(self.kind(), evidence, 0)
    }

    fn promises(&self) -> bool {
        true
    }

    fn fit(&self, train: &View<'_>, context: &Context) -> Result<Box<dyn Policy>, NotApplicable> {
        let lookup = BySlice::fit(train, context.outlay);
        let board = Board::new(train.evidence, &train.rows, None);
        let dear = best_column(&board, &(0..board.len()), &[]);
        let speaks: Vec<bool> = train.evidence.columns().iter().map(Answers::has_output).collect();
        let dials = self.dials(train.evidence, context);
        let asking = Asking { dear, silent: !speaks.contains(&true), speaks, dials };
        let panels = learn(self.kind(), train, &lookup, context.outlay, &asking)?;
        let dials = asking.dials.iter().map(|Dial(dial)| *dial).collect();
        Ok(Box::new(Cascade { lookup, dear, panels, dials }))
    }
}

/// Whom it asks first, and when it goes on.
struct Asking {
    dear: usize,
    speaks: Vec<bool>,
    /// Where no outputs were kept, the input has to do, and there is no use in asking several.
    silent: bool,
    dials: Vec<Dial>,
}

impl Player for Asking {
    fn choose(&self, expected: &[f64]) -> (Vec<usize>, Vec<usize>) {
        let first = |&column: &usize| column != self.dear && (self.silent || self.speaks[column]);
        let mut asked: Vec<usize> = (0..expected.len()).filter(first).collect();
        asked.sort_by(|&a, &b| expected[b].total_cmp(&expected[a]));
        asked.truncate(if self.silent { 1 } else { ASKED });
        let targets = asked.iter().copied().chain([self.dear]).collect();
        (asked, targets)
    }

    fn dials(&self) -> &[Dial] {
        &self.dials
    }

    fn give(&self, predicted: &[f64], Dial(dial): Dial, last: f64) -> (usize, bool) {
        let dear = predicted.len() - 1;
        let best =
            (1..dear).fold(0, |best, target| if predicted[target] > predicted[best] { target } else { best });
        if predicted[dear] - dial * last > predicted[best] { (dear, true) } else { (best, false) }
    }
}

/// Asks cheap candidates, looks, and asks the dear one where that pays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cascade {
    lookup: BySlice,
    dear: usize,
    panels: Panels,
    /// The points of its curve, rising: at some of them a slice may be left to the lookup.
    #[serde(default)]
    dials: Vec<f64>,
}

impl Cascade {
    /// Expected quality of the panel's targets, computed once per item and kept in the thought.
    fn expect(panel: &Panel, query: &Query<'_>, seen: &[Seen<'_>], thought: &mut Thought) {
        if thought.memo.is_empty() {
            let scene = Scene::new(query, seen.iter().take(panel.asked.len()).copied());
            thought.memo = scene.map_or_else(Vec::new, |scene| panel.expect(&scene));
        }
    }
}

impl Policy for Cascade {
    fn kind(&self) -> PolicyKind {
        PolicyKind::Cascade
    }

    fn candidates(&self) -> &[CandidateName] {
        self.lookup.candidates()
    }

    fn think(&self, query: &Query<'_>) -> Thought {
        self.lookup.think(query)
    }

    fn next(&self, query: &Query<'_>, thought: &mut Thought, seen: &[Seen<'_>], dial: Dial) -> Step {
        let point = point_of(&self.dials, dial);
        let (Some(panel), Some(_)) = (self.panels.of(query.slice, point), query.input) else {
            return match seen.first() {
                None => Step::Ask(vec![best_utility(&thought.quality, &thought.outlay, dial)]),
                Some(seen) => Step::Give(Given::Answer(seen.candidate)),
            };
        };
        if seen.is_empty() {
            return Step::Ask(panel.asked.clone());
        }
        if seen.len() > panel.asked.len() {
            return Step::Give(Given::Answer(self.dear));
        }
        Self::expect(panel, query, seen, thought);
        let answered = (0..seen.len()).filter(|&place| !seen[place].failed);
        let best = answered
            .reduce(|best, place| if thought.memo[place] > thought.memo[best] { place } else { best });
        let Some(best) = best else { return Step::Ask(vec![self.dear]) };
        let outlay = thought.outlay.get(self.dear).copied().unwrap_or(0.0);
        let dear = thought.memo.last().copied().unwrap_or(f64::NEG_INFINITY);
        if dear - dial.0 * outlay > thought.memo[best] {
            Step::Ask(vec![self.dear])
        } else {
            Step::Give(Given::Answer(seen[best].candidate))
        }
    }

    fn save(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }
}
