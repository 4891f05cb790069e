//! What a verdict says, in words: shared by the terminal and the page.

use std::collections::BTreeSet;

use ordinate_core::needs::{Goal, Needs};
use ordinate_core::policy::PolicyKind;
use ordinate_core::verdict::{
    Judge, JudgeAgreement, JudgedCandidate, JudgedSlice, Outcome, Recommended, Verdict,
};

use crate::figures;
use crate::text::clean;

/// The verdict in one line.
pub(crate) fn headline(verdict: &Verdict) -> &'static str {
    let Some(recommended) = &verdict.recommended else { return "No policy meets the needs" };
    let single = recommended.kind == PolicyKind::Single;
    if verdict.candidates.len() == 1 {
        return "Nothing to compare yet";
    }
    // Who competes alone has not won against anybody.
    let lineage = verdict.candidates.first().map(|candidate| candidate.lineage);
    if verdict.candidates.iter().all(|candidate| Some(candidate.lineage) == lineage) {
        match verdict.outcome {
            Outcome::General => return "The best of the general models: no other kind competes",
            Outcome::Vertical => return "The best of the vertical models: no other kind competes",
            Outcome::Transferred => return "The best of the transferred models: no other kind competes",
            Outcome::Combined | Outcome::Undecided => {}
        }
    }
    match verdict.outcome {
        Outcome::General if single => "A general model is the right choice",
        Outcome::General => "General models, joined, are the right choice",
        Outcome::Vertical if single => "A vertical model is the right choice",
        Outcome::Vertical => "Vertical models, joined, are the right choice",
        Outcome::Transferred if single => "A transferred model is the right choice",
        Outcome::Transferred => "Transferred models, joined, are the right choice",
        Outcome::Combined => "A combination is the right choice",
        Outcome::Undecided => "The data cannot decide",
    }
}

/// What a kind of policy does with an item.
pub(crate) fn what_it_does(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Single => "one candidate answers every item",
        PolicyKind::ZeroRouter => {
            "a coin decides which of two candidates answers, so that the budget is spent"
        }
        PolicyKind::BySlice => "each slice is answered by the candidate that is best at it",
        PolicyKind::Route => "each item goes to the candidate that is expected to do best on it",
        PolicyKind::Cascade => {
            "a cheap candidate answers first; a dearer one where that answer is not trusted"
        }
        PolicyKind::Vote => "the answer that most candidates agree on",
        PolicyKind::Weighted => {
            "the weighted mean of the candidates' answers where they are numbers or series, else a weighted vote"
        }
        PolicyKind::Stack => "a model over the candidates' answers decides",
        PolicyKind::Select => "several candidates are asked and the best answer is picked",
    }
}

/// `route, mixed lineage`: what kind of policy is recommended, where its name does not tell, and its lineage.
pub(crate) fn kind_and_lineage(recommended: &Recommended) -> String {
    let lineage = format!("{} lineage", clean(&recommended.lineage));
    let told = recommended.kind == PolicyKind::Single || recommended.name == recommended.kind.as_str();
    if told { lineage } else { format!("{}, {lineage}", recommended.kind) }
}

/// Shares by candidate, largest first; those of nothing left out.
pub(crate) fn shares<'a>(share: impl IntoIterator<Item = (&'a String, &'a f64)>) -> Vec<(&'a str, f64)> {
    let mut shares: Vec<(&str, f64)> = share
        .into_iter()
        .map(|(name, share)| (name.as_str(), *share))
        .filter(|(_, share)| share.is_finite() && *share > 0.0)
        .collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    shares
}

/// The needs in force: what is needed, and the figure.
pub(crate) fn needs(needs: &Needs, margin: f64) -> Vec<(&'static str, String)> {
    let goal = match needs.goal {
        Goal::Quality => "highest quality",
        Goal::Cost => "lowest cost that keeps the quality",
        Goal::Latency => "lowest latency that keeps the quality",
    };
    let margin = if margin > 0.0 {
        format!("a loss of {} of quality does not matter", figures::number(margin))
    } else {
        "none: every loss of quality matters".to_owned()
    };
    let mut rows = vec![("Goal", goal.to_owned()), ("Margin", margin)];
    let limits = [
        (
            "Quality",
            needs.min_quality.map(|q| format!("at least {}, at the lower bound", figures::number(q))),
        ),
        ("Cost", needs.max_cost_per_1k.map(|c| format!("at most {} per 1,000 items", figures::dollars(c)))),
        ("Latency", needs.max_p95_ms.map(|l| format!("p95 of at most {}", figures::latency(Some(l))))),
        ("Memory", needs.max_memory_gb.map(|m| format!("at most {}", figures::memory(Some(m))))),
        ("Data", needs.stay_local.then(|| "stays on the machine".to_owned())),
        ("Volume", needs.volume_per_day.map(|v| format!("{} items per day", figures::count(v)))),
    ];
    rows.extend(limits.into_iter().filter_map(|(name, limit)| limit.map(|limit| (name, limit))));
    rows
}

