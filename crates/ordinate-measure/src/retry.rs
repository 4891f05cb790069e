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
}

impl Default for RetryRule {
    fn default() -> Self {
        Self {
            tries: 6,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            longest_asked: Duration::from_secs(300),
        }
    }
}

impl RetryRule {
    /// How long the server asks to wait, in words, where that is longer than is waited for.
    pub(crate) fn beyond(&self, failure: &Failure) -> Option<String> {
        let asked = failure.retry_after.filter(|asked| *asked > self.longest_asked)?;
        let seconds = asked.as_secs();
        Some(match seconds {
            0..120 => format!("{seconds} s"),
            120..7_200 => format!("{} min", seconds.div_ceil(60)),
            7_200..172_800 => format!("{} h", seconds.div_ceil(3_600)),
            _ => format!("{} days", seconds.div_ceil(86_400)),
        })
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
        let beyond = |seconds| rule.beyond(&failure(FailureKind::RateLimited, Some(seconds)));
        assert_eq!(beyond(300), None);
        assert_eq!(beyond(3_600).as_deref(), Some("60 min"));
        assert_eq!(beyond(99_999_999_999_999).as_deref(), Some("1157407408 days"));
        for kind in [FailureKind::Denied, FailureKind::Rejected, FailureKind::Refused, FailureKind::Empty] {
            assert_eq!(rule.pause(&failure(kind, None), 1, 0.0), None, "{kind}");
        }
    }
}
