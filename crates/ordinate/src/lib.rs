//! Ordinate as a library: [`check`] a task, [`run`] it, or [`decide`] over evidence that is at hand.
//!
//! Everything is asynchronous and needs a tokio runtime; what takes the processor runs on threads of its own, so that a
//! server can hold other conversations meanwhile. Errors are values that say who has to act ([`Error::fault`]), an
//! [`Observer`] is told what happens, and a [`CancellationToken`] in the [`Options`] stops a run.
//! `examples/run_a_task.rs` is a whole program.
//!
//! A caller's own kinds of candidate ([`CandidateKind`]), methods of training and kinds of task go into the [`Options`].

mod answers;
mod ask;
mod ask_items;
mod asking;
mod cache;
mod card;
mod cells;
mod check;
mod compared;
mod corpus_figures;
mod decide;
mod eligible;
mod error;
mod estimates;
mod export;
mod folder;
mod forecast_errors;
mod gate;
mod gather;
mod grading;
mod hosting;
mod hub;
mod in_time;
mod kept;
mod kinds;
mod label;
mod label_figures;
mod label_next;
mod materials;
mod metric;
mod models;
mod observe;
mod offer;
mod open_files;
mod options;
mod page;
mod play;
mod query;
mod reopen;
mod rescored;
mod run;
mod script;
mod sealed;
mod series_shown;
mod serve;
mod settling;
mod start;
mod status;
mod summary;
mod sums;
mod terminal;
mod unfinished;
mod vectors;
mod verify;
mod view;
mod work;

pub use answers::{AnswerMaker, AnswerPiece, answer_pieces, keep_answers};
pub use ask::{Asked, Expected, Question, ask};
pub use ask_items::{Decision, Questions, ask_items};
pub use check::{Checked, CheckedCandidate, check};
pub use decide::{Decided, change_needs, decide, judge};
pub use error::{Error, Fault};
pub use estimates::{ended_line, estimate_lines, pace, training_pace};
pub use export::{Exported, TableFormat, export, share_answers};
pub use folder::Folder;
pub use gate::{Expectations, Gate, GateCheck, State, gate};
pub use in_time::{run_within, share_minutes};
pub use kinds::{
    CandidateKind, CandidateKinds, HereFacts, InProcess, Lesson, Opened, Opening, Pieces, Place,
    ServedElsewhere, UsedUp, Want, Whom,
};
pub use label::{Label, LabelOrder, Labelled, Labelling};
pub use label_next::{Fields, LabelNext, ToLabel, Unlabelled, label_next};
pub use materials::Materials;
pub use models::{NamedModel, model_card, model_table, models_at_hand, pairs};
pub use observe::{Doing, Event, Observer, Step, Work};
pub use offer::{Offer, offer};
pub use open_files::raise_open_files;
pub use options::Options;
pub use ordinate_data::{Task, read_task, read_task_of};
pub use ordinate_measure::{CancellationToken, Ended, Estimate, Progress, Server, SharedPlace, Summary};
pub use page::page;
pub use play::Said;
pub use reopen::{Again, AnswersInputs, Reopened, ReopenedCandidate};
pub use run::{Run, run};
pub use serve::{Serving, serve};
pub use start::{Beginning, Here, Inferred, LineageSaid, ask_lineage, infer};
pub use status::{ShadowRequests, Share, Status, status};
pub use sums::{Reduced, Sums};
pub use terminal::{Teller, tell};
pub use vectors::{VectorMaker, VectorPiece, keep_vectors, vector_pieces, vectors_at};
pub use verify::verify;
pub use view::View;
