//! `ordinate check`.

use ordinate_core::PolicyKind;
use ordinate_data::{load_evidence, read_task};

use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::output::print;

pub(crate) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let task = read_task(&args.task)?;
    if let Some(text) = crate::local::checked(&task)? {
        return print(&text);
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
