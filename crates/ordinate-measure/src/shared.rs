//! What lanes share, and what others may see of a lane while it runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::early::Race;
use crate::gate::Gate;
use crate::order::Order;
use crate::plan::Plan;
use crate::rates::Rates;
use crate::store::AnswerStore;
use crate::tally::Tally;

/// What all lanes share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) plan: Arc<Plan>,
    pub(crate) store: Arc<AnswerStore>,
    pub(crate) order: Order,
    pub(crate) budget: Budget,
    pub(crate) lanes: Vec<LaneState>,
    pub(crate) race: Option<Mutex<Race>>,
    pub(crate) cancel: CancellationToken,
}

/// What others may see of a lane while it runs.
#[derive(Debug)]
pub(crate) struct LaneState {
    gate: Mutex<Gate>,
    pub(crate) rates: Rates,
    pub(crate) tally: Mutex<Tally>,
    pub(crate) in_flight: AtomicU64,
    pub(crate) ended: AtomicBool,
    requests: AtomicU64,
    /// The most that one request ever cost, as the bits of an f64 of at least 0, which order as numbers do.
    dearest: AtomicU64,
}

impl LaneState {
    pub(crate) fn new(gate: Gate, rates: Rates) -> Self {
        Self {
            gate: Mutex::new(gate),
            rates,
            tally: Mutex::default(),
            in_flight: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            dearest: AtomicU64::new(0),
        }
    }

    pub(crate) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// A request that was counted could not be sent.
    pub(crate) fn uncount_request(&self) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub(crate) fn dearest(&self) -> f64 {
        f64::from_bits(self.dearest.load(Ordering::Relaxed))
    }

    pub(crate) fn saw_cost(&self, cost: f64) {
        if cost >= 0.0 {
            self.dearest.fetch_max(cost.to_bits(), Ordering::Relaxed);
        }
    }
}
