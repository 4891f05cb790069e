//! Whether a candidate meets the needs that are known before anything is asked.

use ordinate_core::task::CandidateEntry;
use ordinate_core::{Hosting, Needs};

/// Whether it may beat others while they are asked: `here` says that it runs in this process.
pub(crate) fn eligible(entry: &CandidateEntry, here: bool, needs: &Needs) -> bool {
    let hosting = entry.hosting.or(here.then_some(Hosting::Local));
    // What a machine by the hour costs is not metered while it is asked.
    let per_hour = entry
        .price
        .or(entry.openai.as_ref().and_then(|openai| openai.price))
        .and_then(|price| price.per_hour);
    let affordable = match (needs.max_cost_per_1k, per_hour) {
        (Some(most), Some(per_hour)) => {
            let hosted = ordinate_judge::Hosted { name: entry.name.clone(), per_hour, per_second: None };
            hosted.cost_per_item(needs.volume_per_day).is_some_and(|cost| 1e3 * cost <= most)
        }
        _ => true,
    };
    let at_home = !needs.stay_local || hosting == Some(Hosting::Local);
    let fits = needs.max_memory_gb.is_none_or(|most| {
        hosting == Some(Hosting::Remote) || entry.memory_gb.is_some_and(|memory| memory <= most)
    });
    at_home && fits && affordable
}
