//! When a failed request is tried again.

use std::time::Duration;

use ordinate_remote::{Failure, FailureKind};

/// Tries and pauses: exponential with jitter, but never shorter than what the server asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryRule {
    /// Tries for one item, the first included. A server that says "too many requests" has four times as many.
    pub tries: u32,
    /// The pause after the first failure; doubled after each further one.
    pub first: Duration,
    /// The longest pause of one's own accord.
    pub longest: Duration,
    /// A server that asks for a longer pause than this is not waited for.
    pub longest_asked: Duration,
    /// Nor one that has asked for this much without an answer in between.
    pub longest_in_a_row: Duration,
    /// Nor one that has asked for this much in all.
    pub longest_in_all: Duration,
}

/// How long a server has asked to wait, with what it asks for now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waits {
    /// Since its last answer.
    pub(crate) in_a_row: Duration,
    /// Since the run began.
    pub(crate) in_all: Duration,
}

impl Default for RetryRule {
    fn default() -> Self {
        Self {
            tries: 6,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            longest_asked: Duration::from_secs(300),
            longest_in_a_row: Duration::from_secs(600),
            longest_in_all: Duration::from_secs(3_600),
        }
    }
}

impl RetryRule {
    /// Why the server is not waited for, where it asks for more than that.
    pub(crate) fn beyond(&self, failure: &Failure, waits: Waits) -> Option<String> {
        let asked = failure.retry_after?;
        if asked > self.longest_asked {
            return Some(format!(
                "the server asks to wait {}, which is longer than is waited for; run again then",
                words(asked)
            ));
        }
        let (waited, how) = if waits.in_a_row > self.longest_in_a_row {
            (waits.in_a_row, "without an answer in between")
        } else if waits.in_all > self.longest_in_all {
            (waits.in_all, "in all")
        } else {
            return None;
        };
        Some(format!(
            "the server asks to wait {} more, which would make {} {how}: longer than is waited for; run again later",
            words(asked),
            words(waited)
        ))
    }

    /// The pause before the next try after `tries` tries, the last of which ended in `failure`; `None` where it
    /// is not tried again. `dice` in `[0, 1)` spreads the pauses of many requests.
    pub(crate) fn pause(&self, failure: &Failure, tries: u32, dice: f64) -> Option<Duration> {
        let limited = failure.kind == FailureKind::RateLimited;
        let most = if limited { self.tries.saturating_mul(4) } else { self.tries };
        if !failure.kind.is_transient() || tries >= most {
            return None;
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1).min(20)));
        let own = doubled.min(self.longest).mul_f64(0.5 + 0.5 * dice);
        match failure.retry_after {
            Some(asked) if asked > self.longest_asked => None,
            // A little later than asked, and not all at once.
            Some(asked) => Some(asked + self.first.min(asked).mul_f64(dice)),
            None => Some(own),
        }
    }
}

/// A time in the unit that people would use.
fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds.div_ceil(60)),
        7_200..172_800 => format!("{} h", seconds.div_ceil(3_600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_heed_the_server() {
        let rule = RetryRule::default();
        let failure = |kind, retry_after: Option<u64>| Failure {
            retry_after: retry_after.map(Duration::from_secs),
            ..Failure::new(kind, "")
        };
        let cut = failure(FailureKind::Cut, None);
        let pauses: Vec<f64> =
            (1..6).map(|tries| rule.pause(&cut, tries, 1.0).unwrap().as_secs_f64()).collect();
        assert_eq!(pauses, [0.5, 1.0, 2.0, 4.0, 8.0]);
        assert_eq!(rule.pause(&cut, 6, 0.0), None);
        assert!(rule.pause(&cut, 1, 0.0).unwrap() >= Duration::from_millis(250));
        let asked = rule.pause(&failure(FailureKind::Overloaded, Some(7)), 1, 0.9).unwrap();
        assert!(asked >= Duration::from_secs(7) && asked < Duration::from_secs(8), "{asked:?}");
        assert_eq!(rule.pause(&failure(FailureKind::RateLimited, Some(3_600)), 1, 0.0), None);
        assert!(rule.pause(&failure(FailureKind::RateLimited, None), 20, 0.0).is_some());
        let beyond = |asked, in_a_row, in_all| {
            let waits =
                Waits { in_a_row: Duration::from_secs(in_a_row), in_all: Duration::from_secs(in_all) };
            rule.beyond(&failure(FailureKind::RateLimited, Some(asked)), waits)
        };
        assert_eq!(beyond(300, 600, 3_600), None);
        let hour = "the server asks to wait 60 min, which is longer than is waited for; run again then";
        assert_eq!(beyond(3_600, 0, 0).as_deref(), Some(hour));
        assert!(beyond(99_999_999_999_999, 0, 0).unwrap().contains("1157407408 days"));
        assert!(beyond(300, 700, 700).unwrap().contains("12 min without an answer in between"));
        assert!(
            beyond(20, 20, 3_601).unwrap().contains("asks to wait 20 s more, which would make 61 min in all")
        );
        for kind in [FailureKind::Denied, FailureKind::Rejected, FailureKind::Refused, FailureKind::Empty] {
            assert_eq!(rule.pause(&failure(kind, None), 1, 0.0), None, "{kind}");
        }
    }
}
