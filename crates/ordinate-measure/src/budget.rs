//! Money: what was spent, what may yet be, and the line that is not crossed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A limit that is kept even with many requests in flight: each reserves the most that it can cost before it is
/// sent, and what it did cost is settled when it ends.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: Option<f64>,
    state: Mutex<State>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    spent: f64,
    reserved: f64,
    open: u64,
}

/// The limit is reached: not even with everything in flight settled is there money for one more request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Exhausted;

/// Money that is put aside for one request; given back when dropped without [`Reservation::settle`].
#[derive(Debug)]
pub(crate) struct Reservation<'a> {
    budget: &'a Budget,
    amount: f64,
    spent: f64,
}

impl Budget {
    pub(crate) fn new(limit: Option<f64>, already_spent: f64) -> Self {
        // The sum of no amounts is -0.0, and would be told so.
        let state = State { spent: already_spent + 0.0, ..State::default() };
        Self { limit, state: Mutex::new(state), settled: Notify::new() }
    }

    /// Puts `amount` aside; waits for requests in flight where only they stand in the way.
    pub(crate) async fn reserve(&self, amount: f64) -> Result<Reservation<'_>, Exhausted> {
        loop {
            let settled = self.settled.notified();
            {
                let mut state = self.lock();
                let fits = self.limit.is_none_or(|limit| state.spent + state.reserved + amount <= limit);
                if fits {
                    state.reserved += amount;
                    state.open += 1;
                    return Ok(Reservation { budget: self, amount, spent: 0.0 });
                }
                if state.open == 0 || self.limit.is_some_and(|limit| state.spent + amount > limit) {
                    return Err(Exhausted);
                }
            }
            settled.await;
        }
    }

    /// What was spent, earlier runs included.
    pub(crate) fn spent(&self) -> f64 {
        self.lock().spent
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation<'_> {
    /// Ends the request, which cost this much.
    pub(crate) fn settle(mut self, spent: f64) {
        self.spent = spent;
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.spent += self.spent;
        state.open -= 1;
        state.reserved -= self.amount;
        if state.open == 0 {
            state.reserved = 0.0; // sums of floats leave crumbs
        }
        drop(state);
        self.budget.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_limit_is_never_crossed() {
        let budget = Arc::new(Budget::new(Some(1.0), 0.25));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let budget = Arc::clone(&budget);
            tasks.spawn(async move {
                let reservation = budget.reserve(0.1).await?;
                tokio::task::yield_now().await;
                reservation.settle(0.04);
                Ok::<_, Exhausted>(())
            });
        }
        let done = tasks.join_all().await.iter().filter(|result| result.is_ok()).count();
        // After 17 requests 0.93 is spent and one more could cost 0.1; after 16, 0.89.
        assert_eq!(done, 17, "{}", budget.spent());
        assert!(budget.spent() <= 1.0);
    }

    #[tokio::test]
    async fn without_a_limit_everything_fits_and_is_counted() {
        let budget = Budget::new(None, 0.0);
        budget.reserve(1e9).await.unwrap().settle(2.5);
        drop(budget.reserve(1.0).await);
        assert!((budget.spent() - 2.5).abs() < 1e-12);
    }
}
