//! `ordinate verify`: whether the verdict of a run held on answers that came later.

use ordinate::{CancellationToken, Error};
use ordinate_cli::VerifyArgs;

use crate::output::{print, print_as_json};
use crate::runtime::wait;

pub(crate) fn verify(args: &VerifyArgs) -> Result<(), Error> {
    let verified = wait(ordinate::verify(&args.run, &args.evidence), CancellationToken::new())?;
    if args.json { print_as_json(&verified, "the figures") } else { print(&verified.to_string()) }
}
