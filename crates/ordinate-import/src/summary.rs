//! What an import wrote, for people.

use std::fmt::{self, Write as _};

use crate::Imported;

impl fmt::Display for Imported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&summary(self))
    }
}

/// What was read, what met, what did not, and what to do next. Names of models are other people's text, but a
/// candidate's name holds no control characters, and notes are cleaned here.
fn summary(imported: &Imported) -> String {
    let Imported { items, candidates, unaligned, compared, notes, task_file } = imported;
    let mut text = format!("{items} items, {}\n", counted(candidates.len() as u64, "candidate"));
    let width = candidates.iter().map(|one| one.name.as_str().chars().count()).max().unwrap_or(0).min(60);
    for one in candidates {
        let mean = one.mean.map_or_else(|| "no score".to_owned(), |mean| format!("mean {mean:.3}"));
        let _ = write!(text, "  {:width$}  {mean}, {} scored", one.name.as_str(), one.scored);
        if one.errors > 0 {
            let _ = write!(text, ", {}", counted(one.errors, "error"));
        }
        if one.missing > 0 {
            let _ = write!(text, ", {} without an answer", counted(one.missing, "item"));
        }
        text.push('\n');
    }
    if candidates.len() > 1 {
        let holes: u64 = unaligned.iter().map(|group| group.items).sum();
        let aligned = *items as u64 - holes;
        let _ =
            writeln!(text, "aligned      {} that every candidate has an answer to", counted(aligned, "item"));
        for group in unaligned {
            let (count, examples) = (counted(group.items, "item"), group.examples.join(", "));
            let missing = some_of(&group.missing);
            let _ = writeln!(
                text,
                "not aligned  {count} of task {} without an answer of {missing}: {examples}{}",
                group.task,
                if group.items > group.examples.len() as u64 { ", ..." } else { "" }
            );
        }
        if holes > 0 {
            let _ = writeln!(text, "             unaligned.jsonl beside the task file lists each");
        }
    }
    const SHOWN: usize = 12;
    for one in compared.iter().take(SHOWN) {
        let _ = writeln!(
            text,
            "tool's own   {:.4} {} of {} on task {}; imported {:.4}",
            one.own, one.metric, one.candidate, one.task, one.imported
        );
    }
    if compared.len() > SHOWN {
        let agree = compared.iter().filter(|one| one.agrees()).count();
        let _ = writeln!(text, "             ... {agree} of {} figures of the tools agree", compared.len());
    }
    for note in notes {
        let _ = writeln!(text, "note         {note}");
    }
    let file = task_file.display();
    let _ = match candidates.len() {
        1 => writeln!(
            text,
            "{file} written. A verdict needs a second candidate: import the logs of another model with these, or add one there."
        ),
        _ => writeln!(
            text,
            "{file} written: say there which candidates are vertical, then: ordinate run {file}"
        ),
    };
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// The first names of a list that can be long.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 4;
    match names.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
