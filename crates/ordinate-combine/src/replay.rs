//! Plays a policy over recorded answers: what it would have asked, given, scored and paid.
//!
//! Replay calls the same two functions of [`Policy`] as a server does, so the figures are those of the
//! artefact that is served.

use ordinate_core::evidence::Status;
use ordinate_core::{Dial, Evidence, Given, Policy, Row, Seen, Step};
use rayon::prelude::*;

/// The outcome of a policy on a list of rows, one entry a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Played {
    /// Score of the answer given; 0 where it is an error; NaN where a candidate that the policy wanted was
    /// never asked, so that nothing can be said.
    pub quality: Vec<f64>,
    /// USD for all candidates asked; NaN where one of them is unknown.
    pub cost_usd: Vec<f64>,
    /// Milliseconds, candidates of one step in parallel; NaN where one of them is unknown.
    pub latency_ms: Vec<f64>,
    /// The candidate (column of the evidence) whose answer was given; [`Played::NOBODY`] where it is merged
    /// or missing.
    pub given: Vec<u16>,
    /// Candidates asked, as bits of their columns (the first 64).
    pub asked: Vec<u64>,
    /// Whether the answer given is an error.
    pub failed: Vec<bool>,
}

impl Played {
    /// No candidate's own answer.
    pub const NOBODY: u16 = u16::MAX;

    /// Entries for `len` rows about which nothing is known yet.
    #[must_use]
    pub fn unknown(len: usize) -> Self {
        Self {
            quality: vec![f64::NAN; len],
            cost_usd: vec![f64::NAN; len],
            latency_ms: vec![f64::NAN; len],
            given: vec![Self::NOBODY; len],
            asked: vec![0; len],
            failed: vec![false; len],
        }
    }

    /// What a single candidate would have given on these rows.
    #[must_use]
    pub fn single(evidence: &Evidence, candidate: usize, rows: &[Row]) -> Self {
        let mut played = Self::unknown(rows.len());
        for (position, &row) in rows.iter().enumerate() {
            let mut play = Play::default();
            play.ask(evidence, candidate, row);
            play.give(evidence, candidate, row);
            played.put(position, &play);
        }
        played
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.quality.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.quality.is_empty()
    }

    /// Copies the entries of `from`, in order, to these positions.
    pub fn scatter(&mut self, from: &Self, positions: &[usize]) {
        for (index, &position) in positions.iter().enumerate() {
            self.copy_entry(position, from, index);
        }
    }

    /// Copies the entry of `from` at `index` to `position`.
    pub fn copy_entry(&mut self, position: usize, from: &Self, index: usize) {
        self.quality[position] = from.quality[index];
        self.cost_usd[position] = from.cost_usd[index];
        self.latency_ms[position] = from.latency_ms[index];
        self.given[position] = from.given[index];
        self.asked[position] = from.asked[index];
        self.failed[position] = from.failed[index];
    }

    /// The scores with errors left out (NaN) instead of counted as 0.
    #[must_use]
    pub fn quality_without_errors(&self) -> Vec<f64> {
        let keep = |(quality, failed): (&f64, &bool)| if *failed { f64::NAN } else { *quality };
        self.quality.iter().zip(&self.failed).map(keep).collect()
    }

    fn put(&mut self, position: usize, play: &Play) {
        self.quality[position] = play.quality;
        self.cost_usd[position] = play.cost_usd;
        self.latency_ms[position] = play.latency_ms;
        self.given[position] = play.given;
        self.asked[position] = play.asked;
        self.failed[position] = play.failed;
    }
}

/// One item in play.
#[derive(Debug)]
struct Play {
    quality: f64,
    cost_usd: f64,
    latency_ms: f64,
    given: u16,
    asked: u64,
    failed: bool,
}

impl Default for Play {
    fn default() -> Self {
        Self {
            quality: f64::NAN,
            cost_usd: 0.0,
            latency_ms: 0.0,
            given: Played::NOBODY,
            asked: 0,
            failed: false,
        }
    }
}

