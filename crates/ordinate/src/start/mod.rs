//! How a task of one's own begins: an example that runs as it is, or a task file for data that is there; and the next step in a folder.

mod examples;
mod here;
mod inferred;

use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use ordinate_core::{Lineage, nearest, shown};

use crate::error::{Error, Fault};
use examples::{EXAMPLES, Example, TASK};
use inferred::quoted;

pub use here::Here;
pub use inferred::{Inferred, LineageSaid, ask_lineage, infer};

/// What to begin with.
#[derive(Debug)]
pub struct Beginning(Chosen);

#[derive(Debug)]
enum Chosen {
    Example(&'static Example),
    Data(PathBuf),
}

impl Beginning {
    /// The example of this name (texts, answers, api, images, series), or the data file that is there.
    ///
    /// # Errors
    /// [`Error::Options`] where it is neither.
    pub fn named(said: &str) -> Result<Self, Error> {
        chosen(said).map(Self).map_err(|problem| Error::Options(format!("--from {said}: {problem}")))
    }

    /// Asks a person until one is chosen. `None` where whoever is asked is gone.
    pub fn ask(person: &mut impl BufRead, to: &mut impl Write) -> Option<Self> {
        ask(person, to).map(Self)
    }

    /// Writes the folder: called `name`, else as the example or the data file is. `lineage_of` is asked as in [`infer`]. What was
    /// written, and the next step, as lines for people.
    ///
    /// # Errors
    /// [`Error`] where anything is in that folder, no task can be made of the data, or something cannot be written.
    pub fn write(
        &self,
        name: Option<&Path>,
        lineage_of: &mut dyn FnMut(&str) -> Option<Lineage>,
    ) -> Result<Vec<String>, Error> {
        Ok(match &self.0 {
            Chosen::Example(example) => {
                let folder = name.map_or_else(|| PathBuf::from(example.kind), Path::to_owned);
                is_free(&folder)?;
                example.files.iter().try_for_each(|(name, bytes)| put(&folder, name, bytes))?;
                let task = folder.join(TASK);
                let names: Vec<&str> = example.files.iter().map(|(name, _)| *name).collect();
                vec![
                    format!("{} written: {}", folder.display(), names.join(", ")),
                    format!("Next: ordinate run {}", quoted(&task)),
                    format!("Then put your own data in its place: {} says how", task.display()),
                ]
            }
            Chosen::Data(data) => {
                let stem =
                    data.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                let stem =
                    stem.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("task").to_owned();
                let folder = name.map_or_else(|| PathBuf::from(stem), Path::to_owned);
                is_free(&folder)?;
                let inferred = infer(data, &folder, lineage_of)?;
                put(&folder, TASK, inferred.text.as_bytes())?;
                vec![inferred.next(&folder.join(TASK))]
            }
        })
    }

    /// The names of the examples, as a sentence lists them.
    #[must_use]
    pub fn kinds() -> String {
        EXAMPLES.iter().map(|example| example.kind).collect::<Vec<_>>().join(", ")
    }
}

fn chosen(said: &str) -> Result<Chosen, String> {
    let said = said.trim();
    let plain = said.to_lowercase();
    if let Some(example) = EXAMPLES.iter().find(|example| example.kind == plain || example.also == plain) {
        return Ok(Chosen::Example(example));
    }
    let path = PathBuf::from(said);
    if path.exists() {
        return Ok(Chosen::Data(path));
    }
    let near = nearest(&plain, EXAMPLES.iter().map(|example| example.kind));
    let near = near.map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
    Err(format!("neither an example nor a file that is there{near}; the examples are {}", Beginning::kinds()))
}

/// Asks until one is chosen. `None` where whoever is asked is gone.
fn ask(person: &mut impl BufRead, to: &mut impl Write) -> Option<Chosen> {
    let width = EXAMPLES.iter().map(|example| example.kind.len()).max().unwrap_or(0);
    let mut menu = "What do you want to compare models on?\n".to_owned();
    for (at, Example { kind, about, .. }) in EXAMPLES.iter().enumerate() {
        menu += &format!("  {}  {kind:<width$}  {about}\n", at + 1);
    }
    menu += "Each is a small example that runs as it is. Or name a data file of your own.\n";
    write!(to, "{menu}").ok()?;
    loop {
        write!(to, "Number, name or file: ").and_then(|()| to.flush()).ok()?;
        let mut line = String::new();
        if person.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let said = line.trim();
        if said.is_empty() {
            continue;
        }
        let numbered = said.parse::<usize>().ok().and_then(|number| EXAMPLES.get(number.checked_sub(1)?));
        match numbered.map_or_else(|| chosen(said), |example| Ok(Chosen::Example(example))) {
            Ok(from) => return Some(from),
            Err(problem) => {
                let _ = writeln!(to, "  {}", shown(&format!("{said}: {problem}")));
            }
        }
    }
}

/// Refuses a folder that holds anything.
fn is_free(folder: &Path) -> Result<(), Error> {
    let is_empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if fs::symlink_metadata(folder).is_err() || is_empty() {
        return Ok(());
    }
    let problem = "it is there already, and nothing is overwritten; give another name: ordinate new NAME";
    Err(Error::file(folder, Fault::Input, problem))
}

/// Writes a file that was not there.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = folder.join(name);
    fs::create_dir_all(folder)
        .and_then(|()| fs::File::create_new(&path))
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| Error::file(&path, Fault::Run, format!("cannot be written: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_chooses_by_number_name_or_file() {
        let said = |text: &str| {
            let mut to = Vec::new();
            let chosen = match ask(&mut text.as_bytes(), &mut to) {
                Some(Chosen::Example(example)) => example.kind.to_owned(),
                Some(Chosen::Data(path)) => path.display().to_string(),
                None => "nothing".to_owned(),
            };
            (chosen, String::from_utf8(to).unwrap())
        };
        assert_eq!(said("2\n").0, "answers");
        assert_eq!(said("Series\n").0, "series");
        assert_eq!(said("Cargo.toml\n").0, "Cargo.toml");
        assert_eq!((said("").0, said("\n").0), ("nothing".to_owned(), "nothing".to_owned()));
        let (chosen, shown) = said("0\n9\nansers\n\u{1b}x\n1\n");
        assert_eq!(chosen, "texts");
        assert!(shown.contains("did you mean \"answers\"?") && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("  4  images   images to label"), "{shown}");
    }
}
