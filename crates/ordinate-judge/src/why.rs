//! Reasons in plain words, each with its figure.

use std::collections::BTreeMap;

use ordinate_core::verdict::{OtherReading, Outcome, Promise};
use ordinate_core::{Dial, Goal, PolicyKind};
use ordinate_trials::{NotApplicable, Played};

use crate::bar::Field;
use crate::limits::Miss;
use crate::rules::{Choice, MANY, missing};
use crate::words::{count, level, outlay, price, signed};

/// Why the verdict is what it is, the most important first.
pub(crate) fn reasons(
    field: &Field<'_>,
    misses: &[Vec<Miss>],
    choice: &Choice,
    skipped: &[NotApplicable],
    other: Option<&OtherReading>,
    at_worst: Option<&OtherReading>,
) -> Vec<String> {
    let teller = Teller { field, misses, choice };
    let mut why = Vec::new();
    match choice.recommended {
        None => why.extend(teller.nobody()),
        Some(alone) if field.is_alone() => {
            why.push(format!(
                "Nothing to compare yet: {} is the only candidate, with quality {} at {}. Import the answers of another \
                 model, or add a candidate.",
                teller.name(alone),
                teller.quality(alone),
                teller.price(alone)
            ));
        }
        Some(recommended) => {
            why.push(teller.headline(recommended));
            why.extend(teller.coin(recommended));
            why.extend(teller.against_best_single(recommended));
            why.extend(teller.against_best(recommended));
            why.extend(teller.crossing(recommended));
            why.extend(teller.doubt(recommended));
        }
    }
    if field.needs.goal != Goal::Quality
        && choice.recommended.is_some_and(|r| field.contenders[r].outlay(field.needs).is_none())
    {
        why.push(format!(
            "The goal could not be looked at: no {} is known, so the best quality was taken. Record {}.",
            if field.needs.goal == Goal::Latency { "latency" } else { "cost" },
            if field.needs.goal == Goal::Latency { "latency_ms" } else { "cost_usd" },
        ));
    }
    why.extend(teller.combinations());
    why.extend(
        field.contenders.iter().enumerate().filter_map(|(index, contender)| {
            Some(promise(&contender.name, choice.promise(index, contender)?))
        }),
    );
    if let Some(other) = other {
        let name = other.recommended.as_deref().unwrap_or("nothing");
        why.push(format!(
            "Errors count as failures here; with errors left out the outcome would be {} ({name}).",
            other.outcome
        ));
    }
    if let (Some(at_worst), Some(recommended)) = (at_worst, choice.recommended) {
        why.push(format!(
            "{} left {} of {} items out. Were all of these answers wrong, the outcome would be {} ({}): ask it about them, or \
             say in the task why they are missing.",
            field.contenders[recommended].name,
            count(missing(&field.contenders[recommended]) as u64),
            count(field.contenders[recommended].played.len() as u64),
            at_worst.outcome,
            at_worst.recommended.as_deref().unwrap_or("nothing"),
        ));
    }
    let excluded = misses.iter().enumerate().filter(|(index, misses)| {
        field.contenders[*index].is_single() && !misses.is_empty() && choice.recommended.is_some()
    });
    let excluded: Vec<&str> = excluded.map(|(index, _)| field.contenders[index].name.as_str()).collect();
    if !excluded.is_empty() {
        why.push(format!(
            "The needs exclude {} of {} candidates ({}).",
            excluded.len(),
            field.contenders.iter().filter(|c| c.is_single()).count(),
            teller.excluding()
        ));
    }
    for skipped in skipped {
        why.push(format!("No {} policy was tried: {}.", skipped.kind, skipped.why));
    }
    why
}

/// What is promised of a policy.
fn promise(name: &str, promise: &Promise) -> String {
    format!(
        "{name} promises, with {:.0} % confidence, a mean score at most {} below that of {}: its dial was tested on {} \
         items that it had not seen.",
        100.0 * promise.confidence,
        promise.margin,
        promise.against,
        promise.items,
    )
}

struct Teller<'a> {
    field: &'a Field<'a>,
    misses: &'a [Vec<Miss>],
    choice: &'a Choice,
}