/// What the figures rest on, in one sentence.
pub(crate) fn basis(verdict: &Verdict) -> String {
    let basis = &verdict.basis;
    let plural = |n: u64, one: &str| format!("{} {one}{}", figures::count(n), if n == 1 { "" } else { "s" });
    let mut parts = vec![plural(basis.items, "item")];
    if let Some(groups) = basis.groups {
        parts.push(plural(groups, "group"));
    }
    if basis.slices > 0 {
        parts.push(plural(basis.slices, "slice"));
    }
    parts.push(plural(verdict.candidates.len() as u64, "candidate"));
    if let Some(metric) = &basis.metric {
        parts.push(format!("scored by {}", clean(metric)));
    }
    parts.push(match basis.folds {
        Some(folds) => format!("cross-fitted in {folds} folds"),
        None => "trained and tested on the parts that were named".to_owned(),
    });
    parts.push(format!(
        "95% {} intervals of {} resamples",
        clean(&basis.interval),
        figures::count(u64::from(basis.resamples))
    ));
    parts.push(format!("seed {}", basis.seed));
    parts.join(", ")
}

/// How far the data is from a decision.
pub(crate) fn distance_to_a_decision(verdict: &Verdict) -> Option<String> {
    verdict.undecided.map(|undecided| {
        format!(
            "The smallest difference that these {} items could have shown is {}; about {} items in all would \
             probably settle it.",
            figures::count(verdict.basis.items),
            figures::quality(undecided.smallest_detectable),
            figures::count(undecided.items_needed)
        )
    })
}

/// What the verdict would be with errors left out.
pub(crate) fn other_reading(verdict: &Verdict) -> Option<String> {
    verdict.errors_left_out.as_ref().map(|other| {
        let policy = match &other.recommended {
            Some(name) => format!(", and {} would be recommended", clean(name)),
            None => ", and no policy would meet the needs".to_owned(),
        };
        format!(
            "Errors count as failures. With errors left out the verdict would be {}{policy}.",
            other.outcome
        )
    })
}

/// Slices that are told one by one.
const MOST_SLICES: usize = 20;

/// What a judge's grades are on each slice, corrected where people graded enough of them; empty where they graded none, or there are no
/// slices.
pub(crate) fn judged_slices(judge: &Judge) -> Vec<String> {
    let names: BTreeSet<&str> =
        judge.candidates.iter().flat_map(|one| one.slices.keys().map(String::as_str)).collect();
    let told = |slice: &&str| {
        let of = |one: &JudgedCandidate| {
            Some(format!("{} {}", one.name, judged_slice(judge, one, one.slices.get(*slice)?)))
        };
        format!("{slice}: {}.", judge.candidates.iter().filter_map(of).collect::<Vec<_>>().join("; "))
    };
    let mut lines: Vec<String> = names.iter().take(MOST_SLICES).map(told).collect();
    if names.len() > MOST_SLICES {
        let more = figures::count((names.len() - MOST_SLICES) as u64);
        lines.push(format!("{more} slices more are in verdict.json (judge.candidates.slices)."));
    }
    lines
}

/// What is known of a candidate's quality on a slice, and by whose word.
pub(crate) fn judged_slice(judge: &Judge, one: &JudgedCandidate, slice: &JudgedSlice) -> String {
    let labelled = figures::count(slice.labelled);
    match &slice.corrected {
        Some(corrected) => {
            format!("{}, corrected by {labelled} grades of people", figures::estimate(corrected))
        }
        None if judge.against.as_ref() == Some(&one.name) => {
            format!("{}, which others are held against", figures::quality(slice.judge))
        }
        None => {
            format!("{}, the judge's word alone ({labelled} grades of people)", figures::quality(slice.judge))
        }
    }
}

/// Who graded the answers, and how far people grade alike.
pub(crate) fn judge(judge: &Judge) -> Vec<String> {
    let how = match (judge.mode.as_str(), &judge.against) {
        ("pairwise", Some(name)) => {
            format!("each against that of {name}, in both orders (better 1, tie 0.5, worse 0)")
        }
        ("pairwise", None) => {
            "each against the right one, in both orders (better 1, tie 0.5, worse 0)".to_owned()
        }
        _ => "each by itself".to_owned(),
    };
    let left = match judge.not_graded {
        0 => String::new(),
        some => format!("; {} could not be graded", figures::count(some)),
    };
    let mut lines =
        vec![format!("{} graded {} answers, {how}{left}.", judge.name, figures::count(judge.graded))];
    if let Some(JudgeAgreement { share, kappa, correlation }) = &judge.agreement {
        let or_unknown = |estimate: &Option<_>| {
            estimate.as_ref().map_or_else(|| figures::UNKNOWN.to_owned(), figures::estimate)
        };
        lines.push(format!(
            "People graded {} of these answers: the same grade on {}, Cohen's kappa (quadratic weights) {}, correlation {}.",
            figures::count(judge.human),
            figures::estimate(share),
            or_unknown(kappa),
            or_unknown(correlation)
        ));
    }
    lines
}
