//! What is said where the built-in encoder, which knows English, is to read another script.

use ordinate_core::Items;
use ordinate_core::task::CandidateEntry;
use ordinate_data::Task;
use ordinate_models::share_of_other_scripts;

/// From this share of letters on it is said: names and quotations alone stay below it.
const MUCH: f64 = 0.1;

/// A note for the verdict; `None` where no candidate relies on the built-in encoder, or the texts are such as it knows.
pub(crate) fn note(task: &Task, items: &Items) -> Option<String> {
    let names: Vec<&str> =
        task.file.candidate.iter().filter(|entry| is_builtin(entry)).map(|e| e.name.as_str()).collect();
    if names.is_empty() { None } else { of_items(&names, items) }
}

fn of_items(names: &[&str], items: &Items) -> Option<String> {
    let share = share_of_other_scripts((0..items.len()).filter_map(|row| items.input(row)));
    (share >= MUCH).then(|| {
        format!(
            "The built-in encoder knows English, and {:.0} % of the letters of these texts are not Latin: what {} make of \
             them says little about encoders. `ngram-linear` reads any script; for an encoder name one of that language \
             (`hf:org/name`).",
            share * 100.0,
            names.join(" and ")
        )
    })
}

fn is_builtin(entry: &CandidateEntry) -> bool {
    entry.local.as_ref().is_some_and(|local| local.model == "builtin")
        || entry.adapt.as_ref().is_some_and(|adapt| adapt.from == "builtin")
}
