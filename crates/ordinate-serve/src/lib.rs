//! The measured policy of a run behind an OpenAI-compatible endpoint.
//!
//! A [`Run`] is what a server is told of a run: its policy, as it was measured, and everybody who can be asked.
//! [`Served`] are the runs and keys of a server, [`Listening`] is the server. The policy is played by the same two
//! functions as when it was measured ([`ordinate_core::Policy`]), items are read as those of the run were, candidates get
//! the same prompts, and their replies are read by the same code: the same input gives the same decision.

mod body;
mod breaker;
mod candidate;
mod config;
mod day;
mod error;
mod keys;
mod metrics;
mod play;
mod record;
mod request;
mod routes;
mod server;
mod state;
mod task;
mod watch;

pub use candidate::{AnswersItems, Candidate, How};
pub use config::Config;
pub use keys::{Keys, KeysError};
pub use record::{FEEDBACK, Feedback, feedback};
pub use server::{Handle, Listening, ServeError};
pub use state::Served;
pub use task::{ReadItems, Run, Unservable};
pub use watch::{REFUTED, Standing, Watch};
