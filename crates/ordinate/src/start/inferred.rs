//! A task file for data that is there.

use std::io::{BufRead, Write};
use std::path::Path;

use ordinate_core::Lineage;

use crate::error::Error;

/// A task file that was made from data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inferred {
    /// The task file.
    pub text: String,
    /// The candidates whose lineage nobody told.
    unknown: Vec<String>,
}

/// A task file for this data, to be saved in `folder`. `lineage_of` is asked for what data cannot tell: of each candidate, its lineage.
///
/// # Errors
/// [`Error::Data`] where the data cannot be read, or no task be made of it.
pub fn infer(
    data: &Path,
    folder: &Path,
    lineage_of: &mut dyn FnMut(&str) -> Option<Lineage>,
) -> Result<Inferred, Error> {
    let mut unknown = Vec::new();
    let mut told = |name: &str| {
        let lineage = lineage_of(name);
        if lineage.is_none() {
            unknown.push(name.to_owned());
        }
        lineage
    };
    let text = ordinate_data::infer_task_asking(data, folder, &mut told)?;
    Ok(Inferred { text, unknown })
}

impl Inferred {
    /// What to do with the file, which was written there.
    #[must_use]
    pub fn next(&self, out: &Path) -> String {
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
pub(super) fn quoted(path: &Path) -> String {
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
pub enum LineageSaid {
    /// It.
    Is(Lineage),
    /// They do not know, or do not say.
    Unknown,
    /// They are gone.
    NoMore,
}

/// Asks a person for the lineage of a candidate, until it is told or left open.
pub fn ask_lineage(name: &str, from: &mut impl BufRead, to: &mut impl Write) -> LineageSaid {
    loop {
        let shown: String = name.chars().filter(|c| !c.is_control()).collect();
        let asked =
            write!(to, "{shown}: general, vertical or transferred? [leave open] ").and_then(|()| to.flush());
        let mut line = String::new();
        match asked.and_then(|()| from.read_line(&mut line)) {
            Ok(0) | Err(_) => return LineageSaid::NoMore,
            Ok(_) => {}
        }
        let said = line.trim().to_lowercase();
        if said.is_empty() {
            return LineageSaid::Unknown;
        }
        let all = [Lineage::General, Lineage::Vertical, Lineage::Transferred];
        if let Some(lineage) = all.into_iter().find(|lineage| lineage.as_str().starts_with(&said)) {
            return LineageSaid::Is(lineage);
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
            let answer = ask_lineage("med\u{1b}7b", &mut text.as_bytes(), &mut to);
            (answer, String::from_utf8(to).unwrap())
        };
        assert_eq!(said("vertical\n").0, LineageSaid::Is(Lineage::Vertical));
        assert_eq!(said(" T\n").0, LineageSaid::Is(Lineage::Transferred));
        assert_eq!((said("\n").0, said("").0), (LineageSaid::Unknown, LineageSaid::NoMore));
        let (answer, shown) = said("legal\ngen\n");
        assert_eq!(answer, LineageSaid::Is(Lineage::General));
        assert!(
            shown.starts_with("med7b: general, vertical or transferred?")
                && shown.contains("made for this domain")
        );
    }
}
