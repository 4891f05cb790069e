//! Plays a policy over recorded answers: what it would have asked and given.
//!
//! Replay calls the same two functions of [`Policy`] as a server does, so the figures are those of the
//! artefact that is served.

use ordinate_core::evidence::Status;
use ordinate_core::{Dial, Evidence, Given, Policy, Query, Row, Seen, Step, Thought};
use ordinate_trials::{Board, Pick, Played, Plays, PlaysBuilder, Priced, Way};
use rayon::prelude::*;

use crate::artefact::Artefact;

/// What `policy` does with `rows` at each dial.
///
/// The policy's candidates are found in the evidence by name; of items on which it wants one that is not there, or was
/// not asked, nothing can be said.
#[must_use]
pub fn record(policy: &dyn Policy, evidence: &Evidence, rows: &[Row], dials: &[Dial]) -> Plays {
    record_each(policy, evidence, rows, &[(None, dials)]).pop().unwrap_or_default()
}

/// [`record`] of a policy and of what it is among some of its candidates ([`Policy::narrowed`]), each at its dials: it
/// thinks once about each item. The policy itself, if it is among them, stands first.
pub(crate) fn record_each(
    policy: &dyn Policy,
    evidence: &Evidence,
    rows: &[Row],
    each: &[(Option<&[usize]>, &[Dial])],
) -> Vec<Plays> {
    const BLOCK: usize = 512;
    let narrowed: Vec<Option<Box<dyn Policy>>> =
        each.iter().map(|(places, _)| places.and_then(|places| policy.narrowed(places))).collect();
    let columns: Vec<Vec<usize>> = narrowed
        .iter()
        .map(|narrow| narrow.as_deref().unwrap_or(policy).candidates())
        .map(|names| names.iter().map(|name| evidence.column_of(name).unwrap_or(usize::MAX)).collect())
        .collect();
    if columns.iter().any(|columns| columns.contains(&usize::MAX)) {
        return each.iter().map(|(_, dials)| Plays::unknown(dials.len(), rows.len())).collect();
    }
    let of_slices: Vec<Option<OfSlices>> = narrowed
        .iter()
        .zip(&columns)
        .zip(each)
        .map(|((narrow, columns), (_, dials))| {
            OfSlices::of(narrow.as_deref().unwrap_or(policy), evidence, columns, dials)
        })
        .collect();
    let blocks: Vec<Vec<Plays>> = rows
        .par_chunks(BLOCK)
        .map(|block| {
            let mut builders: Vec<PlaysBuilder> =
                each.iter().map(|(_, dials)| PlaysBuilder::new(dials.len())).collect();
            let mut way = Vec::new();
            for &row in block {
                let mut whole = match of_slices.iter().all(Option::is_some) {
                    true => Thought::default(),
                    false => policy.think(&evidence.items().query(row)),
                };
                for (number, (plays, (places, dials))) in builders.iter_mut().zip(each).enumerate().rev() {
                    if let Some(known) = &of_slices[number] {
                        known.push(evidence, row, plays);
                        continue;
                    }
                    let policy = narrowed[number].as_deref().unwrap_or(policy);
                    let columns = &columns[number];
                    let mut thought = match places {
                        Some(places) => whole.of(places),
                        None => std::mem::take(&mut whole),
                    };
                    let mut play =
                        Play { evidence, policy, columns, way: std::mem::take(&mut way), merged: None };
                    for (number, dial) in dials.iter().enumerate() {
                        play.run(row, *dial, &mut thought);
                        plays.push(number, &play.way, play.merged);
                    }
                    way = play.way;
                }
            }
            builders.into_iter().map(PlaysBuilder::finish).collect()
        })
        .collect();
    let joined = |number: usize, dials: &[Dial]| {
        let mut all = PlaysBuilder::new(dials.len());
        blocks.iter().for_each(|block| all.append(&block[number]));
        all.finish()
    };
    each.iter().enumerate().map(|(number, (_, dials))| joined(number, dials)).collect()
}

/// The outcome of `policy` on `rows` at each dial: [`record`], with the figures of the evidence.
#[must_use]
pub fn replay(
    policy: &dyn Policy,
    evidence: &Evidence,
    rows: &[Row],
    dials: &[Dial],
) -> Vec<Played<'static>> {
    let plays = record(policy, evidence, rows, dials);
    let board = Board::new(evidence, rows, None);
    let priced = Priced::new(&board, &[]);
    (0..dials.len()).map(|dial| priced.played(&plays, &|_| Pick::at(dial))).collect()
}

