//! Schemas, completions and man pages: what is printed for other programs, and the pages that come from the declaration.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory, ValueEnum, ValueHint};
use clap_mangen::Man;

use crate::Cli;

/// `ordinate schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Which format
    #[arg(value_enum)]
    pub of: Schema,
}

/// A format with a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Schema {
    /// The task file
    Task,
    /// verdict.json
    Verdict,
}

/// `ordinate completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `ordinate man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command, as `run` or `models-fetch` [default: the program]
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "command")]
    pub out: Option<PathBuf>,
}

/// The completions for a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ordinate", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Writes the man pages of the program and of all commands into a folder, which is made.
///
/// # Errors
/// Where they cannot be written.
pub fn write_man_pages(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)
}

/// The man page of a command, as `run` or `models-fetch`, or of the program.
///
/// # Errors
/// Where there is no such command: which there are.
pub fn man_page(command: Option<&str>) -> Result<String, String> {
    let mut program = Cli::command().disable_help_subcommand(true);
    // So that commands know the names of their pages.
    program.build();
    let Some(wanted) = command else { return shown(&program) };
    let pages = pages(&program);
    let name = wanted.trim_start_matches("ordinate-").replace(' ', "-");
    if let Some((_, page)) = pages.iter().find(|(page, _)| *page == name) {
        return shown(page);
    }
    let known: Vec<&str> = pages.iter().map(|(page, _)| page.as_str()).collect();
    let near = ordinate_core::nearest(&name, known.iter().copied());
    let near = near.map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
    Err(format!("{wanted:?} is no command{near}; the commands are {}", known.join(", ")))
}

/// The commands with pages of their own, by the names of these without that of the program.
fn pages(command: &Command) -> Vec<(String, &Command)> {
    let mut found = Vec::new();
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        let name = below.get_display_name().unwrap_or_else(|| below.get_name());
        found.push((name.trim_start_matches("ordinate-").to_owned(), below));
        found.extend(pages(below));
    }
    found
}

fn shown(command: &Command) -> Result<String, String> {
    let mut text = Vec::new();
    Man::new(command.clone())
        .render(&mut text)
        .map_err(|error| format!("the man page could not be made: {error}"))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
