//! Asks candidates about items, and pays for no answer twice.
//!
//! [`measure`] takes a [`Plan`] (items, candidates and limits), asks what the answer store does not hold yet,
//! and gives [`Measured`]: the answers, one a candidate and item, and how each candidate's asking ended. Every
//! answer is committed to the store as it arrives, under a digest of the candidate's identity and the exact
//! request: a run that was killed goes on where it was, and a change of prompt or model asks only what changed.

mod answerer;
mod ask;
mod budget;
mod early;
mod estimate;
mod files;
mod gate;
mod key;
mod lane;
mod measured;
mod order;
mod plan;
mod progress;
mod rates;
mod retry;
mod run;
mod saved;
mod shared;
mod store;
mod tally;
mod writer;

pub use answerer::{
    Answerer, AnswererError, Attempt, ChatAnswerer, CommandAnswerer, EmbeddingsAnswerer, Limits, PuttingAway,
    Request,
};
pub use ask::ask_once;
pub use early::{EarlyStopping, Scorer};
pub use estimate::{Estimate, estimate};
pub use key::Key;
pub use measured::{Ended, Measured, Quantiles, Remarks, Row, Said, Summary, read_reply};
pub use order::growing;
pub use plan::{Contender, Items, Plan, PlanError};
pub use progress::{Observer, Progress};
pub use retry::RetryRule;
pub use run::{MeasureError, measure};
pub use saved::Saved;
pub use store::{AnswerStore, Lost, Server, ServerError, SharedPlace, StoreError, StorePlace};
pub use tokio_util::sync::CancellationToken;
