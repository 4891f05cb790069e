//! `ordinate gate`: an exit status for continuous integration, a JUnit file, and a summary.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use ordinate::{CancellationToken, Error, Expectations, Fault, State};
use ordinate_cli::GateArgs;

use crate::output::print;
use crate::runtime::wait;

/// Exit status 0 where everything is as expected, 1 where something is not, 3 where the data cannot tell; 2 is for input that
/// cannot be read, as everywhere.
pub(crate) fn gate(args: GateArgs) -> Result<ExitCode, Error> {
    let expected = Expectations { expect: args.expect, needs: args.needs, against: args.against };
    let gate = wait(ordinate::gate(&args.run, &expected), CancellationToken::new())?;
    if let Some(path) = &args.junit {
        written(path, fs::write(path, gate.junit()))?;
    }
    if let Some(path) = &args.markdown {
        let file = OpenOptions::new().append(true).create(true).open(path);
        written(path, file.and_then(|mut file| file.write_all(gate.markdown().as_bytes())))?;
    }
    print(&gate.to_string())?;
    Ok(match gate.state() {
        State::Passed => ExitCode::SUCCESS,
        State::Failed => ExitCode::from(1),
        State::Undecided => ExitCode::from(3),
    })
}

fn written(path: &Path, done: io::Result<()>) -> Result<(), Error> {
    done.map_err(|error| Error::file(path, Fault::Run, format!("cannot be written: {error}")))
}
