//! The task file, as it is written: sections and keys. Reading it, with errors that name file and line, is
//! the job of `ordinate-data`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::candidate::{Hosting, Lineage, Price};
use crate::name::CandidateName;
use crate::needs::Needs;
use crate::output::OutputKind;
use crate::policy::PolicyKind;

mod adapt;
mod asking;
mod data_needs;
mod images;
mod judge;
mod kind;
mod local;
mod series;

pub use adapt::{Adapt, ClassWeights};
pub use asking::{ChooseExamples, Command, MeasureSection, OpenAi, PromptSection, TimeOuts};
pub use data_needs::{CurvesOf, DataNeedsSection};
pub use images::ImagesSection;
pub use judge::{JudgeMode, JudgeSection};
pub use kind::TaskKind;
pub use local::{Engine, Local, Precision};
pub use series::{CountOrField, SeriesSection};

/// A task file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskFile {
    /// What is to be done.
    pub task: TaskSection,
    /// Where its items are.
    pub data: DataSection,
    /// Seasons and horizons of series.
    #[serde(default, skip_serializing_if = "SeriesSection::is_default")]
    pub series: SeriesSection,
    /// What is kept of images.
    #[serde(default, skip_serializing_if = "ImagesSection::is_default")]
    pub images: ImagesSection,
    /// Limits and the goal.
    #[serde(default)]
    pub needs: Needs,
    /// Which policies are tried.
    #[serde(default, skip_serializing_if = "CombineSection::is_default")]
    pub combine: CombineSection,
    /// How sure the verdict has to be, and how that is computed.
    #[serde(default, skip_serializing_if = "StatisticsSection::is_default")]
    pub statistics: StatisticsSection,
    /// How candidates are asked.
    #[serde(default, skip_serializing_if = "PromptSection::is_default")]
    pub prompt: PromptSection,
    /// How much may be asked, and how fast.
    #[serde(default, skip_serializing_if = "MeasureSection::is_default")]
    pub measure: MeasureSection,
    /// What more labels would be worth.
    #[serde(default, skip_serializing_if = "DataNeedsSection::is_default")]
    pub data_needs: DataNeedsSection,
    /// Who grades the answers, for `metric = "judge"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgeSection>,
    /// What can answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidate: Vec<CandidateEntry>,
}

/// `[task]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskSection {
    /// A name for reports.
    pub name: String,
    /// What is asked of a candidate.
    pub kind: TaskKind,
    /// What answers are, for a `scored` task, whose kind does not say it: how they are compared and merged. Default: what
    /// they look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputKind>,
    /// The metric; each kind has a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What guessing scores, in `[0, 1)` (0.25 for four options): a pair of candidates whose rescue rate is
    /// no higher is not complementary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guess_rate: Option<f64>,
}

/// `[data]`: an `evidence` table, or `items`, or `train` and/or `test`; and the names of their fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataSection {
    /// A whole evidence table: `id, slice, group, candidate, score, cost_usd, latency_ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The items, all in one file: policies are cross-fitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    /// Items to learn from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<String>,
    /// Items to score on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// The field with the item's id. Default `id`; items without one are numbered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The field with the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The fields that make up an item, or `"all"`: every field that nothing else is read from. Numbers and categories
    /// for `gradient-boosting`; for everybody else the input is the lines `name: value`, unless there is an input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features: Option<FeatureFields>,
    /// The field with the right answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// A file of right answers for items that have none of their own, as `ordinate label` writes it: `id`, `target`. Of
    /// several for one item the last counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<String>,
    /// The field with the passage that a question is about. Default `context`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The field with the options to choose from: an array of texts, or an object of texts by letter. Default
    /// `options`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<String>,
    /// The fields with one option each, in their order, where they do not stand in one: `["A", "B", "C", "D"]`. Their letters
    /// are the names of the fields, where these are letters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub option_columns: Vec<String>,
    /// The field with the slice (domain, topic): the domain lookup and the coverage table use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice: Option<String>,
    /// The field with the group: items of one group are not independent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The columns of answers in `evidence`, where they are not called as they are here.
    #[serde(skip_serializing_if = "AnswerColumns::is_default")]
    pub columns: AnswerColumns,
    /// What the labels of the data mean, where they are numbers or abbreviations: `{ 0 = "negative" }`. Targets are read
    /// as the names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What readers of the verdict should know of the data (source, licence, what is an estimate): shown with
    /// what was assumed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// `columns`: the fields of a table that answers are read from, by what they hold. For `[data]` those of a table with a