impl Play {
    /// Pays for one candidate and returns how long it took.
    fn ask(&mut self, evidence: &Evidence, candidate: usize, row: Row) -> f64 {
        let answers = evidence.answers(candidate);
        if candidate < 64 {
            self.asked |= 1 << candidate;
        }
        // An error without a cost of its own was not charged.
        let unknown = if answers.status(row) == Status::Error && answers.has_cost() { 0.0 } else { f64::NAN };
        self.cost_usd += answers.cost_usd(row).unwrap_or(unknown);
        let latency = answers.latency_ms(row).unwrap_or(f64::NAN);
        self.latency_ms += latency;
        latency
    }

    fn give(&mut self, evidence: &Evidence, candidate: usize, row: Row) {
        self.given = u16::try_from(candidate).unwrap_or(Played::NOBODY);
        match evidence.answers(candidate).status(row) {
            Status::Scored => self.quality = evidence.answers(candidate).score(row).unwrap_or(f64::NAN),
            Status::Error => (self.quality, self.failed) = (0.0, true),
            Status::Missing => {}
        }
    }

    fn run(
        evidence: &Evidence,
        row: Row,
        policy: &dyn Policy,
        columns: &[usize],
        dial: Dial,
        thought: &mut ordinate_core::Thought,
    ) -> Self {
        let query = evidence.items().query(row);
        let mut play = Self::default();
        let mut seen: Vec<Seen<'_>> = Vec::new();
        loop {
            match policy.next(&query, thought, &seen, dial) {
                Step::Ask(candidates) if candidates.is_empty() => return Self::lost(&play),
                Step::Ask(candidates) => {
                    let before = play.latency_ms;
                    let mut slowest = 0.0_f64;
                    for candidate in candidates {
                        let Some(&column) = columns.get(candidate) else { return Self::lost(&play) };
                        if evidence.answers(column).status(row) == Status::Missing
                            || seen.iter().any(|seen| seen.candidate == candidate)
                        {
                            return Self::lost(&play);
                        }
                        let latency = play.ask(evidence, column, row);
                        slowest = if latency.is_nan() { f64::NAN } else { slowest.max(latency) };
                        seen.push(evidence.answers(column).seen(candidate, row));
                    }
                    // The candidates of one step are asked at the same time.
                    play.latency_ms = before + slowest;
                }
                Step::Give(Given::Answer(candidate)) => {
                    let Some(&column) = columns.get(candidate) else { return Self::lost(&play) };
                    play.give(evidence, column, row);
                    return play;
                }
                Step::Give(Given::Merged(output)) => {
                    let Some(score) = evidence.score_merged(row, &output) else { return Self::lost(&play) };
                    play.quality = score;
                    return play;
                }
            }
        }
    }

    /// The policy wanted what was not recorded: nothing can be said of the item.
    fn lost(play: &Self) -> Self {
        Self { quality: f64::NAN, cost_usd: f64::NAN, latency_ms: f64::NAN, ..*play }
    }
}

/// Plays `policy` over `rows` at each dial.
///
/// The policy's candidates are found in the evidence by name; one that is not there makes the items on which
/// it is wanted unknown.
#[must_use]
pub fn replay(policy: &dyn Policy, evidence: &Evidence, rows: &[Row], dials: &[Dial]) -> Vec<Played> {
    const BLOCK: usize = 512;
    let columns: Vec<usize> =
        policy.candidates().iter().map(|name| evidence.column_of(name).unwrap_or(usize::MAX)).collect();
    if columns.contains(&usize::MAX) {
        return vec![Played::unknown(rows.len()); dials.len()];
    }
    let blocks: Vec<Vec<Vec<Play>>> = rows
        .par_chunks(BLOCK)
        .map(|block| {
            let mut plays: Vec<Vec<Play>> = dials.iter().map(|_| Vec::with_capacity(block.len())).collect();
            for &row in block {
                let mut thought = policy.think(&evidence.items().query(row));
                for (dial, plays) in dials.iter().zip(&mut plays) {
                    plays.push(Play::run(evidence, row, policy, &columns, *dial, &mut thought));
                }
            }
            plays
        })
        .collect();
    let mut all: Vec<Played> = dials.iter().map(|_| Played::unknown(rows.len())).collect();
    for (number, block) in blocks.iter().enumerate() {
        for (played, plays) in all.iter_mut().zip(block) {
            for (offset, play) in plays.iter().enumerate() {
                played.put(number * BLOCK + offset, play);
            }
        }
    }
    all
}