impl Teller<'_> {
    fn name(&self, contender: usize) -> &str {
        &self.field.contenders[contender].name
    }

    fn quality(&self, contender: usize) -> String {
        level(&self.field.weighed.estimate(contender))
    }

    fn price(&self, contender: usize) -> String {
        price(&self.field.contenders[contender])
    }

    /// What the goal looks at besides quality, in words.
    fn outlay(&self, contender: usize) -> String {
        outlay(self.field.needs, &self.field.contenders[contender])
    }

    fn headline(&self, recommended: usize) -> String {
        let contender = &self.field.contenders[recommended];
        let what = if contender.is_single() {
            format!("{} ({})", contender.name, contender.lineage())
        } else {
            // Of a mean nobody's answer is given: it is over all whom it asks.
            let merged = contender.played.given.contains(&Played::NOBODY);
            let over = if merged { contender.uses.len() } else { contender.share.len() };
            format!("{} over {over} candidates ({})", contender.name, contender.lineage())
        };
        let role = if self.choice.outcome == Outcome::Undecided { "leads for now" } else { "is recommended" };
        // The interval of the recommendation, which knows that it was chosen: one figure of one thing.
        let quality = level(&self.field.weighed.chosen(recommended, &self.choice.among));
        format!("{what} {role}: quality {quality}, {}.", self.outlay(recommended))
    }

    /// How the budget is spent, where a coin spends it.
    fn coin(&self, recommended: usize) -> Option<String> {
        let contender = &self.field.contenders[recommended];
        let (mix, dial) = (contender.mix?, contender.dial?);
        let (one, other) = match contender.chosen.filter(|_| contender.kind == PolicyKind::ZeroRouter) {
            Some(chosen) => {
                let asked = |Dial(number): Dial| chosen.trial.columns.get(number as usize).copied();
                let name = |dial| asked(dial).map(|column| self.name(column).to_owned());
                (name(mix.dial)?, name(dial)?)
            }
            None => (format!("its dial {:.4}", mix.dial.0), format!("its dial {:.4}", dial.0)),
        };
        Some(format!(
            "A coin spends the budget: {:.1} % of the items go to {one}, the others to {other}. Cost and quality are what is \
             expected of it.",
            100.0 * mix.share
        ))
    }

    fn best_single(&self) -> Option<usize> {
        let contenders = self.field.contenders;
        (0..contenders.len())
            .filter(|&c| contenders[c].is_single() && self.field.weighed.quality[c].is_some())
            .max_by(|&a, &b| self.field.weighed.mean(a).total_cmp(&self.field.weighed.mean(b)))
    }

    /// The best single of all, also where the needs exclude it.
    fn against_best_single(&self, recommended: usize) -> Option<String> {
        let best = self.best_single()?;
        if best == recommended {
            return None;
        }
        let gain = self.field.weighed.difference(recommended, best)?;
        let ratio = self.ratio(recommended, best);
        let excluded = match self.misses[best].first() {
            Some(miss) => format!("; the needs exclude {}: {}", self.name(best), miss.why),
            None => String::new(),
        };
        Some(format!(
            "The best single candidate is {} with {} at {}: {} differs by {}{ratio}{excluded}.",
            self.name(best),
            self.quality(best),
            self.price(best),
            self.name(recommended),
            signed(&gain),
        ))
    }

    /// `, at 65 % of its cost`.
    fn ratio(&self, recommended: usize, other: usize) -> String {
        let cost = |c: usize| self.field.contenders[c].cost_per_1k;
        match (cost(recommended), cost(other)) {
            (Some(own), Some(theirs)) if theirs > 0.0 && !self.field.contenders[recommended].not_priced => {
                let percent = 100.0 * own / theirs;
                let digits = if percent < 10.0 { 1 } else { 0 };
                format!(", at {percent:.digits$} % of its cost")
            }
            _ => String::new(),
        }
    }

    /// Where something cheaper was taken than the best: the non-inferiority.
    fn against_best(&self, recommended: usize) -> Option<String> {
        let best = self.choice.best.filter(|&best| best != recommended)?;
        let loss = self.field.weighed.difference(recommended, best)?;
        let margin = self.field.needs.margin();
        let bound = match self.field.needs.min_quality.filter(|_| self.field.needs.goal != Goal::Quality) {
            Some(least) => format!("and its lower bound keeps min_quality = {least}"),
            None => format!("non-inferior within the margin of {margin}"),
        };
        Some(format!(
            "Against {} (quality {}, {}) it differs by {}: {bound}.",
            self.name(best),
            self.quality(best),
            self.outlay(best),
            signed(&loss)
        ))
    }

    /// What joining lineages gains over what one of them can do alone.
    fn crossing(&self, recommended: usize) -> Option<String> {
        let within = self.choice.within.filter(|_| self.field.crosses(recommended))?;
        let gain = self.field.weighed.difference(recommended, within)?;
        Some(format!(
            "To join lineages gains {} over {} ({}), the best that one lineage can do alone.",
            signed(&gain),
            self.name(within),
            self.quality(within),
        ))
    }

    fn doubt(&self, recommended: usize) -> Option<String> {
        let undecided = self.choice.undecided?;
        let needed = match undecided.items_needed {
            MANY.. => "more items than anybody labels".to_owned(),
            items => format!("about {} items in all", count(items)),
        };
        let close = match self.choice.rival {
            Some(rival) => {
                let lead = self.field.weighed.difference(rival, recommended)?;
                format!(
                    "{} ({}) differs from it by {}, which this data cannot tell from the margin of {}",
                    self.name(rival),
                    self.field.contenders[rival].lineage(),
                    signed(&lead),
                    self.field.needs.margin()
                )
            }
            None if missing(&self.field.contenders[recommended]) > 0
                && self.field.needs.min_quality.is_none() =>
            {
                "what it left out may have been wrong".to_owned()
            }
            None => format!(
                "its mean reaches min_quality, its lower bound does not ({})",
                self.quality(recommended)
            ),
        };
        Some(format!(
            "Undecided: {close}. The smallest difference that the items at hand could have shown is {:.3}; {needed} \
             would probably settle it.",
            undecided.smallest_detectable
        ))
    }

    /// Policies that lead or were recommended, and why the others were not.
    fn combinations(&self) -> Vec<String> {
        let contenders = self.field.contenders;
        let policies: Vec<usize> = (0..contenders.len()).filter(|&c| !contenders[c].is_single()).collect();
        let recommended_single = self.choice.recommended.is_some_and(|r| contenders[r].is_single());
        let blocked = policies.iter().filter_map(|&c| Some((c, self.choice.bars[c].as_ref()?)));
        let mut lines: Vec<String> = blocked
            .map(|(c, why)| {
                let verb = if recommended_single { "Do not combine with" } else { "Not with" };
                format!("{verb} {}: {why}.", self.name(c))
            })
            .collect();
        let policy = self.choice.recommended.filter(|&r| !contenders[r].is_single());
        if let Some((policy, gain)) = policy.and_then(|p| Some((p, self.field.weighed.over_zero_router[p]?)))
        {
            lines.insert(
                0,
                format!(
                    "A random mixture of two candidates at the same cost (the zero router) would be lower: {} gains \
                     {} over it.",
                    self.name(policy),
                    signed(&gain)
                ),
            );
        }
        lines
    }

    /// Nobody meets the needs: which need excludes the most.
    fn nobody(&self) -> Vec<String> {
        vec![format!("No candidate or policy meets all needs: {}.", self.excluding())]
    }

    fn excluding(&self) -> String {
        let mut counts: BTreeMap<&str, (usize, String)> = BTreeMap::new();
        for (misses, contender) in self.misses.iter().zip(self.field.contenders) {
            for miss in misses {
                let example = || (0, format!("{}: {}", contender.name, miss.why));
                counts.entry(miss.need).or_insert_with(example).0 += 1;
            }
        }
        let mut counts: Vec<(&str, (usize, String))> = counts.into_iter().collect();
        counts.sort_by_key(|(_, (number, _))| std::cmp::Reverse(*number));
        let total = self.misses.len();
        counts
            .iter()
            .map(|(need, (number, why))| {
                format!("{need} excludes {number} of {total} candidates and policies, for example {why}")
            })
            .collect::<Vec<_>>()
            .join("; ")
    }
}
