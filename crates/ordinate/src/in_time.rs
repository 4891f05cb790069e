//! The time of a whole run, shared out among the trainings that can be told how long they may take.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use ordinate_data::Task;

use crate::error::{Error, Fault};
use crate::observe::Observer;
use crate::options::Options;
use crate::run::{Run, run};

/// The part of the time that trainings get together; the rest is for asking, hosting and judging.
const SHARE: f64 = 0.8;
/// Trainings of a candidate that is cross-fitted: one for each fold, and one of all items.
const CROSS_FITTED: f64 = 6.0;
/// The least that a training gets, minutes: with less it would learn nothing.
const LEAST: f64 = 0.05;

/// Shares out `minutes` among the trainings of a task: a candidate that says its own `max_minutes` keeps them, the others get equal
/// parts of what is left of four fifths. What each training of these then has, minutes; `None` where there is none.
///
/// # Errors
/// [`Error::Options`] where `minutes` is no time.
pub fn share_minutes(task: &mut Task, minutes: f64) -> Result<Option<f64>, Error> {
    if !(minutes > 0.0 && minutes <= 100_000.0) {
        let problem = format!("--max-minutes {minutes}: give minutes, above 0 and at most 100000");
        return Err(Error::Options(problem));
    }
    let trainings = if task.file.data.train.is_some() { 1.0 } else { CROSS_FITTED };
    // What leaves the encoder as it is takes no time that it could be told.
    let adapts = task.file.candidate.iter_mut().filter_map(|entry| entry.adapt.as_mut());
    let (told, untold): (Vec<_>, Vec<_>) =
        adapts.filter(|adapt| adapt.trains()).partition(|adapt| adapt.max_minutes.is_some());
    let own = told.iter().filter_map(|adapt| adapt.max_minutes).sum::<f64>() * trainings;
    let each = ((SHARE * minutes - own) / (untold.len() as f64 * trainings)).max(LEAST);
    let some = !untold.is_empty();
    for adapt in untold {
        adapt.max_minutes = Some(each);
    }
    Ok(some.then_some(each))
}

/// [`run`], stopped by the token of the options when so many minutes are over: what was made until then is kept for the next run.
///
/// # Errors
/// As [`run`]; [`Error::OutOfTime`] where the time did not suffice.
pub async fn run_within(
    task: &Task,
    options: &Options,
    observer: Arc<dyn Observer>,
    minutes: f64,
) -> Result<Run, Error> {
    let mut run = pin!(run(task, options, observer));
    tokio::select! {
        done = run.as_mut() => return done,
        () = tokio::time::sleep(Duration::from_secs_f64(60.0 * minutes)) => options.cancel.cancel(),
    }
    // What was all but done may be done all the same.
    run.await.map_err(|error| match error.fault() {
        Fault::Run => Error::OutOfTime { minutes, error: Box::new(error) },
        Fault::Input => error,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn minutes(data: &str, first: &str, all: f64) -> (Option<f64>, Vec<Option<f64>>) {
        let text = format!(
            "[task]\nname = \"t\"\nkind = \"classify\"\n[data]\n{data}\n\
             [[candidate]]\nname = \"a\"\nlineage = \"vertical\"\nadapt = {{ from = \"m\", method = \"full\"{first} }}\n\
             [[candidate]]\nname = \"b\"\nlineage = \"transferred\"\nadapt = {{ from = \"m\", method = \"lora\" }}\n\
             [[candidate]]\nname = \"c\"\nlineage = \"transferred\"\nadapt = {{ from = \"builtin\", method = \"probe\" }}\n"
        );
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("i.jsonl"), "{}").unwrap();
        let path = folder.path().join("t.toml");
        std::fs::write(&path, &text).unwrap();
        let mut task = ordinate_data::parse_task(Path::new(&path), &text).unwrap();
        let each = share_minutes(&mut task, all).unwrap();
        let of =
            task.file.candidate.iter().map(|entry| entry.adapt.as_ref().and_then(|adapt| adapt.max_minutes));
        (each, of.collect())
    }

    #[test]
    fn the_time_of_a_run_is_shared_out_among_its_trainings() {
        let both = "train = \"i.jsonl\"\ntest = \"i.jsonl\"";
        assert_eq!(minutes(both, "", 10.0), (Some(4.0), vec![Some(4.0), Some(4.0), None]));
        assert_eq!(minutes(both, ", max_minutes = 6", 10.0), (Some(2.0), vec![Some(6.0), Some(2.0), None]));
        assert_eq!(minutes("items = \"i.jsonl\"", "", 60.0).0, Some(4.0));
        assert_eq!(minutes(both, ", max_minutes = 20", 10.0).0, Some(LEAST), "its own time stands");
    }
}
