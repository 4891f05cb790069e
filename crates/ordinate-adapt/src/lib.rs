//! Transfer: a vertical model made out of a general one.
//!
//! Each way of training is a [`Method`](ordinate_models::Method) in a file of its own: all weights of an encoder or low-rank
//! updates beside them (`tune`; where passages of a text answer, `spans`), pairs of texts (`contrastive`), texts without labels first (`mlm`), the answers of another candidate (`distill`), whichever
//! fits (`auto`), a network of images (`vision`), a translator on pairs of texts (`seq2seq`), or a decoder on what it is asked and answers (`decoder`). What training is made of stands beside them: an `Objective` says what is learned on which items, the
//! `trainer` takes the steps and says when it is over, `checkpoint` keeps its state, and `report` tells what it was. Models are
//! written in the forms of `transformers`, PEFT and sentence-transformers.

mod asked;
mod auto;
mod batches;
mod checkpoint;
mod contrastive;
mod decoder;
mod distill;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod golden_decoders;
#[cfg(test)]
mod golden_spans;
mod head_first;
mod labelled;
mod loss;
mod masking;
mod mlm;
mod objective;
mod optimiser;
mod pictured;
mod questions;
mod report;
mod seq2seq;
mod settings;
mod spans;
mod trainer;
mod tune;
mod unlabelled;
mod validation;
mod vision;

use ordinate_models::{MethodKind, Methods};

pub use auto::AUTO;
pub use checkpoint::Ended;
pub use contrastive::CONTRASTIVE;
pub use decoder::DECODER;
pub use distill::DISTILL;
pub use mlm::MLM;
pub use report::{Pretraining, REPORT, TrainingReport};
pub use seq2seq::SEQ2SEQ;
pub use tune::{FULL, LORA};
pub use validation::Validated;
pub use vision::IMAGES;

/// A line a method.
/// Those at the end are asked first: all that start from a decoder, what names `seq2seq`, then all that start from a network of
/// images, or from none.
const METHODS: [MethodKind; 9] = [FULL, LORA, CONTRASTIVE, MLM, DISTILL, AUTO, IMAGES, SEQ2SEQ, DECODER];

/// Every method that there is: those that leave models as they are, and those that train their weights.
#[must_use]
pub fn methods() -> Methods {
    METHODS.into_iter().fold(Methods::default(), Methods::with)
}
