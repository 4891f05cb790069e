//! What was tried: for every policy, item and dial who was asked and whose answer was given. No needs are in it, and
//! no texts: a verdict for any needs follows from [`Trials`] by arithmetic.
//!
//! - [`Board`]: the scores, costs and latencies of every candidate on every item.
//! - [`Plays`]: what a policy did, as numbers of the few [`Way`]s in which it ever went about an item.
//! - [`Priced`]: a board with the costs that hold under some needs; it turns plays into [`Played`], columns of figures.
//! - [`Trials`]: all policies that were tried, with what it takes to choose their dials afterwards.

mod board;
mod outlay;
mod packed;
mod pick;
mod played;
mod plays;
mod priced;
mod trials;

pub use board::{Board, Column};
pub use outlay::Outlay;
pub use pick::Pick;
pub use played::Played;
pub use plays::{Plays, PlaysBuilder, Way};
pub use priced::{Curve, Priced};
pub use trials::{
    Alike, Calibration, Folding, NotApplicable, Tested, Trial, Trials, best_column, is_device, single_file,
    zero_router_file,
};
