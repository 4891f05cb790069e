//! Candidates with an hourly price: what an item costs on their machines, and from which volume on that is cheaper than
//! an API. All of it is arithmetic on three numbers: the price of a machine, the items that it answers in a second, and
//! the items of a day.

use ordinate_core::verdict::{BreakEven, CandidateRow, Deployment};
use ordinate_core::{CandidateName, Evidence};
use serde::{Deserialize, Serialize};

use crate::words::{count, dollars, usd};

const SECONDS_A_DAY: f64 = 86_400.0;
const HOURS_A_DAY: f64 = 24.0;

/// A candidate that runs on machines paid by the hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hosted {
    /// Its name.
    pub name: CandidateName,
    /// USD per hour of one machine.
    pub per_hour: f64,
    /// Items per second of one machine, where it was measured. Otherwise one machine is taken to do for any volume.
    pub per_second: Option<f64>,
}

/// Where the lines of two costs cross.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Crossing {
    /// Items per day above which one machine is cheaper.
    first: f64,
    /// Items per day above which hosting is cheaper whatever the number of machines.
    always: f64,
}

impl Hosted {
    /// Machines that this many items per day need: `ceil(volume / (86,400 s x items per second))`, at least 1.
    fn machines(&self, volume: f64) -> f64 {
        self.per_second.map_or(1.0, |rate| (volume / (SECONDS_A_DAY * rate)).ceil().max(1.0))
    }

    /// USD per item: at a volume its machines' day shared by the day's items, `24 x per_hour x machines / volume`;
    /// without one a machine that is never idle, `per_hour / (3,600 s x items per second)`. `None` where neither volume
    /// nor rate is known.
    #[must_use]
    pub fn cost_per_item(&self, volume: Option<u64>) -> Option<f64> {
        match (volume, self.per_second) {
            (Some(volume), _) => {
                let volume = volume as f64;
                Some(HOURS_A_DAY * self.per_hour * self.machines(volume) / volume)
            }
            (None, Some(rate)) => Some(HOURS_A_DAY * self.per_hour / (SECONDS_A_DAY * rate)),
            (None, None) => None,
        }
    }

    /// What policies are learned with, which know of no volume: USD per item on a machine that is never idle; nothing where
    /// the rate is not known, since the machine is paid whether it is asked or not.
    fn cost_when_busy(&self) -> f64 {
        self.cost_per_item(None).unwrap_or(0.0)
    }

    /// Where hosting becomes cheaper than an API of this many USD per item; `None` where it never does.
    ///
    /// One machine costs `d = 24 x per_hour` a day and answers up to `c` items in it; the API costs `a` an item. With `n`
    /// machines, for volumes from `(n - 1) c` to `n c`, hosting is cheaper above `n v`, where `v = d / a`: never if
    /// `v >= c`. It is cheaper in all of that range from the first `n` on with `(n - 1) c >= n v`, which is
    /// `ceil(c / (c - v))`; in the range before it, above `(n - 1) v`.
    fn crossing(&self, per_item: f64) -> Option<Crossing> {
        if per_item <= 0.0 {
            return None;
        }
        let first = HOURS_A_DAY * self.per_hour / per_item;
        let Some(rate) = self.per_second else { return Some(Crossing { first, always: first }) };
        let capacity = SECONDS_A_DAY * rate;
        if first >= capacity {
            return None;
        }
        // What is whole but for the last bits of its digits is whole.
        let whole = (capacity / (capacity - first) * (1.0 - 1e-12)).ceil();
        Some(Crossing { first, always: (whole - 1.0).max(1.0) * first })
    }
}

/// Puts what an item costs on their machines into the evidence, in place of any cost that is there.
pub fn host(evidence: &mut Evidence, hosted: &[Hosted], volume: Option<u64>) {
    for one in hosted {
        if let Some(column) = evidence.column_of(&one.name) {
            evidence.cost_each(column, one.cost_per_item(volume));
        }
    }
}

/// The same for policies to learn with: what they cost may not hang on needs.
pub fn host_when_busy(evidence: &mut Evidence, hosted: &[Hosted]) {
    for one in hosted {
        if let Some(column) = evidence.column_of(&one.name) {
            evidence.cost_each(column, Some(one.cost_when_busy()));
        }
    }
}

