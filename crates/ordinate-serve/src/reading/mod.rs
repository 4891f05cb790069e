//! What requests say, read out of their bytes alone: nothing here knows of HTTP, runs or candidates, so that it is fuzzed by
//! itself (`fuzz/fuzz_targets/requests.rs`).

mod asked;
mod fields;
mod rows;
mod said;
mod wanted;

use ordinate_remote::chat::Api;

use crate::error::ApiError;
pub(crate) use asked::{Asked, field, further};
pub(crate) use fields::Fields;
pub(crate) use rows::rows;
pub(crate) use said::Said;
pub(crate) use wanted::Wanted;
