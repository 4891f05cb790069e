//! The words of Ordinate, without I/O.
//!
//! *Task* (what is to be done, its data, metric and needs), *item* (one input, perhaps with a target, a
//! slice and a group), *candidate* (something that can answer, with a *lineage*), *answer* (output,
//! confidence, tokens, cost, latency, or an error), *score* (in `[0, 1]`, larger is better), *evidence*
//! (items x candidates), *policy* (how candidates are combined), *needs* (limits and the goal) and
//! *verdict* (the policy to use, and why). The same words stand in the task file, the report and the API.

pub mod answer;
pub mod candidate;
pub mod column;
pub mod evidence;
pub mod features;
pub mod finish;
pub mod forecast;
pub mod guard;
pub mod image;
pub mod item;
pub mod name;
pub mod needs;
pub mod notes;
pub mod output;
pub mod policy;
pub mod prediction;
pub mod probabilities;
pub mod random;
pub mod score;
pub mod series;
pub mod shown;
pub mod task;
pub mod verdict;

pub use answer::Answer;
pub use candidate::{Candidate, Hosting, Lineage, Price};
pub use evidence::{Evidence, EvidenceBuilder, EvidenceError, Items, Part, Row, Status, View};
pub use features::{Feature, Features};
pub use finish::Finish;
pub use forecast::{DECILES, Forecast, Interval, Quantile};
pub use guard::caught;
pub use item::{Choice, Field, FieldValue, Input, Item};
pub use name::{CandidateName, NameError, nearest};
pub use needs::{Goal, Needs, NeedsError};
pub use notes::Notes;
pub use output::{Output, OutputKind, ScoreOutput};
pub use policy::{Dial, Given, Mix, Policy, PolicyKind, Query, Seen, Step, Thought};
pub use prediction::Prediction;
pub use probabilities::Probabilities;
pub use score::{Score, ScoreError};
pub use series::Series;
pub use shown::{can_be_shown, shown};
