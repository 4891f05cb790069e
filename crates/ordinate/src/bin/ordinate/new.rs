//! `ordinate new`: an example that runs as it is, to be changed into a task of one's own.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::failure::Failure;
use crate::init;
use crate::output::tell;

/// `ordinate new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Folder to write; nothing may be in it [default: the name of the example, or of the data file]
    #[arg(value_name = "NAME", value_hint = ValueHint::DirPath)]
    name: Option<PathBuf>,
    /// What to begin with: texts, answers, api, images or series; or a data file of your own [default: asked for on a terminal]
    #[arg(long, value_name = "KIND|FILE", value_hint = ValueHint::AnyPath)]
    from: Option<String>,
}

/// A file of an example.
type Bundled = (&'static str, &'static [u8]);

/// What an example folder is made of. All of it runs without a key, a server or a download.
struct Example {
    kind: &'static str,
    /// Another word for it.
    also: &'static str,
    about: &'static str,
    files: &'static [Bundled],
}

/// A file of `examples/`, which the program carries.
macro_rules! example {
    ($path:literal) => {
        include_bytes!(concat!("../../../../../examples/", $path))
    };
}

const TASK: &str = "ordinate.toml";

const EXAMPLES: [Example; 5] = [
    Example {
        kind: "texts",
        also: "text",
        about: "texts to label: models that run here, taught or only told what the labels mean",
        files: &[
            (TASK, example!("triage/ordinate.toml")),
            ("messages.jsonl", example!("triage/messages.jsonl")),
        ],
    },
    Example {
        kind: "answers",
        also: "scores",
        about: "a table of answers that were marked elsewhere: which model, which question, right or wrong",
        files: &[(TASK, example!("answers/ordinate.toml")), ("scores.csv", example!("answers/scores.csv"))],
    },
    Example {
        kind: "api",
        also: "live",
        about: "a model behind an API against small ones that run here",
        files: &[
            (TASK, include_bytes!("new/api.toml")),
            ("messages.jsonl", example!("triage/messages.jsonl")),
        ],
    },
    Example {
        kind: "images",
        also: "image",
        about: "images to label: people against a network that is trained here, in half a minute",
        files: &[
            (TASK, include_bytes!("new/images.toml")),
            ("tiles.npz", example!("images/tiles.npz")),
            ("inspectors.jsonl", example!("images/inspectors.jsonl")),
        ],
    },
    Example {
        kind: "series",
        also: "forecast",
        about: "series to continue: methods that see the past alone against people, and both together",
        files: &[
            (TASK, example!("forecast/ordinate.toml")),
            ("sales.jsonl", example!("forecast/sales.jsonl")),
            ("buyers.jsonl", example!("forecast/buyers.jsonl")),
        ],
    },
];

/// What to begin with.
enum Chosen {
    Example(&'static Example),
    Data(PathBuf),
}

pub(crate) fn new(args: &NewArgs) -> Result<(), Failure> {
    let from = match &args.from {
        Some(said) => chosen(said).map_err(|problem| Failure::Input(format!("--from {said}: {problem}")))?,
        None if io::stdin().is_terminal() && io::stderr().is_terminal() => {
            match ask(&mut io::stdin().lock(), &mut io::stderr()) {
                Some(from) => from,
                None => return Err(Failure::Input("nothing was chosen, and nothing written".to_owned())),
            }
        }
        None => {
            let problem = format!(
                "say what to begin with: ordinate new --from KIND, where KIND is {}; or --from FILE, a data file of your own",
                kinds()
            );
            return Err(Failure::Input(problem));
        }
    };
    match from {
        Chosen::Example(example) => {
            let folder = args.name.clone().unwrap_or_else(|| PathBuf::from(example.kind));
            is_free(&folder)?;
            example.files.iter().try_for_each(|(name, bytes)| put(&folder, name, bytes))?;
            let task = folder.join(TASK);
            let names: Vec<&str> = example.files.iter().map(|(name, _)| *name).collect();
            tell(&format!("{} written: {}", folder.display(), names.join(", ")));
            tell(&format!("Next: ordinate run {}", init::quoted(&task)));
            tell(&format!("Then put your own data in its place: {} says how", task.display()));
            Ok(())
        }
        Chosen::Data(data) => {
            let stem = data.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let stem = stem.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("task").to_owned();
            let folder = args.name.clone().unwrap_or_else(|| PathBuf::from(stem));
            is_free(&folder)?;
            let inferred = init::inferred(&data, &folder)?;
            put(&folder, TASK, inferred.text.as_bytes())?;
            tell(&inferred.next(&folder.join(TASK)));
            Ok(())
        }
    }
}

/// The names of the examples, as a sentence lists them.
fn kinds() -> String {
    EXAMPLES.iter().map(|example| example.kind).collect::<Vec<_>>().join(", ")
}

/// The example of this name, or the data file that is there.
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
    let near = ordinate_core::nearest(&plain, EXAMPLES.iter().map(|example| example.kind));
    let near = near.map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
    Err(format!("neither an example nor a file that is there{near}; the examples are {}", kinds()))
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
                let _ = writeln!(to, "  {}", ordinate_core::shown(&format!("{said}: {problem}")));
            }
        }
    }
}

/// Refuses a folder that holds anything.
fn is_free(folder: &Path) -> Result<(), Failure> {
    let is_empty = || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if fs::symlink_metadata(folder).is_err() || is_empty() {
        return Ok(());
    }
    let problem = "it is there already, and nothing is overwritten; give another name: ordinate new NAME";
    Err(Failure::Input(format!("{}: {problem}", folder.display())))
}

/// Writes a file that was not there.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    fs::create_dir_all(folder)
        .and_then(|()| fs::File::create_new(&path))
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|error| Failure::Run(format!("{}: cannot be written: {error}", path.display())))
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
