//! What was assumed, estimated or left out, in plain words.

use ordinate_score::Groups;
use ordinate_score::cluster::{FEW, FEWEST};
use ordinate_trials::Alike;

use crate::Setting;
use crate::contender::Contender;
use crate::rules::missing;
use crate::words::count;

fn alike_items(alike: &Alike) -> String {
    let pairs: Vec<String> = alike.examples.iter().take(3).map(|(a, b)| format!("{a} and {b}")).collect();
    let across = match alike.across {
        0 => String::new(),
        some => format!(
            " {} test items have the text of a train item: what is learned is flattered.",
            count(some as u64)
        ),
    };
    let how = if alike.grouped {
        "they are one group, kept together in folds and resamples"
    } else {
        "so few different ones would be left that they are taken as items of their own; what learns from texts is flattered"
    };
    format!(
        "{} items have the text of another one, and {} nearly so (for example {}): {how}.{across}",
        count(alike.equal as u64),
        count(alike.near as u64),
        pairs.join(", "),
    )
}

/// What was assumed, estimated or left out.
///
/// `folds` are those of the cross-fitting, if there was one; `groups` are those of the items, if they have any.
pub(crate) fn assumptions(
    setting: &Setting,
    notes: Vec<String>,
    contenders: &[Contender<'_>],
    folds: Option<u32>,
    groups: Option<&Groups>,
    alike: Option<&Alike>,
) -> Vec<String> {
    let mut assumed = notes;
    let clustered = groups.is_some();
    let incomplete: Vec<String> = contenders
        .iter()
        .filter(|contender| missing(contender) > 0)
        .map(|contender| format!("{} ({})", contender.name, count(missing(contender) as u64)))
        .collect();
    if !incomplete.is_empty() {
        assumed.push(format!(
            "Items without an answer are left out of a candidate's mean, and differences are taken over the items that \
             both have: {}.",
            incomplete.join(", ")
        ));
    }
    let foldings = contenders.iter().filter_map(|c| c.chosen?.foldings()).max().unwrap_or(1);
    assumed.push(match folds {
        Some(folds) => format!(
            "Policies are cross-fitted in {folds} folds, stratified by slice{}{}: nothing is scored on items that shaped it. What \
             is estimated is a policy that learned from {:.0} % of the items; the one that is saved learned from all.",
            if clustered { ", whole groups together" } else { "" },
            if foldings > 1 { format!(", {foldings} times anew, and figures are means over these") } else { String::new() },
            100.0 * (1.0 - 1.0 / f64::from(folds.max(1))),
        ),
        None => "Policies are learned on the train items and scored on the test items.".to_owned(),
    });
    assumed.extend(alike.map(alike_items));
    if let Some(judge) = &setting.judge
        && judge.candidates.iter().any(|one| one.lambda.is_some())
    {
        assumed.push(format!(
            "The items whose answers people graded are taken to be a random draw of the items, {}; and what people say is taken to be right.",
            if judge.human_is_random { "as human_is_random says" } else { "which nobody says (human_is_random)" }
        ));
    }
    let resampled = if clustered { "groups" } else { "items" };
    assumed.push(format!(
        "Intervals are 95 % bootstrap intervals: {} resamples of {resampled}, seed {}.",
        count(u64::from(setting.resampling.resamples.get())),
        setting.resampling.seed
    ));
    if let Some(few) = groups.map(Groups::count).filter(|groups| *groups < FEW) {
        assumed.push(format!(
            "There are {few} groups only, and intervals are those of Student's t with errors for few groups (CR2){}.",
            if few < FEWEST { "; with so few no interval is to be trusted: more groups are needed" } else { "" }
        ));
    }
    if clustered {
        return assumed;
    }
    assumed
        .push("Items are taken to be independent; name a `group` field if some share a document.".to_owned());
    assumed
}
