//! All policies that were tried on one evidence, without needs.

use ordinate_core::{Candidate, Dial, Goal, Lineage, Needs, PolicyKind};
use serde::{Deserialize, Serialize};

use crate::board::Board;
use crate::outlay::Outlay;
use crate::plays::Plays;

/// Why a kind of policy cannot be learned from this evidence; not an error of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotApplicable {
    /// The kind.
    pub kind: PolicyKind,
    /// Why, in plain words.
    pub why: String,
}

/// One way to deal the items that are learned from into folds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folding {
    /// The fold of each item of the board that is learned from.
    #[serde(with = "crate::packed")]
    pub of: Vec<u32>,
    /// How many folds there are.
    pub count: u32,
}

/// Items that tested the dials of a policy which had not seen them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tested {
    /// Items of the board that is learned from, in the order in which they test.
    #[serde(with = "crate::packed")]
    pub items: Vec<u32>,
    /// What the policy did with them.
    pub plays: Plays,
}

/// What it takes to promise something of a policy (learn then test), whatever the margin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Calibration {
    /// The dials that were tested, which spare more and more: all of them, where a trial leaves out those that do nothing
    /// else than the one before.
    pub dials: Vec<Dial>,
    /// For each folding, what tested the policy of each fold.
    pub folds: Vec<Vec<Tested>>,
    /// What tested the policy that is saved.
    pub whole: Tested,
}

/// One policy that was tried: what it did with items that it had not seen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trial {
    /// Unique name among those that one set of needs looks at.
    pub name: String,
    /// Kind.
    pub kind: PolicyKind,
    /// What the candidates have in common over which it was learned: `all`, a lineage, `local`, or `local` and a lineage.
    pub pool: String,
    /// These candidates: columns of the boards.
    pub columns: Vec<usize>,
    /// What its dials trade quality for; `None` where they trade nothing, so that it serves every goal.
    pub outlay: Option<Outlay>,
    /// The dials of its curve; the first is the one for quality alone.
    pub dials: Vec<Dial>,
    /// What it did with the items that are learned from, cross-fitted: one for each folding.
    pub plays: Vec<Plays>,
    /// What the policy that is saved did with the test items, where the task names train and test.
    pub on_test: Option<Plays>,
    /// Between two candidates: how much better the policy expects the second to be, per scored item, from policies that
    /// never saw the item. NaN where it expects nothing; empty with other than two candidates.
    #[serde(with = "crate::packed")]
    pub advantage: Vec<f64>,
    /// For policies of which something is promised: what tested them. They are learned from less, so that there is
    /// another trial of the same name for needs that ask for no promise.
    pub calibration: Option<Calibration>,
    /// Whether there is another trial of the same name and outlay, with or without a promise.
    pub has_twin: bool,
}

impl Trial {
    /// The file in a run folder where the policy is saved: its name, and which of its trials it is.
    #[must_use]
    pub fn file(&self) -> String {
        let latency = if self.outlay == Some(Outlay::Latency) { ".latency" } else { "" };
        let promise = if self.calibration.is_some() && self.has_twin { ".promise" } else { "" };
        policy_file(&format!("{}{latency}{promise}", self.name))
    }

    /// Whether these needs look at it: of several trials of one policy they look at one.
    #[must_use]
    pub fn serves(&self, needs: &Needs) -> bool {
        let outlay = match needs.goal {
            Goal::Latency => Outlay::Latency,
            Goal::Quality | Goal::Cost => Outlay::Cost,
        };
        let promised = needs.promised_margin().is_some();
        // What can be done locally is of use to who has to stay local; others would only be told of it.
        let local = self.pool.starts_with("local");
        (needs.stay_local || !local)
            && self.outlay.is_none_or(|own| own == outlay)
            && (!self.has_twin || self.calibration.is_some() == promised)
    }
}

/// The name of the zero router over the candidates of a lineage (of all where `None`), and the file in a run folder that it
/// is saved in.
#[must_use]
pub fn zero_router_file(lineage: Option<Lineage>) -> (String, String) {
    let of = lineage.map_or_else(String::new, |lineage| format!("@{lineage}"));
    let name = format!("{}{of}", PolicyKind::ZeroRouter);
    let file = policy_file(&name);
    (name, file)
}

/// The file in a run folder of a policy that joins candidates, which is called as its kind is.
fn policy_file(name: &str) -> String {
    format!("policies/{name}.json")
}

/// The file in a run folder of a single candidate, one of `all`: its name with everything but letters, digits, dots and
/// hyphens replaced. Where that changed or cut the name, where a policy or a device of Windows may be called so, or another
/// one differs from it in capitals alone, which some disks do not tell apart, a digest keeps it apart from others.
#[must_use]
pub fn single_file<'a>(candidate: &str, all: impl IntoIterator<Item = &'a str>) -> String {
    const LONGEST: usize = 80;
    let lower = candidate.to_lowercase();
    let has_twin = all.into_iter().any(|other| other != candidate && other.to_lowercase() == lower);
    let keep = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let plain: String = candidate.chars().map(keep).take(LONGEST).collect();
    let plain = plain.trim_start_matches('.');
    let first = plain.split('.').next().unwrap_or_default();
    let of_kind = |kind: &PolicyKind| first.eq_ignore_ascii_case(kind.as_str());
    if plain == candidate && !has_twin && !PolicyKind::ALL.iter().any(of_kind) && !is_device(plain) {
        return format!("policies/{plain}.json");
    }
    format!("policies/{plain}-{:08x}.json", digest(candidate))
}

