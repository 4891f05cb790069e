//! `ordinate run`.

use std::sync::Arc;
use std::time::Duration;

use ordinate::{Options, Run, Task, read_task};
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
    let style = ordinate_report::Style { colour: coloured(), width: columns() };
    print_raw(&ordinate_report::summary(&run.verdict, style))?;
    if !args.quiet {
        tell(&format!("The whole report: {}", run.folder.path("report.html").display()));
    }
    Ok(())
}

/// Runs, and stops as Ctrl-C does when the time is over.
async fn in_time(
    task: &Task,
    options: &Options,
    teller: Arc<Teller>,
    minutes: Option<f64>,
) -> Result<Run, Failure> {
    let Some(minutes) = minutes else { return Ok(ordinate::run(task, options, teller).await?) };
    let run = ordinate::run(task, options, teller);
    let mut run = std::pin::pin!(run);
    tokio::select! {
        done = run.as_mut() => return Ok(done?),
        () = tokio::time::sleep(Duration::from_secs_f64(60.0 * minutes)) => options.cancel.cancel(),
    }
    // What was all but done may be done all the same.
    run.await.map_err(|error| {
        let failure = Failure::from(error);
        match failure {
            Failure::Run(problem) => {
                Failure::Run(format!("--max-minutes {minutes}: the time is over. {problem}"))
            }
            input @ Failure::Input(_) => input,
        }
    })
}

fn override_needs(needs: &mut Needs, assignments: &[String]) -> Result<(), Failure> {
    for assignment in assignments {
        needs.set(assignment).map_err(|error| Failure::Input(format!("--need {assignment}: {error}")))?;
    }
    Ok(())
}
