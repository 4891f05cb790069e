//! Items and evidence in: task files, evidence tables, recorded answers.

mod error;
mod evidence;
mod features;
mod infer;
mod labels;
mod limit;
mod long;
mod memory;
mod outputs;
mod problem;
mod questions;
mod read_item;
mod recorded;
mod recorded_outputs;
mod requested;
mod source;
mod store;
mod table;
mod task;
mod unasked;
mod wide;
mod wording;

pub use error::{At, DataError, Problem};
pub use evidence::{Loaded, load_evidence, load_scored};
pub use features::load_features;
pub use infer::{infer_task, infer_task_asking, infer_task_for};
pub use labels::label_note;
pub use limit::Limit;
pub use questions::{ItemToAsk, read_items_to_ask};
pub use recorded::{Scorer, lacks_scores, load_items};
pub use recorded_outputs::{RecordedOutput, read_outputs, recorded_outputs};
pub use requested::RequestedItems;
pub use store::{read_evidence, write_evidence};
pub use task::{Task, parse_task, parse_task_of, read_kept_task, read_task, read_task_of, task_schema};
pub use unasked::{Unasked, can_compare, load_unasked};