/// Whether Windows takes a file of this name, whatever its ending, for a device.
#[must_use]
pub fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let of_port =
        |port: &str| stem.strip_prefix(port).is_some_and(|number| matches!(number.as_bytes(), [b'0'..=b'9']));
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul") || of_port("com") || of_port("lpt")
}

/// FNV-1a: the same on every machine and in every version.
fn digest(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// All policies that were tried on one evidence.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trials {
    /// The candidates: the columns of the boards.
    pub candidates: Vec<Candidate>,
    /// The names of the slices.
    pub slices: Vec<String>,
    /// The items that policies are learned from.
    pub learn: Board,
    /// The items that everything is scored on, where the task names train and test; else those of `learn` are.
    pub test: Option<Board>,
    /// The items that everything is scored on, where a judge graded the answers and people's grades corrected its: scores whose means
    /// are estimates, and which by themselves may be outside of `[0, 1]`. The boards above have the grades as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rectified: Option<Board>,
    /// How the items of `learn` were dealt into folds.
    pub foldings: Vec<Folding>,
    /// The policies, in the order of their learners.
    pub trials: Vec<Trial>,
    /// Kinds that this evidence does not allow, and why.
    pub skipped: Vec<NotApplicable>,
    /// Items whose texts are equal or nearly so, if there are any: each was put into the group of the others.
    pub alike: Option<Alike>,
}

/// Items whose texts are equal or nearly so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alike {
    /// Items whose text equals that of an earlier one.
    pub equal: usize,
    /// Further items whose text nearly equals that of another.
    pub near: usize,
    /// The ids of a few pairs.
    pub examples: Vec<(String, String)>,
    /// Test items with the text of a train item.
    pub across: usize,
    /// Whether they are taken as one group: not where hardly a group would be left.
    #[serde(default = "yes")]
    pub grouped: bool,
}

fn yes() -> bool {
    true
}

impl Trials {
    /// The items that everything is scored on.
    #[must_use]
    pub fn scored(&self) -> &Board {
        self.rectified.as_ref().unwrap_or_else(|| self.graded())
    }

    /// The same items with every answer's own score, whatever means are taken from.
    #[must_use]
    pub fn graded(&self) -> &Board {
        self.test.as_ref().unwrap_or(&self.learn)
    }
}

/// The column with the highest mean score on these items among the eligible ones (of all where none is); errors count as
/// 0, ties go to the first.
#[must_use]
pub fn best_column(board: &Board, items: &(impl Iterator<Item = usize> + Clone), eligible: &[bool]) -> usize {
    let anybody = !eligible.contains(&true);
    let mut best = (0, f64::NEG_INFINITY);
    for (column, cells) in board.columns.iter().enumerate() {
        if !anybody && !eligible.get(column).copied().unwrap_or(true) {
            continue;
        }
        let (mut sum, mut count, mut all) = (0.0, 0_usize, 0_usize);
        for item in items.clone() {
            all += 1;
            if !cells.quality[item].is_nan() {
                sum += cells.quality[item];
                count += 1;
            }
        }
        // Answers to less than half of the items do not stand for all.
        let mean = if 2 * count <= all { f64::NEG_INFINITY } else { sum / count as f64 };
        if mean > best.1 {
            best = (column, mean);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::policy_file;

    #[test]
    fn files_stay_in_their_folder() {
        let single_file = |name: &str| super::single_file(name, ["gpt-4.1", "GPT-4"]);
        assert_eq!(single_file("gpt-4.1"), "policies/gpt-4.1.json");
        assert_eq!(single_file("通义-千问"), "policies/通义-千问.json");
        assert!(single_file("con").starts_with("policies/con-") && single_file("LPT1.x").len() > 25);
        assert_eq!(single_file("console"), "policies/console.json");
        let leads_out = single_file("../../etc/passwd");
        assert!(
            leads_out.starts_with("policies/_.._etc_passwd-") && !leads_out.contains("/.."),
            "{leads_out}"
        );
    }

    #[test]
    fn no_two_have_one_file() {
        let long = "x".repeat(90);
        let names = [
            "by-slice",
            "by-slice.latency",
            "BY-SLICE",
            "a/b",
            "a_b",
            "a b",
            "GPT",
            "gpt",
            "Gpt",
            &long,
            &long[..85],
            &long[..80],
        ];
        // As disks have them that do not tell capitals apart.
        let file = |name: &&str| super::single_file(name, names).to_lowercase();
        let mut files: Vec<String> = names.iter().map(file).collect();
        files.extend(["by-slice", "by-slice.latency"].map(policy_file));
        let count = files.len();
        files.sort();
        files.dedup();
        assert_eq!(files.len(), count, "{files:?}");
    }
}
