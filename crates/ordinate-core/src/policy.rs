//! How candidates are combined: the one trait that is measured offline and called by a server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::CandidateName;
use crate::notes::Notes;
use crate::output::Output;
use crate::probabilities::Probabilities;

/// The kinds of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyKind {
    /// One candidate for every item.
    Single,
    /// Either of two candidates, by a coin: what a budget between their costs buys without knowing anything of the item.
    ZeroRouter,
    /// The candidate with the best shrunken mean of the item's slice (domain lookup).
    BySlice,
    /// The candidate with the best predicted utility for the item.
    Route,
    /// A cheap candidate first; a dearer one where its answer is not trusted.
    Cascade,
    /// The answer that most candidates agree on.
    Vote,
    /// A weighted mean of the candidates' answers where they are numbers or series, a weighted vote where they are not.
    Weighted,
    /// A model over the candidates' answers.
    Stack,
    /// Several candidates are asked and the best answer is picked.
    Select,
}

impl PolicyKind {
    /// Every kind, in the order in which they are tried: what is simpler comes first.
    pub const ALL: [Self; 9] = [
        Self::Single,
        Self::ZeroRouter,
        Self::BySlice,
        Self::Route,
        Self::Cascade,
        Self::Vote,
        Self::Weighted,
        Self::Stack,
        Self::Select,
    ];

    /// The word used in task files, reports and `verdict.json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::ZeroRouter => "zero-router",
            Self::BySlice => "by-slice",
            Self::Route => "route",
            Self::Cascade => "cascade",
            Self::Vote => "vote",
            Self::Weighted => "weighted",
            Self::Stack => "stack",
            Self::Select => "select",
        }
    }
}

impl std::fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is known of an item before anything is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Query<'a> {
    /// The input text, if the task has one.
    pub input: Option<&'a str>,
    /// The slice, if the task has slices.
    pub slice: Option<&'a str>,
    /// Room for what is read from the input.
    pub notes: Option<&'a Notes>,
}

/// An answer as a policy sees it: without its score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen<'a> {
    /// The position of the candidate in [`Policy::candidates`].
    pub candidate: usize,
    /// What it said, if it was kept.
    pub output: Option<&'a str>,
    /// Its own confidence, in `[0, 1]`.
    pub confidence: Option<f64>,
    /// How probable it finds single labels, where it says.
    pub probabilities: Probabilities<'a>,
    /// Tokens it wrote.
    pub output_tokens: Option<f64>,
    /// Whether it failed to answer.
    pub failed: bool,
    /// Room for what is read from the output.
    pub notes: Option<&'a Notes>,
}

/// Where on a policy's cost-quality curve to stand. For utilities it is the quality that one unit of outlay
/// (USD or milliseconds) must buy: 0 looks at quality alone, larger values spare more.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize, JsonSchema)]
pub struct Dial(pub f64);

/// A coin between two dials: a budget that lies between what they cost is spent by standing at the one for some items and
/// at the other for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mix {
    /// The other dial, which spares less.
    pub dial: Dial,
    /// The share of items for which the policy stands there, chosen by a coin; in `(0, 1)`.
    pub share: f64,
}

/// What to do next with an item.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Ask these candidates, at the same time; then call [`Policy::next`] again.
    Ask(Vec<usize>),
    /// Done: this is the answer.
    Give(Given),
}

/// The answer of a policy.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// The answer of this candidate, which was asked.
    Answer(usize),
    /// An output made of several answers, such as their mean, that perhaps no candidate gave.
    Merged(Output),
}

/// A policy's thoughts about one item: computed once, used for every step and every dial.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thought {
    /// Expected quality of each candidate, in `[0, 1]` up to the error of the estimate; empty where the
    /// policy expects nothing.
    pub quality: Vec<f64>,
    /// Expected outlay of each candidate (USD or milliseconds per item); empty where it expects nothing.
    pub outlay: Vec<f64>,
    /// Whatever the policy has computed from the answers seen, so that it is computed once.
    pub memo: Vec<f64>,
}

impl Thought {
    /// Of the candidates in these places alone, before any answer was seen.
    #[must_use]
    pub fn of(&self, places: &[usize]) -> Self {
        let some = |all: &[f64]| places.iter().filter_map(|&place| all.get(place).copied()).collect();
        Self { quality: some(&self.quality), outlay: some(&self.outlay), memo: Vec::new() }
    }
}

/// Decides which candidates to ask about an item, and what to answer.
///
/// One object serves all dials of its curve: [`Policy::think`] looks at the item once, [`Policy::next`] is
/// cheap. Offline replay and the server call the same two functions, so what was measured is what is served.
pub trait Policy: Send + Sync + std::fmt::Debug {
    /// The kind.
    fn kind(&self) -> PolicyKind;

    /// The candidates that it knows, in the order of the numbers that it uses.
    fn candidates(&self) -> &[CandidateName];

    /// What it expects of each candidate for this item.
    fn think(&self, query: &Query<'_>) -> Thought;

    /// The next step, after the answers in `seen` (in the order in which they were asked for).
    ///
    /// Every call adds to `seen` what the last [`Step::Ask`] asked for; a policy must give an answer once all
    /// candidates were seen.
    fn next(&self, query: &Query<'_>, thought: &mut Thought, seen: &[Seen<'_>], dial: Dial) -> Step;

    /// Whether it looks at nothing of an item but its slice, asks one candidate, and gives that answer: items of a slice are
    /// then alike to it.
    fn sees_slices_alone(&self) -> bool {
        false
    }

    /// The same policy over some of its candidates alone, by place, where that needs no fit of its own. What it thinks of an
    /// item is then what this one thinks, of those candidates ([`Thought::of`]).
    fn narrowed(&self, _places: &[usize]) -> Option<Box<dyn Policy>> {
        None
    }

    /// Everything that [`Policy::next`] needs, as JSON: what is written to `policies/*.json`.
    ///
    /// # Errors
    /// When a number in it is not finite.
    fn save(&self) -> serde_json::Result<serde_json::Value>;
}