/// What is assumed for the costs of hosted candidates, in words.
pub(crate) fn hosting_notes(hosted: &[Hosted], volume: Option<u64>) -> Vec<String> {
    let note = |one: &Hosted| note(one, one.name.as_str(), volume, one.cost_per_item(volume));
    let mut notes: Vec<String> = hosted.iter().map(note).collect();
    if !hosted.is_empty() && volume.is_some() {
        notes.push(
            "A policy that asks a hosted candidate about some of the items only pays for its machines all day; the points of \
             its curve are without their idle hours."
                .to_owned(),
        );
    }
    notes
}

fn note(one: &Hosted, name: &str, volume: Option<u64>, cost: Option<f64>) -> String {
    let price = format!("${} an hour", one.per_hour);
    let comes_to = usd(cost.map(|cost| 1_000.0 * cost));
    match (volume, one.per_second) {
        (Some(volume), Some(rate)) => {
            let machines = one.machines(volume as f64) as u64;
            let plural = if machines == 1 { "" } else { "s" };
            format!(
                "The cost of {name} is an estimate: at {price} and {} items a day on {} machine{plural} (measured on \
                 this one: {rate:.1} items a second) it comes to {comes_to}.",
                count(volume),
                count(machines),
            )
        }
        (Some(volume), None) => format!(
            "The cost of {name} is an estimate: at {price} and {} items a day it comes to {comes_to}. How many items its \
             machine answers in a second is not known, and one is taken to do.",
            count(volume)
        ),
        (None, Some(rate)) => format!(
            "The cost of {name} is an estimate: at {price}, on a machine that is never idle ({rate:.1} items a second, \
             measured on this one), it comes to {comes_to}. With fewer items it is more: say volume_per_day in [needs].",
        ),
        (None, None) => format!(
            "The cost of {name} is not known: at {price} it hangs on the items of a day, so say volume_per_day in [needs]."
        ),
    }
}

/// Every hosted candidate against every other one that has a cost, hosted ones apart: the volume from which on hosting
/// is cheaper.
pub(crate) fn break_even(candidates: &[CandidateRow], hosted: &[Hosted]) -> Vec<BreakEven> {
    let row = |name: &CandidateName| candidates.iter().find(|row| row.name == *name);
    let is_hosted = |row: &CandidateRow| hosted.iter().any(|one| one.name == row.name);
    let mut rows = Vec::new();
    for one in hosted {
        let Some(own) = row(&one.name) else { continue };
        for other in candidates.iter().filter(|other| !is_hosted(other)) {
            let Some(api_cost_per_1k) = other.cost_per_1k.filter(|cost| *cost > 0.0) else { continue };
            let crossing = one.crossing(api_cost_per_1k / 1_000.0);
            rows.push(BreakEven {
                hosted: own.name.clone(),
                api: other.name.clone(),
                per_hour: one.per_hour,
                items_per_second: one.per_second,
                api_cost_per_1k,
                volume_per_day: crossing.map(|crossing| crossing.first),
                always_above: crossing.map(|crossing| crossing.always),
                hosted_quality: own.quality,
                api_quality: other.quality,
            });
        }
    }
    rows
}

