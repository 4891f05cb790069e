//! What is to be measured, and within which limits.

use std::fmt;
use std::sync::Arc;

use ordinate_core::{CandidateName, Item, Price};
use ordinate_remote::{Reply, Usage};
use ordinate_tasks::Reader;

use crate::answerer::Answerer;
use crate::early::EarlyStopping;
use crate::retry::RetryRule;
use crate::store::StorePlace;

/// The items, which are made one by one when they are asked about: a source need not hold them all.
pub trait Items: Send + Sync + 'static {
    /// How many there are.
    fn len(&self) -> usize;

    /// The item in this place, from 0. The same place always holds the same item.
    fn item(&self, at: usize) -> Item;

    /// The number of the item's group, where items are clustered.
    fn group(&self, _at: usize) -> Option<u32> {
        None
    }

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Items for Vec<Item> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn item(&self, at: usize) -> Item {
        self[at].clone()
    }
}

/// One candidate that is asked.
#[derive(Clone)]
pub struct Contender {
    /// Its name in the task.
    pub name: CandidateName,
    /// How it is asked.
    pub answerer: Arc<dyn Answerer>,
    /// Its price, from which costs are metered.
    pub price: Option<Price>,
    /// The most requests in flight; the plan's if `None`.
    pub concurrency: Option<usize>,
    /// The most requests per minute.
    pub requests_per_minute: Option<u32>,
    /// The most tokens per minute.
    pub tokens_per_minute: Option<u32>,
    /// Whether it meets the needs that are known before anything is asked (memory, `stay_local`): one that does
    /// not can beat no other.
    pub eligible: bool,
}

impl Contender {
    /// A candidate without price or rates.
    pub fn new(name: CandidateName, answerer: impl Answerer) -> Self {
        Self {
            name,
            answerer: Arc::new(answerer),
            price: None,
            concurrency: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            eligible: true,
        }
    }

    /// USD that these tokens cost, where that can be known.
    #[must_use]
    pub fn cost_of(&self, usage: Option<Usage>) -> Option<f64> {
        let price = self.price?;
        match usage {
            Some(usage) => Some(
                price.cost_usd(usage.input_tokens, usage.output_tokens)
                    + price.cache_usd(usage.cached_tokens, usage.cache_write_tokens),
            ),
            None if price.is_free_of_tokens() => Some(price.cost_usd(0, 0)),
            None => None,
        }
    }

    /// USD that an answer cost: what the candidate says, or its tokens by its price.
    #[must_use]
    pub fn cost_of_reply(&self, reply: &Reply) -> Option<f64> {
        reply.cost_usd.or_else(|| self.cost_of(reply.usage))
    }

    /// The most that one attempt can cost, USD; 0 where nothing is known.
    #[must_use]
    pub fn most_usd(&self, request: &str) -> f64 {
        let most = self.answerer.most_tokens(request);
        // Nobody knows beforehand what a cache will hold.
        let price = self.price.map(|price| Price { input: price.dearest_input(), ..price });
        price.map_or(0.0, |price| price.cost_usd(most.input_tokens, most.output_tokens))
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contender")
            .field("name", &self.name)
            .field("price", &self.price)
            .finish_non_exhaustive()
    }
}

/// What is to be measured.
#[derive(Clone)]
pub struct Plan {
    /// The items.
    pub items: Arc<dyn Items>,
    /// The places of the items that are asked about, each once; all if `None`.
    pub places: Option<Arc<[u32]>>,
    /// The candidates.
    pub candidates: Vec<Contender>,
    /// Reads answers out of replies.
    pub reader: Reader,
    /// Where answers are kept; made if it is not there.
    pub store: StorePlace,
    /// The most that all answers of this plan may cost, USD, those paid for in earlier runs included.
    pub max_spend: Option<f64>,
    /// The most requests in flight for one candidate.
    pub concurrency: usize,
    /// When a failed request is tried again.
    pub retry: RetryRule,
    /// Whether items whose error was recorded are asked again.
    pub retry_errors: bool,
    /// Whether nobody is asked: what the store does not hold stays unanswered.
    pub asks_nobody: bool,
    /// When a candidate is beaten and no longer asked.
    pub early: Option<EarlyStopping>,
}

impl Plan {
    /// The most requests in flight for one candidate, where nothing else is said.
    pub const CONCURRENCY: usize = 256;

    /// A plan without limits.
    pub fn new(
        items: impl Items,
        candidates: Vec<Contender>,
        reader: Reader,
        store: impl Into<StorePlace>,
    ) -> Self {
        Self {
            items: Arc::new(items),
            places: None,
            candidates,
            reader,
            store: store.into(),
            max_spend: None,
            concurrency: Self::CONCURRENCY,
            retry: RetryRule::default(),
            retry_errors: false,
            asks_nobody: false,
            early: None,
        }
    }

    /// How many items are asked about.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.as_ref().map_or_else(|| self.items.len(), |places| places.len())
    }

    /// Whether nothing is asked about.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The place of the item that is the `at`-th to be asked about, where no other order is needed.
    pub(crate) fn place(&self, at: usize) -> usize {
        self.places.as_ref().map_or(at, |places| places[at] as usize)
    }

    pub(crate) fn check(&self) -> Result<(), PlanError> {
        if self.is_empty() {
            return Err(PlanError::NoItems);
        }
        if self.candidates.is_empty() {
            return Err(PlanError::NoCandidates);
        }
        if u32::try_from(self.items.len()).is_err() {
            return Err(PlanError::TooManyItems);
        }
        if let Some(spend) = self.max_spend.filter(|spend| !(*spend >= 0.0 && spend.is_finite())) {
            return Err(PlanError::BadSpend(spend));
        }
        // A limit on money binds only what has a price.
        if self.max_spend.is_some()
            && let Some(free) = self
                .candidates
                .iter()
                .find(|candidate| candidate.price.is_none() && candidate.answerer.uses_tokens())
        {
            return Err(PlanError::NoPrice(free.name.clone()));
        }
        Ok(())
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("candidates", &self.candidates)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// Why a plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Nothing to ask about.
    #[error("there are no items to ask about")]
    NoItems,
    /// Nobody to ask.
    #[error("there are no candidates to ask")]
    NoCandidates,
    /// Too many items.
    #[error("there are more than {} items", u32::MAX)]
    TooManyItems,
    /// `max_spend` is no amount.
    #[error("max_spend cannot be {0}; write USD of at least 0")]
    BadSpend(f64),
    /// `max_spend` cannot be kept.
    #[error(
        "max_spend cannot be kept without a price of {0:?}; write `price = {{ input = ..., output = ... }}` \
             (USD per million tokens; 0 for a server of one's own)"
    )]
    NoPrice(CandidateName),
}
