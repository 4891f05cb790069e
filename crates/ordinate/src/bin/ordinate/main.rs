//! The command line of Ordinate: arguments, drawing, and exit statuses; the library does the rest.

mod ask;
mod check;
mod cli;
mod cluster;
mod explain;
mod export;
mod failure;
mod gate;
mod gauge;
mod import;
mod init;
mod judge;
mod label;
mod label_next;
mod man;
mod models;
mod new;
mod next;
mod output;
mod report;
mod run;
mod runtime;
mod serve;
mod show;
mod status;
mod verify;
mod view;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command, Format};
use failure::Failure;

fn main() -> ExitCode {
    let Some(command) = Cli::parse().command else {
        return ended(next::next().map(|()| ExitCode::SUCCESS));
    };
    let done = match command {
        Command::New(args) => new::new(&args),
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::check(&args),
        Command::Init(args) => init::init(&args),
        Command::Import(args) => import::import(&args),
        Command::Export(args) => export::export(&args),
        Command::Report(args) => report::report(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Judge(args) => judge::judge(&args),
        Command::View(args) => view::view(&args),
        Command::Verify(args) => verify::verify(&args),
        Command::Gate(args) => return ended(gate::gate(args)),
        Command::Ask(args) => ask::ask(args),
        Command::Serve(args) => serve::serve(&args),
        Command::Status(args) => status::status(&args),
        Command::Label(args) => label::label(args),
        Command::LabelNext(args) => label_next::label_next(args),
        Command::Models(args) => models::models(&args.command),
        Command::Schema(args) => output::print_json(&schema(args.of)),
        Command::Gauge(args) => gauge::gauge(&args),
        Command::Completions(args) => completions(args.shell),
        Command::Man(args) => man::man(&args),
    };
    ended(done.map(|()| ExitCode::SUCCESS))
}

fn ended(done: Result<ExitCode, Failure>) -> ExitCode {
    match done {
        Ok(status) => status,
        Err(failure) => {
            output::tell(&format!("error: {failure}"));
            ExitCode::from(failure.exit_status())
        }
    }
}

fn schema(format: Format) -> String {
    let schema = match format {
        Format::Task => ordinate_data::task_schema(),
        Format::Verdict => schemars::schema_for!(ordinate_core::verdict::Verdict).to_value(),
    };
    format!("{schema:#}\n")
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ordinate", &mut text);
    output::print_raw(&String::from_utf8_lossy(&text))
}
