//! Limits and the goal.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::nearest;

/// What is to be best among the policies that meet the limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// The highest quality, or the cheapest policy within `margin` of it.
    #[default]
    Quality,
    /// The lowest cost that keeps the quality.
    Cost,
    /// The lowest latency that keeps the quality.
    Latency,
}

/// The needs of a task. Absent limits do not limit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Needs {
    /// What is to be best: `quality` (default), `cost` or `latency`.
    pub goal: Goal,
    /// A loss of quality that does not matter, in `[0, 1)`. Default 0 for goal `quality`, else 0.01.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// The least quality, in `[0, 1]`: the lower bound of the interval must reach it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_quality: Option<f64>,
    /// The most that 1,000 items may cost, USD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost_per_1k: Option<f64>,
    /// The longest 95th percentile of latency, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_p95_ms: Option<f64>,
    /// The most memory that hosted candidates may take, GB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory_gb: Option<f64>,
    /// Whether the data may not leave the machine.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stay_local: bool,
    /// Items per day: what a candidate with an hourly price costs per item hangs on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_per_day: Option<u64>,
}

/// Why a need cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NeedsError {
    /// There is no such need.
    #[error("there is no need called {key:?}{}; the needs are {}",
            nearest.map(|n| format!(" (did you mean {n:?}?)")).unwrap_or_default(), Needs::KEYS.join(", "))]
    UnknownKey {
        /// What was written.
        key: String,
        /// The nearest need, if one is near.
        nearest: Option<&'static str>,
    },
    /// The text is not `KEY=VALUE`.
    #[error("{0:?} is not KEY=VALUE; write for example max_cost_per_1k=0.25")]
    NotAnAssignment(String),
    /// The value is not allowed.
    #[error("the need {key} cannot be {value}; it takes {allowed}")]
    BadValue {
        /// The need.
        key: &'static str,
        /// What was written.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

const FRACTION: &str = "a number in [0, 1]";
const POSITIVE: &str = "a number above 0";

impl Needs {
    /// The keys of `[needs]` and `--need`.
    pub const KEYS: [&'static str; 8] = [
        "goal",
        "margin",
        "min_quality",
        "max_cost_per_1k",
        "max_p95_ms",
        "max_memory_gb",
        "stay_local",
        "volume_per_day",
    ];

    /// The loss against the best single that a policy should promise not to exceed: the margin, unless a quality
    /// is asked for or no loss is allowed.
    #[must_use]
    pub fn promised_margin(&self) -> Option<f64> {
        Some(self.margin()).filter(|margin| *margin > 0.0 && self.min_quality.is_none())
    }

    /// The margin in force: what is given, or the default of the goal (0 for quality, else 0.01).
    #[must_use]
    pub fn margin(&self) -> f64 {
        self.margin.unwrap_or(match self.goal {
            Goal::Quality => 0.0,
            Goal::Cost | Goal::Latency => 0.01,
        })
    }

    /// Checks that every value is one that the key takes.
    ///
    /// # Errors
    /// [`NeedsError::BadValue`] for the first that is not.
    pub fn check(&self) -> Result<(), NeedsError> {
        let fraction = |v: f64| (0.0..=1.0).contains(&v);
        let positive = |v: f64| v > 0.0 && v.is_finite();
        let not_negative = |v: f64| v >= 0.0 && v.is_finite();
        let volume = self.volume_per_day.map(|volume| volume as f64);
        type Check<'a> = (&'static str, Option<f64>, &'a dyn Fn(f64) -> bool, &'static str);
        let checks: [Check<'_>; 6] = [
            ("margin", self.margin, &|v| (0.0..1.0).contains(&v), "a number in [0, 1)"),
            ("min_quality", self.min_quality, &fraction, FRACTION),
            ("max_cost_per_1k", self.max_cost_per_1k, &not_negative, "a number of at least 0"),
            ("max_p95_ms", self.max_p95_ms, &positive, POSITIVE),
            ("max_memory_gb", self.max_memory_gb, &not_negative, "a number of at least 0"),
            ("volume_per_day", volume, &positive, "a whole number above 0"),
        ];
        for (key, value, holds, allowed) in checks {
            if let Some(value) = value.filter(|v| !holds(*v)) {
                return Err(NeedsError::BadValue { key, value: value.to_string(), allowed });
            }
        }
        Ok(())
    }

    /// Overrides one need by `KEY=VALUE`, as `--need` does; the value `none` takes a limit away.
    ///
    /// # Errors
    /// [`NeedsError`] when the key is unknown or the value is not one that it takes.
    pub fn set(&mut self, assignment: &str) -> Result<(), NeedsError> {
        let (key, value) = assignment
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
            .ok_or_else(|| NeedsError::NotAnAssignment(assignment.to_owned()))?;
        let Some(key) = Self::KEYS.into_iter().find(|known| *known == key) else {
            return Err(NeedsError::UnknownKey { key: key.to_owned(), nearest: nearest(key, Self::KEYS) });
        };
        let bad = |allowed| NeedsError::BadValue { key, value: value.to_owned(), allowed };
        let number = || match value {
            "none" => Ok(None),
            _ => value.replace('_', "").parse::<f64>().map(Some).map_err(|_| bad("a number, or none")),
        };
        match key {
            "goal" => {
                self.goal = match value {
                    "quality" => Goal::Quality,
                    "cost" => Goal::Cost,
                    "latency" => Goal::Latency,
                    _ => return Err(bad("quality, cost or latency")),
                }
            }
            "margin" => self.margin = number()?,
            "min_quality" => self.min_quality = number()?,
            "max_cost_per_1k" => self.max_cost_per_1k = number()?,
            "max_p95_ms" => self.max_p95_ms = number()?,
            "max_memory_gb" => self.max_memory_gb = number()?,
            "stay_local" => self.stay_local = value.parse().map_err(|_| bad("true or false"))?,
            _ if value == "none" => self.volume_per_day = None,
            _ => {
                let count = value.replace('_', "").parse().map_err(|_| bad("a whole number, or none"))?;
                self.volume_per_day = Some(count);
            }
        }
        self.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_overridden_one_by_one() {
        let mut needs = Needs::default();
        for assignment in
            Needs::KEYS.iter().zip(["cost", "0.02", "0.8", "0.25", "800", "16", "true", "50_000"])
        {
            needs.set(&format!("{}={}", assignment.0, assignment.1)).unwrap();
        }
        assert_eq!(needs.goal, Goal::Cost);
        assert_eq!(needs.volume_per_day, Some(50_000));
        assert!(needs.stay_local);
        assert_eq!(needs.max_cost_per_1k, Some(0.25));
        for key in &Needs::KEYS[1..] {
            if *key != "stay_local" {
                needs.set(&format!("{key}=none")).unwrap();
            }
        }
        assert_eq!(needs, Needs { goal: Goal::Cost, stay_local: true, ..Needs::default() });
        assert!(needs.set("goal=none").is_err());
    }

    #[test]
    fn bad_needs_say_what_is_allowed() {
        let mut needs = Needs::default();
        let message = needs.set("max_cost=1").unwrap_err().to_string();
        assert!(message.contains("max_cost_per_1k"), "{message}");
        assert!(needs.set("margin=1.0").is_err());
        assert!(needs.set("margin=NaN").is_err());
        assert!(needs.set("goal=fast").unwrap_err().to_string().contains("latency"));
        assert!(needs.set("goal").is_err());
        let message = Needs::default().set("volume_per_day=0").unwrap_err().to_string();
        assert!(message.contains("a whole number above 0"), "{message}");
    }
}
