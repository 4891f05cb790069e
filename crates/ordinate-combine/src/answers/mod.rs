//! Policies that look at answers before they choose: *select* asks several candidates and gives the answer that
//! is expected to be best, *cascade* asks cheap ones first and a dear one only where theirs are not trusted.
//!
//! Both predict the quality of an answer by kernel ridge regression within the slice, from the input, from how
//! the answers agree with each other, and from what they say (`sight`, `panel`). They start from the lookup by slice, and leave
//! it only where that was seen to pay on training items that were left out (`pays`). References: Chen et al. 2023
//! (FrugalGPT: a scorer of answers, asked in order of price), Jiang et al. 2023 (LLM-Blender: the best of several
//! answers), Saunders et al. 1998 (ridge regression in dual variables).

pub mod cascade;
mod panel;
pub mod select;
mod sight;

use ordinate_core::evidence::View;
use ordinate_core::{Evidence, PolicyKind};

use crate::by_slice::BySlice;
use crate::error::NotApplicable;
use ordinate_trials::Outlay;
use panel::{Panels, Player};

/// Whether there are answers and inputs to look at, and candidates to choose from.
fn applies(kind: PolicyKind, evidence: &Evidence, least: usize) -> Result<(), NotApplicable> {
    let with_output = evidence.columns().iter().filter(|answers| answers.has_output()).count();
    let why = if with_output < least {
        format!(
            "it looks at the recorded outputs of at least {least} candidates, and {with_output} have some"
        )
    } else if evidence.candidates().len() < 2 {
        "there is only one candidate".to_owned()
    } else if !evidence.items().has_inputs() {
        "the items have no input texts; name an input field".to_owned()
    } else {
        return Ok(());
    };
    Err(NotApplicable { kind, why })
}

/// Learns the panels of every slice, as `player` makes use of them.
fn learn(
    kind: PolicyKind,
    train: &View<'_>,
    lookup: &BySlice,
    outlay: Outlay,
    player: &dyn Player,
) -> Result<Panels, NotApplicable> {
    Panels::fit(train, lookup, outlay, player)
        .map_err(|error| NotApplicable { kind, why: format!("its models could not be fitted: {error}") })
}