/// The outcome on `rows` of a policy as it is served: where a coin chooses its dial, what is expected of the coin.
#[must_use]
pub fn replay_served(artefact: &Artefact, evidence: &Evidence, rows: &[Row]) -> Played<'static> {
    let dials: Vec<Dial> = [artefact.dial].into_iter().chain(artefact.mix.map(|mix| mix.dial)).collect();
    let plays = record(artefact.policy.as_ref(), evidence, rows, &dials);
    let board = Board::new(evidence, rows, None);
    let pick = Pick { dial: 0, mix: artefact.mix.map(|mix| (1, mix.share)) };
    Priced::new(&board, &[]).played(&plays, &|_| pick)
}

/// Whom a policy asks that looks at slices alone: a column for each slice (the last for items of none) and dial.
struct OfSlices(Vec<Vec<usize>>);

impl OfSlices {
    fn of(policy: &dyn Policy, evidence: &Evidence, columns: &[usize], dials: &[Dial]) -> Option<Self> {
        let asked = |slice: Option<&str>| -> Option<Vec<usize>> {
            let query = Query { input: None, slice, notes: None };
            let mut thought = policy.think(&query);
            let mut asked = |dial: &Dial| match policy.next(&query, &mut thought, &[], *dial) {
                Step::Ask(candidates) => match candidates[..] {
                    [one] => columns.get(one).copied(),
                    _ => None,
                },
                Step::Give(_) => None,
            };
            dials.iter().map(&mut asked).collect()
        };
        let names = evidence.items().slices().names().iter().map(Some);
        policy
            .sees_slices_alone()
            .then(|| names.chain([None]).map(asked).collect::<Option<_>>().map(Self))
            .flatten()
    }

    fn push(&self, evidence: &Evidence, row: Row, plays: &mut PlaysBuilder) {
        let slice = evidence.items().slices().codes()[row] as usize;
        let columns = self.0.get(slice).or(self.0.last());
        for (number, &column) in columns.into_iter().flatten().enumerate() {
            match evidence.answers(column).status(row) {
                Status::Missing => plays.push(number, &[Way::NOTHING], None),
                _ => plays.push_answer(number, column),
            }
        }
    }
}

/// One item in play after the other.
struct Play<'a> {
    evidence: &'a Evidence,
    policy: &'a dyn Policy,
    /// The column of each of the policy's candidates.
    columns: &'a [usize],
    /// What was done, as the numbers of a [`Way`].
    way: Vec<u16>,
    /// What the answer scored, where it was made of several.
    merged: Option<f64>,
}

impl Play<'_> {
    fn run(&mut self, row: Row, dial: Dial, thought: &mut Thought) {
        self.way.clear();
        self.merged = None;
        let given = self.given(row, dial, thought).unwrap_or(Way::NOTHING);
        self.way.push(given);
    }

    /// Whose answer is given; `None` where the policy wanted what was not recorded.
    fn given(&mut self, row: Row, dial: Dial, thought: &mut Thought) -> Option<u16> {
        let query = self.evidence.items().query(row);
        let mut seen: Vec<Seen<'_>> = Vec::new();
        loop {
            match self.policy.next(&query, thought, &seen, dial) {
                Step::Ask(candidates) if candidates.is_empty() => return None,
                Step::Ask(candidates) => {
                    for candidate in candidates {
                        let &column = self.columns.get(candidate)?;
                        let answers = self.evidence.answers(column);
                        if answers.status(row) == Status::Missing
                            || seen.iter().any(|seen| seen.candidate == candidate)
                        {
                            return None;
                        }
                        self.way.push(u16::try_from(column).ok()?);
                        seen.push(answers.seen(candidate, row));
                    }
                    // The candidates of one step are asked at the same time.
                    self.way.push(Way::STEP);
                }
                Step::Give(Given::Answer(candidate)) => return self.number(candidate),
                Step::Give(Given::Merged(output)) => {
                    self.merged = Some(self.evidence.score_merged(row, &output)?);
                    return Some(Way::MERGED);
                }
            }
        }
    }

    fn number(&self, candidate: usize) -> Option<u16> {
        u16::try_from(*self.columns.get(candidate)?).ok()
    }
}
