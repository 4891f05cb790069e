//! `[judge]`: who grades the answers where no formula can.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CandidateEntry, Command, Local, OpenAi, Recorded};
use crate::candidate::{Hosting, Lineage, Price};
use crate::name::CandidateName;

/// `[judge]`: who grades the answers, for `metric = "judge"`; and what people said of some of them. One of `openai`, `command`,
/// `local` and `recorded` says how it is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JudgeSection {
    /// What a good answer is: the judge is told it as it stands here. Needed, but where the grades are recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rubric: Option<String>,
    /// Whether each answer is graded by itself, or held against another one. Default `single`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<JudgeMode>,
    /// The worst and the best grade of `single`. Default `[1, 5]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<[f64; 2]>,
    /// The candidate whose answers the others are held against in `pairwise`. Default: the right answers of the items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<CandidateName>,
    /// A file of grades that people gave: `id`, `candidate`, `grade`. The judge is held to them, and estimates are corrected by them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub human: Option<String>,
    /// Whether the items that people graded are a random draw of the items, without which corrected estimates may be off. Default
    /// false: the verdict warns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub human_is_random: Option<bool>,
    /// The candidates that are of the judge's own family, besides those whose model is named as the judge's is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub family: Vec<CandidateName>,
    /// A model behind an OpenAI-compatible API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openai: Option<OpenAi>,
    /// A program that grades: it gets what a model would be told as `input`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// A model that writes and runs in this process. Grades between which there are whole steps are chosen by their probabilities, others
    /// are read out of what it writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<Local>,
    /// Grades that were recorded in a file: `id`, `candidate`, `grade`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
    /// Its price, where `openai` does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Where it runs; the need `stay_local` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosting: Option<Hosting>,
}

/// How answers are graded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JudgeMode {
    /// Each answer by itself, with a number.
    #[default]
    Single,
    /// Each answer against another one, asked in both orders: better, worse, or a tie, also where the two orders disagree.
    Pairwise,
}

impl JudgeMode {
    /// The word in the task file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Pairwise => "pairwise",
        }
    }
}

impl JudgeSection {
    /// The metric whose scores are a judge's grades.
    pub const METRIC: &'static str = "judge";

    /// How answers are graded.
    #[must_use]
    pub fn mode(&self) -> JudgeMode {
        self.mode.unwrap_or_default()
    }

    /// The worst and the best grade: of `pairwise` worse and better.
    #[must_use]
    pub fn scale(&self) -> [f64; 2] {
        match self.mode() {
            JudgeMode::Single => self.scale.unwrap_or([1.0, 5.0]),
            JudgeMode::Pairwise => [0.0, 1.0],
        }
    }

    /// A grade as a score in `[0, 1]`; `None` where it is outside of the scale.
    #[must_use]
    pub fn score(&self, grade: f64) -> Option<f64> {
        let [worst, best] = self.scale();
        (worst..=best).contains(&grade).then(|| (grade - worst) / (best - worst))
    }

    /// The grades of `single`, worst first, where they are whole numbers and there are few; `None` of `pairwise`.
    #[must_use]
    pub fn steps(&self) -> Option<Vec<String>> {
        /// Steps from the worst to the best grade.
        const MOST: f64 = 10.0;
        let [worst, best] = self.scale();
        let is_whole = worst.fract() == 0.0 && best.fract() == 0.0 && best - worst <= MOST;
        let steps = 0..=(best - worst) as u32;
        (self.mode() == JudgeMode::Single && is_whole)
            .then(|| steps.map(|step| (worst + f64::from(step)).to_string()).collect())
    }

    /// It as a candidate of this name, which is asked as candidates are.
    #[must_use]
    pub fn entry(&self, name: CandidateName) -> CandidateEntry {
        CandidateEntry {
            name,
            lineage: Lineage::General,
            price: self.price,
            hosting: self.hosting,
            memory_gb: None,
            parameters_billion: None,
            columns: None,
            recorded: self.recorded.clone(),
            openai: self.openai.clone(),
            command: self.command.clone(),
            local: self.local.clone(),
            adapt: None,
            custom: None,
        }
    }
}
