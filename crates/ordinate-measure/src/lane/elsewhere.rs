//! Items about which another run asks, of those who share a store: their answers are waited for, and what it gave up is asked.

use std::sync::Arc;
use std::time::Instant;

use super::Lane;
use super::pending::Pending;
use crate::estimate::CHUNK;
use crate::key::Key;
use crate::measured::stands;
use crate::run::MeasureError;
use crate::saved::Saved;
use crate::store::Turn;

/// An item to which the store has no answer that stands, with what it has.
#[derive(Debug)]
pub(super) struct Lacking {
    pub(super) pending: Pending,
    pub(super) before: Option<Saved>,
}

impl Lane {
    /// Queues so many of the next items about which nobody else asks.
    pub(super) async fn claim(&mut self, room: usize) -> Result<(), MeasureError> {
        if std::mem::take(&mut self.stale) {
            let most = self.unclaimed.len().min(CHUNK);
            let some = self.unclaimed.drain(..most).collect();
            for lacking in self.without_news(some).await?.into_iter().rev() {
                self.unclaimed.push_front(lacking);
            }
        }
        let most = self.unclaimed.len().min(room).min(CHUNK);
        let some = self.unclaimed.drain(..most).collect();
        self.queue_own(some).await
    }

    /// Queues those about which nobody else asks.
    async fn queue_own(&mut self, lacking: Vec<Lacking>) -> Result<(), MeasureError> {
        if lacking.is_empty() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let keys: Vec<Key> = lacking.iter().map(|lacking| lacking.pending.key).collect();
        let mut answered = Vec::new();
        for (lacking, turn) in lacking.into_iter().zip(shared.store.take_turns(&keys).await?) {
            match turn {
                Turn::Anothers => {
                    self.stale = true;
                    self.elsewhere.push_back(lacking);
                }
                // Another answered between the look and the claim.
                Turn::Own(Some(saved)) if self.is_news(&lacking, &saved) => {
                    self.stale = true;
                    answered.push(lacking.pending.key);
                    self.take(&lacking.pending, *saved).await?;
                }
                Turn::Own(_) => self.queue.push_back(lacking.pending),
            }
        }
        Ok(shared.store.release(&answered).await?)
    }

    /// Looks for answers that others asked for, and queues as many as there is room for of those that they gave up.
    pub(super) async fn look_elsewhere(&mut self, room: usize) -> Result<(), MeasureError> {
        let most = self.elsewhere.len().min(CHUNK);
        let some = self.elsewhere.drain(..most).collect();
        let mut without = self.without_news(some).await?;
        if !without.is_empty() {
            self.looked = Instant::now();
        }
        let others = without.split_off(room.min(without.len()));
        self.elsewhere.extend(others);
        self.queue_own(without).await
    }

    /// Takes the answers that others asked for since; those that are still lacking.
    async fn without_news(&mut self, some: Vec<Lacking>) -> Result<Vec<Lacking>, MeasureError> {
        let keys: Vec<Key> = some.iter().map(|lacking| lacking.pending.key).collect();
        let mut without = Vec::new();
        for (lacking, saved) in some.into_iter().zip(self.shared.store.find(&keys).await?) {
            match saved {
                Some(saved) if self.is_news(&lacking, &saved) => self.take(&lacking.pending, saved).await?,
                _ => without.push(lacking),
            }
        }
        Ok(without)
    }

    /// Whether it is an answer that was not there when it was first looked for: what another got stands for both.
    fn is_news(&self, lacking: &Lacking, saved: &Saved) -> bool {
        stands(&self.shared.plan, saved) || lacking.before.as_ref() != Some(saved)
    }

    /// Counts an answer that another asked for, for every item with this request.
    async fn take(&mut self, pending: &Pending, saved: Saved) -> Result<(), MeasureError> {
        let waiting = self.open.remove(&pending.key).unwrap_or_default();
        for position in waiting.into_iter().chain([pending.position]) {
            self.record(position, saved.clone(), true).await?;
        }
        Ok(())
    }
}
