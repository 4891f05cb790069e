//! `ordinate gauge`, which is not for people: `ordinate run` starts it to measure what hosting one model takes, in a
//! process that holds nothing else.

use std::fs;

use ordinate::Error;
use ordinate_cli::GaugeArgs;
use ordinate_models::gauge::{Order, gauge as measure};

use crate::output::print_json;

pub(crate) fn gauge(args: &GaugeArgs) -> Result<(), Error> {
    let bad = |error: &dyn std::fmt::Display| {
        Error::Options(format!("{}: is no order of `ordinate run`: {error}", args.order.display()))
    };
    let text = fs::read_to_string(&args.order).map_err(|error| bad(&error))?;
    let order: Order = serde_json::from_str(&text).map_err(|error| bad(&error))?;
    let gauged =
        measure(&ordinate_adapt::methods(), &order).map_err(|error| Error::Broken(error.to_string()))?;
    let text = serde_json::to_string(&gauged).map_err(|error| Error::Broken(error.to_string()))?;
    print_json(&(text + "\n"))
}
