//! The runs of a folder as pages: all of them, those of a task, one with its items, and two side by side. Nothing is written.

mod by_slice;
mod confusion;
mod filter;
mod found;
mod heat;
mod items;
mod opened;
mod pair;
mod two;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ordinate_measure::CancellationToken;
use ordinate_report::{ITEMS_POLICY, ListedRun, RUNS_POLICY, runs_page};
use ordinate_serve::{Page, PageServer, Pages, PagesError};

use crate::error::{Error, Fault};
use crate::folder::Folder;
use crate::page::served_page;
use crate::query::Pairs;
use found::{Found, FoundRun};
use opened::{OpenedRun, OpenedRuns};

pub(crate) use items::picture;

/// The page of a run has a policy of its own, which lets its one script in; what a page cannot say of itself is said here.
const REPORT_POLICY: &str = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A server of the runs of a folder, which listens.
pub struct View {
    folder: PathBuf,
    server: PageServer,
}

impl View {
    /// Begins to listen on loopback for who wants to see the runs in `folder`. They are looked for at every visit.
    ///
    /// # Errors
    /// [`Error`] where `folder` is none, or the address cannot be had or is not this machine's alone.
    pub async fn start(folder: &Path, bind: SocketAddr) -> Result<Self, Error> {
        if !folder.is_dir() {
            let problem = "no folder; give the one that run folders lie in: ordinate view DIR";
            return Err(Error::file(folder, Fault::Input, problem));
        }
        let server = PageServer::start(bind).await.map_err(|error| match error {
            PagesError::NotLoopback(_) => Error::Options(format!("--bind {error}")),
            PagesError::Bind(..) => Error::broken(format!("--bind {error}")),
        })?;
        Ok(Self { folder: folder.to_owned(), server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Answers until `stop` is called.
    pub async fn run(self, stop: CancellationToken) {
        let runs = Runs { folder: self.folder, opened: Arc::default(), stop: stop.clone() };
        self.server.run(Arc::new(runs), stop).await;
    }
}

/// What the server shows.
struct Runs {
    folder: PathBuf,
    /// The runs whose items are looked at.
    opened: Arc<OpenedRuns>,
    /// What takes long is not gone on with behind it.
    stop: CancellationToken,
}

impl Pages for Runs {
    fn page(&self, path: &str, query: Option<&str>) -> Page {
        let within = path.strip_prefix("/run/").and_then(|rest| rest.split_once('/'));
        match within {
            Some((id, about)) => self.about(id, about, &Pairs::read(query)),
            None => self.visited(path, query),
        }
    }
}

impl Runs {
    /// The page at an address.
    fn visited(&self, path: &str, query: Option<&str>) -> Page {
        let folder = &self.folder;
        let found = Found::look(folder);
        let made = match path.trim_start_matches('/').split_once('/') {
            None if path == "/" => Some(list(folder, &found, None)),
            None if path == "/compare" => two_of(&found, query).map(|(a, b)| two::compare(a, b)),
            Some(("run", id)) => found.run(id).map(|run| {
                // Whoever reads the verdict may look at items next.
                self.opened.open_ahead(&run.path, id, run.listed().name);
                report(run, id)
            }),
            Some(("task", id)) => {
                found.runs.iter().any(|run| run.task_id == id).then(|| list(folder, &found, Some(id)))
            }
            _ => None,
        };
        match made {
            Some(Ok(html)) => {
                let policy = if path.starts_with("/run/") { REPORT_POLICY } else { RUNS_POLICY };
                Page::html(200, html, policy)
            }
            Some(Err(error)) => problem(500, &error.to_string()),
            None => gone(),
        }
    }

    /// A page about the items of a run.
    fn about(&self, id: &str, about: &str, pairs: &Pairs) -> Page {
        let run = match self.opened.known(id) {
            Some(run) => run,
            None => match Found::look(&self.folder)
                .run(id)
                .map(|run| self.opened.open(&run.path, id, run.listed().name))
            {
                Some(Ok(run)) => run,
                Some(Err(error)) => return problem(500, &error.to_string()),
                None => return gone(),
            },
        };
        let run: &OpenedRun = &run;
        if about == "image" {
            return items::image(run, pairs).map_or_else(gone, |(bytes, kind)| Page::picture(bytes, kind));
        }
        let made = match about {
            "items" => Some(items::items(run, pairs)),
            "item" => items::one(run, pairs, &self.stop),
            "pair" => Some(pair::pair(run, pairs)),
            "slices" if run.head().has_slices => Some(by_slice::slices(run)),
            "labels" if run.head().has_labels => Some(confusion::confusion(run, pairs)),
            _ => None,
        };
        match made {
            Some(Ok(html)) => Page::html(200, html, ITEMS_POLICY),
            Some(Err(error)) => problem(500, &error.to_string()),
            None => gone(),
        }
    }
}

fn gone() -> Page {
    problem(404, "There is no such page, or the run is no longer there.")
}

fn list(folder: &Path, found: &Found, task: Option<&str>) -> Result<String, Error> {
    let runs: Vec<&FoundRun> =
        found.runs.iter().filter(|run| task.is_none_or(|task| run.task_id == task)).collect();
    let named = task.and_then(|_| runs.first()).map(|run| run.verdict.task.as_str());
    let listed: Vec<ListedRun<'_>> = runs.iter().map(|run| run.listed()).collect();
    let broken = if task.is_some() { &[] } else { found.broken.as_slice() };
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    Ok(runs_page(&folder.display().to_string(), named, &listed, broken)?)
}

/// The page of a run, made anew: what lies in the folder as `report.html` may be anything.
fn report(run: &FoundRun, id: &str) -> Result<String, Error> {
    served_page(&Folder::open(&run.path)?, &run.verdict, id)
}

/// The runs `a` and `b` of a query.
fn two_of<'f>(found: &'f Found, query: Option<&str>) -> Option<(&'f FoundRun, &'f FoundRun)> {
    let of = |wanted: &str| {
        let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
        let (_, id) = pairs.find(|(key, _)| *key == wanted)?;
        found.run(id)
    };
    Some((of("a")?, of("b")?))
}

/// A page that says what is wrong.
pub(crate) fn problem(status: u16, said: &str) -> Page {
    let mut shown = String::new();
    for c in ordinate_core::shown(said).chars() {
        match c {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            c => shown.push(c),
        }
    }
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>ordinate</title></head><body><p>{shown}</p><p><a \
         href=\"/\">All runs</a></p></body></html>"
    );
    Page::html(status, html, RUNS_POLICY)
}
