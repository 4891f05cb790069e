//! What shadow requests may spend in a day, and what they spent.

use ordinate_remote::Failure;

use crate::day::Day;
use crate::settings::Shadowing;

/// Why no shadow request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dropped {
    /// The day's money or requests are spent.
    Budget,
    /// As many as may be are on their way.
    Busy,
    /// The runner-up failed again and again, or asked to be left alone.
    Resting,
    /// The server is ending.
    Drain,
    /// Nobody knows what it costs, so that no budget could be kept.
    Unpriced,
}

impl Dropped {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Busy => "busy",
            Self::Resting => "resting",
            Self::Drain => "drain",
            Self::Unpriced => "unpriced",
        }
    }
}

/// What was spent today (UTC).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spent {
    day: Day,
    usd: f64,
    requests: u64,
    /// The most that one cost.
    dearest: f64,
    /// Whether there was one of which nobody knows what it cost, nor what it can have cost.
    unknown: bool,
    on_their_way: u64,
    /// What those may cost.
    set_aside: f64,
}

impl Default for Spent {
    fn default() -> Self {
        Self {
            day: Day::now(),
            usd: 0.0,
            requests: 0,
            dearest: 0.0,
            unknown: false,
            on_their_way: 0,
            set_aside: 0.0,
        }
    }
}

impl Spent {
    /// Counts one that an earlier server made.
    pub(crate) fn count(&mut self, cost_usd: Option<f64>) {
        self.add(cost_usd, self.dearest);
    }

    /// USD and requests of today.
    pub(crate) fn today(&self) -> (f64, u64) {
        if self.day == Day::now() { (self.usd, self.requests) } else { (0.0, 0) }
    }

    fn add(&mut self, cost_usd: Option<f64>, set_aside: f64) -> Option<f64> {
        self.requests += 1;
        let cost = cost_usd.or((set_aside > 0.0).then_some(set_aside));
        self.unknown |= cost.is_none();
        self.usd += cost.unwrap_or_default();
        self.dearest = self.dearest.max(cost.unwrap_or_default());
        cost
    }

    /// Takes a place for one request, which costs at most this as far as is known, and sets money aside for it.
    ///
    /// # Errors
    /// [`Dropped`] where it may not be made.
    pub(crate) fn admit(&mut self, limits: &Shadowing, most_usd: f64) -> Result<f64, Dropped> {
        if self.day != Day::now() {
            let Self { dearest, on_their_way, set_aside, .. } = *self;
            *self = Self { dearest, on_their_way, set_aside, ..Self::default() };
        }
        if self.on_their_way >= u64::from(limits.at_once.get()) {
            return Err(Dropped::Busy);
        }
        if limits.requests_per_day.is_some_and(|most| self.requests + self.on_their_way >= most.get()) {
            return Err(Dropped::Budget);
        }
        let may_cost = most_usd.max(self.dearest);
        if let Some(most) = limits.usd_per_day {
            if self.usd >= most || self.usd + self.set_aside + may_cost > most {
                return Err(Dropped::Budget);
            }
            if self.unknown && limits.requests_per_day.is_none() {
                return Err(Dropped::Unpriced);
            }
        }
        self.on_their_way += 1;
        self.set_aside += may_cost;
        Ok(may_cost)
    }

    /// Gives the place of one that was not made back.
    pub(crate) fn give_back(&mut self, set_aside: f64) {
        self.on_their_way -= 1;
        self.set_aside = (self.set_aside - set_aside).max(0.0);
    }

    /// Gives the place back: it cost so much, or nobody knows, and it counts as what was set aside for it.
    /// Says what it counts as.
    pub(crate) fn settle(&mut self, set_aside: f64, cost_usd: Option<f64>) -> Option<f64> {
        self.give_back(set_aside);
        self.add(cost_usd, set_aside)
    }
}

/// What a request cost, where it is known: one that no answer was begun to is not paid for.
pub(crate) fn cost(cost_usd: Option<f64>, failure: Option<&Failure>) -> Option<f64> {
    let unpaid = |failure: &&Failure| !failure.kind.may_be_billed();
    cost_usd.or_else(|| failure.filter(unpaid).map(|_| 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(text: &str) -> Shadowing {
        toml::from_str(&format!("share = 1.0\nat_once = 2\n{text}")).unwrap()
    }

    #[test]
    fn a_day_costs_no_more_than_was_said() {
        let (mut spent, limits) = (Spent::default(), limits("usd_per_day = 1.0"));
        let mut made = 0;
        while let Ok(set_aside) = spent.admit(&limits, 0.2) {
            spent.settle(set_aside, Some(0.15));
            made += 1;
        }
        assert_eq!((made, spent.admit(&limits, 0.2)), (6, Err(Dropped::Budget)));
        let mut spent = Spent::default();
        assert_eq!((spent.admit(&limits, 0.4), spent.admit(&limits, 0.7)), (Ok(0.4), Err(Dropped::Budget)));
        assert_eq!((spent.admit(&limits, 0.1), spent.admit(&limits, 0.0)), (Ok(0.1), Err(Dropped::Busy)));
        // Of one nobody knows what it cost: what was set aside for it is gone.
        spent.settle(0.4, None);
        spent.settle(0.1, Some(0.1));
        assert_eq!(spent.admit(&limits, 0.0), Ok(0.4));
        assert_eq!(spent.admit(&limits, 0.2), Err(Dropped::Budget));
        // Where nobody knows what it can cost either, nothing more is asked.
        let mut spent = Spent::default();
        assert_eq!(spent.admit(&limits, 0.0), Ok(0.0));
        spent.settle(0.0, None);
        assert_eq!(spent.admit(&limits, 0.0), Err(Dropped::Unpriced));
    }

    #[test]
    fn requests_are_counted_where_they_have_no_price() {
        let (mut spent, limits) = (Spent::default(), limits("requests_per_day = 3"));
        for _ in 0..3 {
            let set_aside = spent.admit(&limits, 0.0).unwrap();
            spent.settle(set_aside, None);
        }
        assert_eq!(spent.admit(&limits, 0.0), Err(Dropped::Budget));
    }
}
