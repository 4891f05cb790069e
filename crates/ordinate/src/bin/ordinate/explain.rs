//! `ordinate explain`: what a word of the verdict means.

use clap::Args;
use ordinate_report::{TERMS, term};

use crate::failure::Failure;
use crate::output::print;

/// `ordinate explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The word; all of them where it is left out
    #[arg(value_name = "TERM", num_args = 0..)]
    term: Vec<String>,
}

pub(crate) fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    if args.term.is_empty() {
        let all: Vec<String> = TERMS.iter().map(|term| format!("{}: {}", term.name, term.meaning)).collect();
        return print(&all.join("\n\n"));
    }
    let asked = args.term.join(" ");
    let Some(found) = term(&asked) else {
        let known: Vec<&str> = TERMS.iter().map(|term| term.name).collect();
        let words = TERMS.iter().flat_map(|term| term.also.iter().copied().chain([term.name]));
        let near = ordinate_core::nearest(&asked.to_lowercase(), words);
        let near = near.map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
        let known = known.join(", ");
        return Err(Failure::Input(format!("{asked:?} is no word of the verdict{near}; known are {known}")));
    };
    print(&format!("{}: {}", found.name, found.meaning))
}
