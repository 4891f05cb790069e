//! `ordinate verify`: whether the verdict of a run held on answers that came later.

use ordinate::CancellationToken;

use crate::cli::VerifyArgs;
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::runtime::wait;

pub(crate) fn verify(args: &VerifyArgs) -> Result<(), Failure> {
    let verified = wait(ordinate::verify(&args.run, &args.evidence), CancellationToken::new())?;
    if args.json {
        let text = serde_json::to_string_pretty(&verified)
            .map_err(|error| Failure::Run(format!("the figures cannot be written as JSON: {error}")))?;
        return print_json(&(text + "\n"));
    }
    print(&verified.to_string())
}
