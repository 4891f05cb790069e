//! `ordinate init`.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use ordinate_core::Lineage;

use crate::cli::InitArgs;
use crate::failure::Failure;
use crate::output::{print, tell};

pub(crate) fn init(args: &InitArgs) -> Result<(), Failure> {
    let folder = args.out.parent().unwrap_or(Path::new(""));
    let is_new = args.out != Path::new("-");
    if is_new && args.out.exists() && !args.force {
        return Err(Failure::Input(format!(
            "{} is there already; give another name with --out, or --force to overwrite it",
            args.out.display()
        )));
    }
    let inferred = inferred(&args.data, folder)?;
    if !is_new {
        return print(&inferred.text);
    }
    fs::write(&args.out, &inferred.text)
        .map_err(|error| Failure::Run(format!("{}: cannot be written: {error}", args.out.display())))?;
    tell(&inferred.next(&args.out));
    Ok(())
}

/// A task file that was made from data.
pub(crate) struct Inferred {
    pub(crate) text: String,
    /// The candidates whose lineage nobody told.
    unknown: Vec<String>,
}

/// A task file for this data, to be saved in `folder`. A person at a terminal is asked for what data cannot tell.
pub(crate) fn inferred(data: &Path, folder: &Path) -> Result<Inferred, Failure> {
    let (mut unknown, mut asks) = (Vec::new(), io::stdin().is_terminal() && io::stderr().is_terminal());
    let mut lineage_of = |name: &str| {
        let said = if asks { ask(name, &mut io::stdin().lock(), &mut io::stderr()) } else { Answer::Unknown };
        asks &= said != Answer::NoMore;
        match said {
            Answer::Is(lineage) => Some(lineage),
            Answer::Unknown | Answer::NoMore => {
                unknown.push(name.to_owned());
                None
            }
        }
    };
    let text = ordinate_data::infer_task_asking(data, folder, &mut lineage_of)?;
    Ok(Inferred { text, unknown })
}

impl Inferred {
    /// What to do with the file, which was written there.
    pub(crate) fn next(&self, out: &Path) -> String {
        let run = format!("ordinate run {}", quoted(out));
        let out = out.display();
        let answer = self.text.lines().filter(|line| *line == "[[candidate]]").count();
        match self.unknown.as_slice() {
            [] if answer == 0 => format!(
                "{out} written; nobody answers yet: add at least two candidates as it shows, then: {run}"
            ),
            [] if answer == 1 => format!(
                "{out} written; one candidate alone has nothing to be compared with: add a second as it shows, then: {run}"
            ),
            [] => format!("{out} written; read it, then: {run}"),
            some => format!(
                "{out} written; say in it which of its candidates are vertical or transferred ({} stand as general, and the verdict \
                 hangs on it), then: {run}",
                if some.len() == 1 { some[0].clone() } else { format!("all {} of them", some.len()) }
            ),
        }
    }
}

/// A path as a shell takes it.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '\\' | ':' | '+' | '@');
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text;
    }
    let dashed = if text.starts_with('-') { format!("./{text}") } else { text };
    format!("'{}'", dashed.replace('\'', "'\\''"))
}

/// What a person said of a lineage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Is(Lineage),
    /// They do not know, or do not say.
    Unknown,
    /// They are gone.
    NoMore,
}

/// Asks for the lineage of a candidate, until it is told or left open.
fn ask(name: &str, from: &mut impl BufRead, to: &mut impl Write) -> Answer {
    loop {
        let shown: String = name.chars().filter(|c| !c.is_control()).collect();
        let asked =
            write!(to, "{shown}: general, vertical or transferred? [leave open] ").and_then(|()| to.flush());
        let mut line = String::new();
        match asked.and_then(|()| from.read_line(&mut line)) {
            Ok(0) | Err(_) => return Answer::NoMore,
            Ok(_) => {}
        }
        let said = line.trim().to_lowercase();
        if said.is_empty() {
            return Answer::Unknown;
        }
        let all = [Lineage::General, Lineage::Vertical, Lineage::Transferred];
        if let Some(lineage) = all.into_iter().find(|lineage| lineage.as_str().starts_with(&said)) {
            return Answer::Is(lineage);
        }
        let _ = writeln!(
            to,
            "  general knows many things; vertical was made for this domain; transferred is a general one adapted with items of this \
             task"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lineage_is_asked_until_it_is_told_or_left_open() {
        let said = |text: &str| {
            let mut to = Vec::new();
            let answer = ask("med\u{1b}7b", &mut text.as_bytes(), &mut to);
            (answer, String::from_utf8(to).unwrap())
        };
        assert_eq!(said("vertical\n").0, Answer::Is(Lineage::Vertical));
        assert_eq!(said(" T\n").0, Answer::Is(Lineage::Transferred));
        assert_eq!((said("\n").0, said("").0), (Answer::Unknown, Answer::NoMore));
        let (answer, shown) = said("legal\ngen\n");
        assert_eq!(answer, Answer::Is(Lineage::General));
        assert!(
            shown.starts_with("med7b: general, vertical or transferred?")
                && shown.contains("made for this domain")
        );
    }
}
