//! The program: commands to the library, what they say to the terminal, and exit statuses. `ordinate-cli` declares its arguments.

mod ask;
mod check;
mod cluster;
mod explain;
mod export;
mod gate;
mod gauge;
mod import;
mod init;
mod judge;
mod label;
mod label_next;
mod models;
mod new;
mod output;
mod report;
mod run;
mod runtime;
mod serve;
mod status;
mod verify;
mod view;

use std::path::Path;
use std::process::ExitCode;

use ordinate::{Error, Fault, Here, tell};
use ordinate_cli::{Cli, Command, ManArgs, Parser, Schema, completions, man_page, write_man_pages};

use output::{print, print_json, print_raw};

/// The system's gives large blocks back to the kernel at once, and training and embedding take the same ones again and again: a sixth to
/// two fifths of their time.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Some(command) = Cli::parse().command else {
        return ended(print(&Here::look(Path::new(".")).to_string()).map(|()| ExitCode::SUCCESS));
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
        Command::Schema(args) => print_json(&schema(args.of)),
        Command::Gauge(args) => gauge::gauge(&args),
        Command::Completions(args) => print_raw(&completions(args.shell)),
        Command::Man(args) => man(&args),
    };
    ended(done.map(|()| ExitCode::SUCCESS))
}

fn ended(done: Result<ExitCode, Error>) -> ExitCode {
    match done {
        Ok(status) => status,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::from(match error.fault() {
                Fault::Run => 1,
                Fault::Input => 2,
            })
        }
    }
}

fn schema(of: Schema) -> String {
    let schema = match of {
        Schema::Task => ordinate_data::task_schema(),
        Schema::Verdict => schemars::schema_for!(ordinate_core::verdict::Verdict).to_value(),
    };
    format!("{schema:#}\n")
}

fn man(args: &ManArgs) -> Result<(), Error> {
    match &args.out {
        Some(folder) => write_man_pages(folder)
            .map_err(|error| Error::file(folder, Fault::Run, format!("cannot be written: {error}"))),
        None => print_raw(&man_page(args.command.as_deref()).map_err(Error::Options)?),
    }
}
