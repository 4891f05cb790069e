//! Standard output. A reader that has gone away (`ordinate run ... | head`) is no error.

use std::fmt::Write as _;
use std::io::{ErrorKind, IsTerminal, Write};

use ordinate::Error;
use ordinate_core::verdict::Verdict;
use ordinate_core::{can_be_shown, shown};
use serde::Serialize;

/// Writes text to standard output, without what a terminal would obey: names, prompts and answers are other people's.
pub(crate) fn print(text: &str) -> Result<(), Error> {
    print_raw(&shown(text))
}

/// Writes JSON to standard output. What a terminal would obey is escaped, which is the same JSON.
pub(crate) fn print_json(text: &str) -> Result<(), Error> {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || can_be_shown(c) {
            escaped.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    print_raw(&escaped)
}

/// Writes text to standard output as it is: colours are in it, and nothing of others that was not cleaned.
pub(crate) fn print_raw(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Error::Broken(format!("standard output cannot be written: {error}"))),
    }
}

/// Writes a value as JSON to standard output; `what` it is, for an error.
pub(crate) fn print_as_json(value: &impl Serialize, what: &str) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::Broken(format!("{what} cannot be written as JSON: {error}")))?;
    print_json(&(text + "\n"))
}

/// Writes the summary of a verdict to standard output.
pub(crate) fn print_summary(verdict: &Verdict) -> Result<(), Error> {
    let style = ordinate_report::Style { colour: coloured(), width: columns() };
    print_raw(&ordinate_report::summary(verdict, style))
}

/// How the summary is to look on standard output: colour only on a terminal, and not where `NO_COLOR` is set
/// (<https://no-color.org>).
fn coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Columns of the summary: the terminal's, at most 100; 100 where there is no terminal.
fn columns() -> usize {
    let known = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    known.map_or(ordinate_report::MAX_WIDTH, |(width, _)| usize::from(width.0))
}
