//! `ordinate ask`.

use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::mpsc;

use ordinate::{Decision, Error, Options, Question, Questions};
use ordinate_cli::AskArgs;
use serde_json::{Map, Value};

use crate::output::{print, print_as_json};
use crate::runtime::wait;

pub(crate) fn ask(args: AskArgs) -> Result<(), Error> {
    if let Some(items) = args.items {
        return ask_items(&args.run, &Questions { items, policy: args.policy });
    }
    let both = [&args.input, &args.context].iter().all(|text| text.as_deref() == Some("-"));
    if both {
        let problem = "INPUT and --context: both are -, and there is one standard input; give one of them as a text, or --item JSON";
        return Err(Error::Options(problem.to_owned()));
    }
    let question = Question {
        input: input(args.input.unwrap_or_default())?,
        context: args.context.map(input).transpose()?,
        slice: args.slice,
        item: args.item.map(item).transpose()?,
        policy: args.policy,
    };
    let options = Options::default();
    let asked = wait(ordinate::ask(&args.run, &question, &options), options.cancel.clone())?;
    if args.json {
        return print_as_json(&asked, "the answer");
    }
    print(&asked.to_string())
}

/// A line of JSON for every item. A reader that has gone away wants no more.
fn ask_items(run: &Path, questions: &Questions) -> Result<(), Error> {
    let options = Options::default();
    let (sent, failed) = mpsc::channel();
    let mut out = BufWriter::new(std::io::stdout());
    let mut write = move |decision: &Decision| -> std::io::Result<()> {
        serde_json::to_writer(&mut out, decision)?;
        out.write_all(b"\n")
    };
    let each = move |decision: &Decision| match write(decision) {
        Ok(()) => true,
        Err(error) => {
            let _ = sent.send(error);
            false
        }
    };
    wait(ordinate::ask_items(run, questions, &options, each), options.cancel.clone())?;
    match failed.try_recv() {
        Ok(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Broken(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// An item as JSON.
fn item(given: String) -> Result<Map<String, Value>, Error> {
    serde_json::from_str(&input(given)?).map_err(|error| {
        Error::Options(format!(
            "--item: is no JSON object ({error}); give the fields of the run's task, such as '{{\"input\": \"...\"}}'"
        ))
    })
}

fn input(given: String) -> Result<String, Error> {
    if given != "-" {
        return Ok(given);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Error::Options(format!("standard input cannot be read as UTF-8 text: {error}")))?;
    Ok(text.trim_end_matches('\n').to_owned())
}
