//! What graded the answers, how far it is to be believed, and what people's grades made of its.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Estimate;
use crate::name::CandidateName;

/// The judge of a task whose metric is `judge`. Grades are scores in `[0, 1]` here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judge {
    /// Who grades: the model, the program or the file.
    pub name: String,
    /// `single` or `pairwise`.
    pub mode: String,
    /// Whom answers are held against in `pairwise`; `null` for the right answers, and in `single`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<CandidateName>,
    /// Answers that it graded.
    pub graded: u64,
    /// Answers out of whose grading nothing could be read; they are left out.
    pub not_graded: u64,
    /// The share of pairs on which the two orders did not say the same, which are ties; `null` in `single`, and where none was
    /// asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders_disagree: Option<f64>,
    /// Grades of people that are of answers which it graded, on the items that are scored.
    pub human: u64,
    /// Whether the items that people graded are said to be a random draw.
    pub human_is_random: bool,
    /// How far it and people grade alike; `null` without grades of people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<JudgeAgreement>,
    /// By how much more than other candidates it favours those of its own family, held to people's grades; `null` where there are none
    /// of the one or the other with such grades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub favours_family: Option<Estimate>,
    /// What it said of each candidate, and what people did.
    pub candidates: Vec<JudgedCandidate>,
    /// What is to be known before its grades are believed, in plain words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How far a judge and people grade alike, over all answers that both graded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgeAgreement {
    /// The share of answers with just the same grade.
    pub share: Estimate,
    /// Cohen's kappa with quadratic weights; `null` where all grades are one and the same.
    pub kappa: Option<Estimate>,
    /// Pearson's correlation; `null` where the grades of either do not vary.
    pub correlation: Option<Estimate>,
}

/// What a judge said of one candidate, and what people did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedCandidate {
    /// The candidate.
    pub name: CandidateName,
    /// Whether it is of the judge's own family.
    pub own_family: bool,
    /// Its answers that the judge graded, on the items that are scored.
    pub graded: u64,
    /// Those of them that people graded too.
    pub labelled: u64,
    /// The mean of the judge's grades; `null` without any.
    pub judge: Option<f64>,
    /// The mean of people's grades, by themselves; `null` of fewer than two.
    pub human: Option<Estimate>,
    /// The judge's grade less people's of the same answers; `null` of fewer than two.
    pub bias: Option<Estimate>,
    /// How far the judge is followed in the corrected estimate (PPI++); `null` where nothing is corrected, because there are too few
    /// grades of people.
    pub lambda: Option<f64>,
    /// What was said on each slice, where people graded any answer at all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slices: BTreeMap<String, JudgedSlice>,
}

/// What a judge said of a candidate on a slice, and what people's grades there make of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedSlice {
    /// Answers that the judge graded.
    pub graded: u64,
    /// Those of them that people graded too.
    pub labelled: u64,
    /// The mean of the judge's grades.
    pub judge: f64,
    /// The mean corrected by people's grades of this slice (PPI++); `null` where there are fewer than ten, so that there is the judge's
    /// word alone.
    pub corrected: Option<Estimate>,
}
