//! The zero router: a coin between two candidates that knows nothing of the item (Hu et al. 2024, RouterBench). It is no
//! policy that is learned, and what every learned one has to beat at the same cost; where a budget lies between two
//! candidates, it is also what spends it, however dear the dearer one is.

use ordinate_core::verdict::Verdict;
use ordinate_core::{
    Candidate, CandidateName, Dial, Given, Lineage, Policy, PolicyKind, Query, Seen, Step, Thought,
};
use ordinate_trials::zero_router_file;
use serde::{Deserialize, Serialize};

use crate::artefact::Artefact;

/// Asks one candidate for every item, the one with the number of the dial; the coin is the artefact's
/// ([`Artefact::dial_for`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ZeroRouter {
    /// The dearest first.
    candidates: Vec<CandidateName>,
}

impl Policy for ZeroRouter {
    fn kind(&self) -> PolicyKind {
        PolicyKind::ZeroRouter
    }

    fn candidates(&self) -> &[CandidateName] {
        &self.candidates
    }

    fn think(&self, _: &Query<'_>) -> Thought {
        Thought::default()
    }

    fn next(&self, _: &Query<'_>, _: &mut Thought, seen: &[Seen<'_>], Dial(dial): Dial) -> Step {
        match seen.first() {
            None => Step::Ask(vec![(dial as usize).min(self.candidates.len().saturating_sub(1))]),
            Some(seen) => Step::Give(Given::Answer(seen.candidate)),
        }
    }

    fn save(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }
}

/// The zero routers over all candidates and over those of each lineage, with the files that they are saved in. Where the
/// needs have no budget, none is tossed, and each asks the candidate with the highest quality.
pub(crate) fn artefacts(candidates: &[Candidate], verdict: &Verdict) -> Vec<(String, Artefact)> {
    let lineages = [Lineage::General, Lineage::Vertical, Lineage::Transferred].map(Some);
    let pools = [None].into_iter().chain(lineages).map(|lineage| {
        let own = candidates.iter().filter(|candidate| lineage.is_none_or(|own| candidate.lineage == own));
        (lineage, own.map(|candidate| candidate.name.clone()).collect::<Vec<_>>())
    });
    let several = pools
        .filter(|(lineage, names)| names.len() > 1 && (lineage.is_none() || names.len() < candidates.len()));
    several
        .map(|(lineage, names)| {
            let (name, file) = zero_router_file(lineage);
            let row = verdict.policies.iter().find(|row| row.name == name);
            let tossed = row.and_then(|row| Some((row.pool.as_ref()?, row.dial?, row.mix)));
            let (candidates, dial, mix) = match tossed {
                Some((pool, dial, mix)) => (pool.candidates.clone(), dial, mix),
                None => {
                    let best =
                        verdict.candidates.iter().find_map(|row| names.iter().position(|n| *n == row.name));
                    (names, Dial(best.unwrap_or(0) as f64), None)
                }
            };
            (file, Artefact { name, policy: Box::new(ZeroRouter { candidates }), dial, mix, promise: None })
        })
        .collect()
}
