//! A candidate that fails again and again is left alone for a while.
//!
//! After [`FAILURES`] failures in a row, none of which says anything of the item, it rests for five seconds; then one
//! request is let through. If that fails too it rests twice as long, up to a minute. A server that asks to be left alone
//! (`Retry-After`) is, for at most [`LONGEST_ASKED`].

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ordinate_remote::Failure;
use tokio::time::Instant;

/// Failures in a row after which it rests.
pub(crate) const FAILURES: u32 = 5;
const FIRST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// A server that asks for a longer pause is tried after this.
pub(crate) const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    in_a_row: u32,
    /// How often it rested without an answer in between.
    rests: u32,
    until: Option<Instant>,
    /// Whether one request is on its way to see whether it is back.
    trying: bool,
}

impl Breaker {
    /// Whether it may be asked now.
    ///
    /// # Errors
    /// How long it rests still.
    pub(crate) fn admit(&self) -> Result<(), Duration> {
        let mut state = self.lock();
        let Some(until) = state.until else { return Ok(()) };
        let now = Instant::now();
        if now < until {
            return Err(until - now);
        }
        if std::mem::replace(&mut state.trying, true) {
            return Err(FIRST_REST);
        }
        Ok(())
    }

    /// How long it is left alone still, and how often it failed in a row.
    pub(crate) fn standing(&self) -> (Option<Duration>, u32) {
        let state = self.lock();
        let rest = state.until.map(|until| until.saturating_duration_since(Instant::now()));
        (rest.filter(|rest| !rest.is_zero()), state.in_a_row)
    }

    /// It answered, or what went wrong was of the item.
    pub(crate) fn answered(&self) {
        *self.lock() = State::default();
    }

    /// Nobody waited for its answer.
    pub(crate) fn left(&self) {
        self.lock().trying = false;
    }

    /// It failed for a reason of its own.
    pub(crate) fn failed(&self, failure: &Failure) {
        let mut state = self.lock();
        state.trying = false;
        state.in_a_row += 1;
        let asked = failure.retry_after.map(|asked| asked.min(LONGEST_ASKED));
        let own = (state.in_a_row >= FAILURES).then(|| {
            let rest = FIRST_REST.saturating_mul(2_u32.saturating_pow(state.rests.min(20)));
            state.rests += 1;
            rest.min(LONGEST_REST)
        });
        if let Some(rest) = asked.max(own) {
            state.until = Some(Instant::now() + rest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ordinate_remote::FailureKind;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_rests_after_failures_in_a_row_and_lets_one_through_then() {
        let (breaker, failure) = (Breaker::default(), Failure::new(FailureKind::Cut, ""));
        for _ in 1..FAILURES {
            breaker.failed(&failure);
            assert_eq!(breaker.admit(), Ok(()));
        }
        breaker.failed(&failure);
        assert_eq!(breaker.admit(), Err(FIRST_REST));
        tokio::time::advance(FIRST_REST).await;
        assert_eq!(breaker.admit(), Ok(()));
        assert!(breaker.admit().is_err(), "one at a time");
        breaker.failed(&failure);
        assert_eq!(breaker.admit(), Err(2 * FIRST_REST));
        tokio::time::advance(2 * FIRST_REST).await;
        assert_eq!(breaker.admit(), Ok(()));
        breaker.answered();
        assert_eq!(breaker.admit(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_asks_for_a_pause_has_it_within_reason() {
        let breaker = Breaker::default();
        let asks = |seconds| Failure {
            retry_after: Some(Duration::from_secs(seconds)),
            ..Failure::new(FailureKind::RateLimited, "")
        };
        breaker.failed(&asks(7));
        assert_eq!(breaker.admit(), Err(Duration::from_secs(7)));
        breaker.failed(&asks(99_999_999));
        assert_eq!(breaker.admit(), Err(LONGEST_ASKED));
    }
}
