//! **A test part, not a product.** An OpenAI-compatible server that answers from a function of yours and is
//! slow, rude or broken exactly when told: latency, streaming, stalls, cuts, 429, 5xx, broken UTF-8, broken
//! JSON, refusals. It counts every request by its body, so that a test can show that nothing was asked twice.
//!
//! [`HubServer`] is a hub of models in the same spirit: it cuts, damages, refuses, and remembers who sent which token.
//!
//! [`Postgres`] is a server of the real PostgreSQL that is thrown away, and can crash in the middle.
//!
//! It is for tests and benchmarks of what talks to such servers; no crate outside `[dev-dependencies]` uses it.

mod answer;
mod body;
mod count;
mod fault;
mod hub;
mod postgres;
mod responses;
mod server;
mod steps;

pub use answer::{Script, Style, prompt_of, tokens_of};
pub use count::{BodyCount, Counts};
pub use fault::{Call, Fault};
pub use hub::{Asked, HubServer, Shelf};
pub use postgres::{PASSWORD, Postgres};
pub use server::FaultServer;
