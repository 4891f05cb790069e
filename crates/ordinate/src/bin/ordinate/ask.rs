//! `ordinate ask`.

use std::io::Read;

use ordinate::{Options, Question};

use crate::cli::AskArgs;
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::runtime::wait;

pub(crate) fn ask(args: AskArgs) -> Result<(), Failure> {
    let question = Question { input: input(args.input)?, slice: args.slice, policy: args.policy };
    let options = Options::default();
    let asked = wait(ordinate::ask(&args.run, &question, &options), options.cancel.clone())?;
    if args.json {
        let text = serde_json::to_string_pretty(&asked)
            .map_err(|error| Failure::Run(format!("the answer cannot be written as JSON: {error}")))?;
        return print_json(&(text + "\n"));
    }
    print(&asked.to_string())
}

fn input(given: String) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::Input(format!("standard input cannot be read as UTF-8 text: {error}")))?;
    Ok(text.trim_end_matches('\n').to_owned())
}
