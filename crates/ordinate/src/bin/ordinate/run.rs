//! `ordinate run`.

use std::sync::Arc;

use ordinate::{Options, read_task};
use ordinate_core::Needs;

use crate::cli::RunArgs;
use crate::failure::Failure;
use crate::output::{coloured, columns, print_json, print_raw, tell};
use crate::runtime::wait;
use crate::show::Teller;

pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    let teller = Arc::new(Teller::new(args.quiet));
    let mut task = read_task(&args.task)?;
    override_needs(&mut task.file.needs, &args.needs)?;
    if let Some(seed) = args.seed {
        task.file.statistics.seed = Some(seed);
    }
    if let Some(most) = args.max_spend {
        task.file.measure.max_spend = Some(most);
    }
    if let Some(on) = &args.on {
        crate::cluster::prepare(&args.task, on, args.quiet)?;
    }
    let options = Options {
        folder: args.out.clone(),
        resume: args.resume,
        retry_errors: args.retry_errors,
        rescore: args.rescore,
        hosting_helper: std::env::current_exe().ok(),
        ..Options::default()
    };
    let run = wait(ordinate::run(&task, &options, teller), options.cancel.clone())?;
    if args.json {
        return print_json(&run.json);
    }
    let style = ordinate_report::Style { colour: coloured(), width: columns() };
    print_raw(&ordinate_report::summary(&run.verdict, style))?;
    if !args.quiet {
        tell(&format!("The whole report: {}", run.folder.path("report.html").display()));
    }
    Ok(())
}

fn override_needs(needs: &mut Needs, assignments: &[String]) -> Result<(), Failure> {
    for assignment in assignments {
        needs.set(assignment).map_err(|error| Failure::Input(format!("--need {assignment}: {error}")))?;
    }
    Ok(())
}
