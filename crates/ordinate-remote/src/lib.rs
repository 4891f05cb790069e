//! Models that run elsewhere: behind an OpenAI-compatible API, or in a program of the user's.
//!
//! The flow: an [`ordinate_core::Item`] and a [`Prompt`] make a request; [`Chat`] or [`Command`] carries it out **once** and
//! gives a [`Reply`] or a [`Failure`]; [`ordinate_tasks::Reader`] reads the answer out of the reply's free text. Trying again, budgets and storing are the job of `ordinate-measure`.

mod aside;
pub mod chat;
pub mod command;
pub mod confidence;
pub mod failure;
mod http;
mod leak;
mod numbers;
mod packed;
pub mod prompt;
pub mod reply;
mod said;
pub mod secret;
mod sse;
mod trace;
mod wait;

pub use chat::{Chat, Embeddings};
pub use command::Command;
pub use failure::{Failure, FailureKind, SetupError};
pub use http::Collector;
pub use prompt::{Examples, Prompt, PromptError, Prompted, billed_bytes};
pub use reply::{Doubt, Reply, Signature, TokenLogprob, Usage};
pub use secret::ApiKey;
pub use trace::{Trace, traced};
