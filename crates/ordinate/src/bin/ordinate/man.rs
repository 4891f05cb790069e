//! `ordinate man`: a page for the program, and one for each command, under the names that they give each other.

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::cli::{Cli, ManArgs};
use crate::failure::Failure;
use crate::output::print_raw;

pub(crate) fn man(args: &ManArgs) -> Result<(), Failure> {
    if let Some(folder) = &args.out {
        let written =
            std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
        return written
            .map_err(|error| Failure::Run(format!("{}: cannot be written: {error}", folder.display())));
    }
    let mut program = Cli::command().disable_help_subcommand(true);
    // So that commands know the names of their pages.
    program.build();
    let Some(wanted) = &args.command else { return show(&program) };
    let pages = pages(&program);
    let name = wanted.trim_start_matches("ordinate-").replace(' ', "-");
    match pages.iter().find(|(page, _)| *page == name) {
        Some((_, page)) => show(page),
        None => {
            let known: Vec<&str> = pages.iter().map(|(page, _)| page.as_str()).collect();
            let near = ordinate_core::nearest(&name, known.iter().copied());
            let near = near.map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
            let known = known.join(", ");
            Err(Failure::Input(format!("{wanted:?} is no command{near}; the commands are {known}")))
        }
    }
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

fn show(command: &Command) -> Result<(), Failure> {
    let mut text = Vec::new();
    Man::new(command.clone())
        .render(&mut text)
        .map_err(|error| Failure::Run(format!("the man page could not be made: {error}")))?;
    print_raw(&String::from_utf8_lossy(&text))
}