/// row for each item and candidate; for a `[[candidate]]` its own in a table with a row an item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerColumns {
    /// Whose answer it is (of `[data]` only). Default `candidate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// The score. Default `score`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<String>,
    /// What the answer cost, USD. Default `cost_usd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<String>,
    /// How long it took, milliseconds. Default `latency_ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<String>,
    /// What was said. Default `output`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Tokens read. Default `input_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<String>,
    /// Tokens written. Default `output_tokens`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<String>,
    /// The candidate's own confidence. Default `confidence`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<String>,
    /// Why there is no answer. Default `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl AnswerColumns {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `features` of `[data]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FeatureFields {
    /// Every field that nothing else is read from.
    All(AllFields),
    /// The fields of these names.
    Named(Vec<String>),
}

/// `"all"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AllFields {
    /// Every field.
    All,
}

/// `[combine]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CombineSection {
    /// The kinds of policy that are tried; absent: all that the evidence allows. `single` is always tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<PolicyKind>>,
    /// Folds of the cross-fitting. Default 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<u32>,
}

impl CombineSection {
    /// The default number of folds.
    pub const FOLDS: u32 = 5;

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `[statistics]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StatisticsSection {
    /// Bootstrap resamples. Default 2,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resamples: Option<NonZeroU32>,
    /// Seed of folds and resamples; `--seed` overrides it. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Bootstrap interval: `bca` (default) or `percentile`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<IntervalKind>,
}

/// Which bootstrap interval is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IntervalKind {
    /// Bias-corrected and accelerated (Efron 1987).
    #[default]
    Bca,
    /// Percentiles of the resampled statistic.
    Percentile,
}

impl StatisticsSection {
    /// The default number of resamples.
    pub const RESAMPLES: NonZeroU32 = NonZeroU32::MIN.saturating_add(1_999);

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// `[[candidate]]`: its name and lineage, what is known of its deployment, and where its answers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CandidateEntry {
    /// Unique within the task.
    pub name: CandidateName,
    /// General, vertical or transferred.
    pub lineage: Lineage,
    /// List price, used where answers have token counts but no cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Where it runs; the need `stay_local` asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosting: Option<Hosting>,
    /// Memory to host it, GB; the need `max_memory_gb` asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gb: Option<f64>,
    /// Parameters, billions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters_billion: Option<f64>,
    /// Its own columns in `[data] evidence`, where that is a table with a row an item and columns for each candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<AnswerColumns>,
    /// Answers that were recorded in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
    /// A model behind an OpenAI-compatible API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openai: Option<OpenAi>,
    /// A program that answers on its standard output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// A model that runs in this process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<Local>,
    /// A model made from a general one with the task's train items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapt: Option<Adapt>,
    /// A kind of candidate that the program adds which uses Ordinate as a library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
}

/// `custom = { kind = "...", settings = { ... } }`: for programs that use Ordinate as a library and add kinds of
/// candidate of their own. The command line knows none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// The name of the kind.
    pub kind: String,
    /// What the kind wants to know.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
}

/// `recorded = { path = "gpt4.jsonl.gz" }`: rows with `id` and `score` (and `output`, `cost_usd`, `latency_ms`,
/// `input_tokens`, `output_tokens`, `confidence`, `error` where known).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The file, relative to the task file.
    pub path: String,
}

impl CandidateEntry {
    /// Whether it is a model made here on the embeddings of an API: `openai` beside `adapt = { from = "openai" }`.
    #[must_use]
    pub fn embeds(&self) -> bool {
        self.openai.is_some() && self.adapt.as_ref().is_some_and(|adapt| adapt.from == Adapt::OPENAI)
    }
}
