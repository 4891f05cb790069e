//! `ordinate run`.

use std::sync::Arc;

use ordinate::{Error, Options, Run, Task, Teller, change_needs, read_task, run_within, tell};
use ordinate_cli::RunArgs;

use crate::output::{print_json, print_summary};
use crate::runtime::wait;

pub(crate) fn run(args: &RunArgs) -> Result<(), Error> {
    let teller = Arc::new(Teller::new(args.quiet));
    let mut task = read_task(&args.task)?;
    change_needs(&mut task.file.needs, &args.needs)?;
    if let Some(seed) = args.seed {
        task.file.statistics.seed = Some(seed);
    }
    if let Some(most) = args.max_spend {
        task.file.measure.max_spend = Some(most);
    }
    if let Some(on) = &args.on {
        crate::cluster::prepare(&args.task, on, args.quiet)?;
    }
    if let Some(minutes) = args.max_minutes
        && let Some(each) = ordinate::share_minutes(&mut task, minutes)?
        && !args.quiet
    {
        tell(&format!("each training may take {each:.1} of the {minutes} minutes"));
    }
    let options = Options {
        folder: args.out.clone(),
        resume: args.resume,
        retry_errors: args.retry_errors,
        rescore: args.rescore,
        store: Options::shared_store(args.store.as_deref())?,
        hosting_helper: std::env::current_exe().ok(),
        ..Options::default()
    };
    let run = wait(in_time(&task, &options, teller, args.max_minutes), options.cancel.clone())?;
    if args.json {
        return print_json(&run.json);
    }
    print_summary(&run.verdict)?;
    if !args.quiet {
        tell(&format!("The whole report: {}", run.folder.path("report.html").display()));
    }
    Ok(())
}

async fn in_time(
    task: &Task,
    options: &Options,
    teller: Arc<Teller>,
    minutes: Option<f64>,
) -> Result<Run, Error> {
    match minutes {
        Some(minutes) => run_within(task, options, teller, minutes).await,
        None => ordinate::run(task, options, teller).await,
    }
}
