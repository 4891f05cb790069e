//! The measured policy of a run behind an OpenAI-compatible endpoint.
//!
//! A [`Run`] is what a server is told of a run: its policy, as it was measured, and everybody who can be asked.
//! [`Served`] are the runs and keys of a server, [`Listening`] is the server. The policy is played by the same two
//! functions as when it was measured ([`ordinate_core::Policy`]), items are read as those of the run were, candidates get
//! the same prompts, and their replies are read by the same code: the same input gives the same decision.

mod body;
mod breaker;
mod cache;
mod candidate;
mod config;
mod day;
mod drift;
mod error;
mod hedge;
mod kept;
mod keys;
mod live;
mod metered;
mod metrics;
mod named;
mod observe;
mod pages;
mod play;
mod reading;
mod record;
mod request;
mod routes;
mod seen;
mod server;
mod settings;
mod shadow;
mod spent;
mod state;
mod task;
mod telemetry;
mod watch;

pub use candidate::{AnswersItems, Candidate, How};
pub use config::Config;
pub use day::written_at;
pub use drift::{Drift, DriftStanding, Figure, KeptDrift, MeasuredInput};
pub use keys::{Keys, KeysError};
pub use named::{Names, Part, Told};
pub use pages::{FormToken, Page, PageServer, Pages, PagesError};
pub use record::{EVIDENCE, FEEDBACK, Feedback, Shadowed, feedback};
pub use seen::{Seen, SeenTask};
pub use server::{Handle, Listening, ServeError};
pub use settings::{Caching, Drifting, Hedging, Settings, SettingsError, Shadowing, Streaming};
pub use state::Served;
pub use task::{ReadItems, Run, Score, Unservable};
pub use telemetry::{Telemetry, TelemetryError};
pub use watch::{Paired, PairedStanding, REFUTED, Standing, Watch};
