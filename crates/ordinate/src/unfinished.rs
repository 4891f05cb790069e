//! Why there can be no verdict yet, and what to do.

use ordinate_measure::{Ended, StorePlace, Summary};
use ordinate_remote::FailureKind;

/// What to do about the errors by which an endpoint is known to be dead: they stand as the candidate's answers, though
/// they say nothing of the candidate.
fn again(summary: &Summary) -> String {
    let of_endpoint = |kind: &str| {
        // An error of connecting is asked again anyhow.
        FailureKind::from_word(kind).is_some_and(|kind| kind.is_of_endpoint() && kind != FailureKind::Connect)
    };
    let stand: u64 =
        summary.errors.iter().filter(|(kind, _)| of_endpoint(kind)).map(|(_, count)| count).sum();
    if stand == 0 {
        return String::new();
    }
    format!(
        "; {stand} such errors stand as its answers until you add --retry-errors, which asks for them again"
    )
}

/// Why there can be no verdict yet, if a candidate was not asked about everything for a reason other than being
/// beaten.
pub(crate) fn unfinished(summaries: &[Summary], store: &StorePlace, spent: f64) -> Option<String> {
    let mut reasons = Vec::new();
    for summary in summaries {
        let (name, done, items) = (&summary.name, summary.done, summary.items);
        reasons.push(match &summary.ended {
            Ended::Complete | Ended::Beaten { .. } => continue,
            Ended::Cancelled => format!("{name} was stopped at {done} of {items} items"),
            Ended::Budget => format!(
                "{name} reached max_spend at {done} of {items} items (${spent:.4} spent in all; the next request could \
                 exceed it)"
            ),
            Ended::Dead(why) => {
                let again = again(summary);
                format!("{name} cannot be asked any more, at {done} of {items} items: {why}{again}")
            }
        });
    }
    if reasons.is_empty() {
        return None;
    }
    let next = if summaries.iter().all(|summary| summary.done == summary.items) {
        "run the same command with --retry-errors, and only the errors are asked again"
    } else {
        "run the same command again and it goes on where it stopped, asking for none of them twice"
    };
    Some(format!("{}. Every answer is kept in {store}: {next}", reasons.join("; ")))
}
