//! `ordinate check`.

use ordinate_core::PolicyKind;
use ordinate_data::{Task, is_live, read_task};

use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::live::{self, STORE, estimate_lines};
use crate::metric::load_evidence;
use crate::output::print;
use crate::run::default_folder;

pub(crate) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let task = read_task(&args.task)?;
    if is_live(&task) {
        return check_live(args, &task);
    }
    if let Some(text) = crate::local::checked(&task)? {
        let folder = args.out.clone().unwrap_or_else(|| default_folder(&task.file.task.name));
        let mut lines = vec![text.trim_end().to_owned()];
        let estimates = crate::embed::estimates(&task, &folder.join(STORE))?;
        if !estimates.is_empty() {
            lines.extend(estimate_lines(&estimates, task.file.measure.max_spend));
        }
        return print(&(lines.join("\n") + "\n"));
    }
    if args.show_prompt {
        return Err(Failure::Input(format!(
            "{}: --show-prompt: the task has no live candidates, so nobody is prompted",
            args.task.display()
        )));
    }
    let loaded = load_evidence(&task)?;
    let items = loaded.evidence.items();
    let mut lines = vec![
        format!("{}: fine", args.task.display()),
        format!("items       {}", items.len()),
        format!("slices      {}", items.slices().names().len()),
        format!("groups      {}", items.groups().names().len()),
    ];
    for candidate in loaded.evidence.candidates() {
        lines.push(format!("candidate   {} ({})", candidate.name, candidate.lineage));
    }
    let kinds = task.file.combine.kinds.as_deref().unwrap_or(&PolicyKind::ALL);
    for learner in ordinate_combine::learners(Some(kinds)) {
        lines.push(match learner.applies(&loaded.evidence) {
            Ok(()) => format!("policy      {}", learner.name()),
            Err(not) => format!("no policy   {}: {}", not.kind, not.why),
        });
    }
    lines.extend(loaded.notes.iter().map(|note| format!("note        {note}")));
    print(&(lines.join("\n") + "\n"))
}

/// A task with live candidates: what they would be told, and what asking them will probably cost. Nothing is asked.
fn check_live(args: &CheckArgs, task: &Task) -> Result<(), Failure> {
    let folder = args.out.clone().unwrap_or_else(|| default_folder(&task.file.task.name));
    let looked = live::look(task, &folder.join(STORE))?;
    let mut lines = vec![
        format!("{}: fine", args.task.display()),
        format!("items       {}", looked.items),
        format!("slices      {}", looked.slices),
    ];
    for entry in &task.file.candidate {
        let how = match crate::local::how(task, entry)? {
            Some(here) => here,
            None if entry.recorded.is_some() => "recorded".to_owned(),
            None => "live".to_owned(),
        };
        lines.push(format!("candidate   {} ({}), {how}", entry.name, entry.lineage));
    }
    lines.extend(crate::script::note(task)?.map(|note| format!("note        {note}")));
    lines.extend(looked.notes.iter().map(|note| format!("note        {note}")));
    lines.push("to ask".to_owned());
    let mut estimates = crate::embed::estimates(task, &folder.join(STORE))?;
    estimates.extend(looked.estimates);
    lines.extend(estimate_lines(&estimates, task.file.measure.max_spend));
    if args.show_prompt {
        for (name, prompt) in &looked.prompts {
            lines.push(format!("\nprompt of {name} for the first item\n{prompt}"));
        }
    }
    print(&(lines.join("\n") + "\n"))
}