/// Candidates without a price for their machine, against the best that is paid by the item or token: what a machine may cost
/// for hosting to be cheaper. At a volume `V` of a day, `V a / (24 n)` an hour with `n` machines; never idle, `3,600 a` times the
/// items of a second, where `a` is what the other one costs an item.
pub(crate) fn questions(
    candidates: &[CandidateRow],
    deployment: &[Deployment],
    volume: Option<u64>,
) -> Vec<String> {
    let unpriced: Vec<&CandidateRow> = candidates.iter().filter(|row| row.not_priced).collect();
    if unpriced.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = unpriced.iter().map(|row| row.name.as_str()).collect();
    let mut lines = vec![format!(
        "What the machine costs that runs {} is not said, and counts as nothing where costs are compared: write price = {{ \
         per_hour = ... }}.",
        names.join(", ")
    )];
    let paid = |row: &&CandidateRow| !row.not_priced && row.cost_per_1k.is_some_and(|cost| cost > 0.0);
    // Best quality first, as the rows are.
    let Some(other) = candidates.iter().find(paid) else { return lines };
    let per_item = other.cost_per_1k.unwrap_or_default() / 1_000.0;
    lines.extend(unpriced.iter().filter_map(|row| {
        let rate = deployment.iter().find(|one| one.name == row.name)?.best_per_second;
        let machine = Hosted { name: row.name.clone(), per_hour: 0.0, per_second: Some(rate) };
        let (at_most, when) = match volume {
            Some(volume) => {
                let machines = machine.machines(volume as f64);
                let plural = if machines > 1.0 { "s" } else { "" };
                let when = format!("at {} items a day on {} machine{plural}", count(volume), count(machines as u64));
                (volume as f64 * per_item / (HOURS_A_DAY * machines), when)
            }
            None => (3_600.0 * rate * per_item, "where it is never idle".to_owned()),
        };
        Some(format!(
            "Is hosting {} cheaper than {} ({})? Where its machine costs less than {} an hour, {when} ({rate:.1} items a second, \
             measured on this one).",
            row.name,
            other.name,
            usd(other.cost_per_1k),
            dollars(at_most),
        ))
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosted(per_hour: f64, per_second: Option<f64>) -> Hosted {
        Hosted { name: CandidateName::new("own").unwrap(), per_hour, per_second }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9 * b.abs().max(1.0)
    }

    /// 2 items a second are 172,800 a day.
    #[test]
    fn machines_and_costs() {
        let one = hosted(0.5, Some(2.0));
        let machines = [1.0, 172_800.0, 172_801.0, 345_600.0, 1e6].map(|volume| one.machines(volume));
        assert_eq!(machines, [1.0, 1.0, 2.0, 2.0, 6.0]);
        // 24 x 0.5 = 12 USD a day.
        assert!(near(one.cost_per_item(Some(12_000)).unwrap(), 0.001));
        assert!(near(one.cost_per_item(Some(200_000)).unwrap(), 24.0 / 200_000.0));
        // Never idle: 0.5 USD for 7,200 items.
        assert!(near(one.cost_per_item(None).unwrap(), 0.5 / 7_200.0));
        let unknown = hosted(0.5, None);
        assert!(near(unknown.cost_per_item(Some(1_000_000)).unwrap(), 12e-6));
        assert_eq!(unknown.cost_per_item(None), None);
        assert_eq!(hosted(0.0, None).cost_per_item(Some(10)), Some(0.0));
    }

    #[test]
    fn where_costs_cross() {
        // 12 USD a day against 1 USD per 1,000 items.
        let crossing = hosted(0.5, None).crossing(0.001).unwrap();
        assert!(near(crossing.first, 12_000.0) && near(crossing.always, 12_000.0));
        let crossing = hosted(0.5, Some(2.0)).crossing(0.001).unwrap();
        assert!(near(crossing.first, 12_000.0) && near(crossing.always, 12_000.0));
        // 8,640 items a day are all that the machine does: 12,000 are never reached, with however many machines.
        assert_eq!(hosted(0.5, Some(0.1)).crossing(0.001), None);
        // 17,280 a day: cheaper from 12,000 to 17,280; with two machines from 24,000 to 34,560; with three, which cost
        // as much as 36,000 items, from there to 51,840; and with four from 51,840 on, for ever.
        let crossing = hosted(0.5, Some(0.2)).crossing(0.001).unwrap();
        assert!(near(crossing.first, 12_000.0) && near(crossing.always, 36_000.0), "{crossing:?}");
        assert_eq!(hosted(0.5, Some(2.0)).crossing(0.0), None);
        let free = hosted(0.0, Some(2.0)).crossing(0.001).unwrap();
        assert_eq!((free.first, free.always), (0.0, 0.0));
    }

    /// Both crossings against the costs themselves, over every volume.
    #[test]
    fn crossings_are_those_of_the_costs() {
        for per_hour in [0.1, 0.4, 0.7, 0.9, 0.99, 1.2] {
            // 24 USD a day at 1 USD an hour, and 24 items a day and machine at 1 USD an item.
            let one = hosted(per_hour, Some(24.0 / SECONDS_A_DAY));
            let cheaper = |volume: f64| HOURS_A_DAY * per_hour * one.machines(volume) < volume - 1e-9;
            let volumes = || (1..30_000).map(|step| f64::from(step) / 10.0);
            let first = volumes().find(|&volume| cheaper(volume));
            let last_dearer = volumes().rfind(|&volume| !cheaper(volume));
            match one.crossing(1.0) {
                None => assert_eq!(first, None, "{per_hour}"),
                Some(crossing) => {
                    assert!((first.unwrap() - crossing.first).abs() <= 0.1 + 1e-9, "{per_hour} {crossing:?}");
                    assert!(
                        (last_dearer.unwrap() - crossing.always).abs() <= 0.1 + 1e-9,
                        "{per_hour} {crossing:?} {last_dearer:?}"
                    );
                }
            }
        }
    }
}
