//! Answers of models in this process, made piece by piece and maybe on many machines: what a piece hangs on (the candidate, and what it is
//! asked about some items) is its name in the cache, so that none is made twice, and a run that finds them there asks nobody.
//!
//! How a candidate can be parted so says [`crate::CandidateKind::pieces`].

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ordinate_core::CandidateName;
use ordinate_data::Task;
use ordinate_measure::{Contender, Key, Request, Saved, ask_once};
use ordinate_models::{Encoders, Manifest};

use crate::asking::keys;
use crate::cache::{self, digest};
use crate::error::{Error, Fault};
use crate::gather::look;
use crate::kept;
use crate::kinds::{Opened, Opening, Pieces, Place};
use crate::materials::Materials;
use crate::observe::Seen;
use crate::options::Options;
use crate::sealed::{self, Found};

/// Raised when what is kept of an answer comes to be another.
const VERSION: &str = "answers 2";

/// Some items that a candidate is to answer; or none, for the model of all train items that it is to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerPiece {
    /// What it hangs on.
    pub key: String,
    /// The rows of the items, among all of the task: [`AnswerMaker::make`] answers them. Where there are none,
    /// [`AnswerMaker::put_away`] keeps the model.
    pub rows: Vec<u32>,
    /// Whether that is kept already.
    pub is_kept: bool,
}

/// The pieces of these candidates, in their order; `None` of who cannot be parted. What a run before kept whole is no piece any more.
///
/// # Errors
/// [`Error`] where the task, its items or a model cannot be read.
pub fn answer_pieces(
    task: &Task,
    names: &[CandidateName],
    options: &Options,
) -> Result<Vec<Option<Vec<AnswerPiece>>>, Error> {
    let entry = |name: &CandidateName| task.file.candidate.iter().find(|entry| entry.name == *name);
    let how = |name: &CandidateName| {
        let Some(entry) = entry(name) else { return Ok(None) };
        let place = Place { task, entry, methods: &options.methods };
        options.kinds.of(place)?.pieces(place)
    };
    let all: Vec<Option<Pieces>> = names.iter().map(how).collect::<Result<_, Error>>()?;
    if all.iter().all(Option::is_none) {
        return Ok(vec![None; names.len()]);
    }
    let desk = Desk::read(task, options)?;
    let of = |(name, how): (&CandidateName, Option<Pieces>)| -> Result<_, Error> {
        let Some(how) = how else { return Ok(None) };
        let opened = desk.open(name, options)?;
        let Some(here) = opened.here.as_ref().filter(|_| opened.wants.is_empty()) else { return Ok(None) };
        let rows = &desk.materials.asked;
        let keys = keys(&desk.task, &desk.materials, &opened.contender, rows)?;
        let kept: HashSet<Key> =
            kept::read(&here.kept_as(kept::ENDING), name.as_str()).into_iter().map(|(key, _)| key).collect();
        let mut pieces = Vec::new();
        if let Some(model) = here.model().filter(|_| how == Pieces::Folds) {
            let is_kept = Manifest::read_whole(&model).is_ok();
            let key = model.file_name().unwrap_or_default().to_string_lossy().into_owned();
            pieces.push(AnswerPiece { key, rows: Vec::new(), is_kept });
        }
        if !keys.iter().all(|key| kept.contains(key)) {
            let piece = |(key, places): (String, Vec<usize>)| AnswerPiece {
                is_kept: !read(&desk.cache, &key, name.as_str()).is_empty(),
                rows: places.into_iter().map(|at| rows[at]).collect(),
                key,
            };
            pieces.extend(pieces_of(&opened.contender, how, rows, &keys).into_iter().map(piece));
        }
        Ok(Some(pieces))
    };
    names.iter().zip(all).map(of).collect()
}

/// Keeps what [`AnswerMaker::make`] gave under the key of its piece.
///
/// # Errors
/// [`Error`] where it is no such thing, or cannot be written.
pub fn keep_answers(key: &str, content: &[u8], options: &Options) -> Result<(), Error> {
    if kept::read_lines(content, "").is_empty() {
        return Err(Error::Broken(format!("the answers of piece {key} are damaged")));
    }
    let path = file(&cache::folder(options)?, key);
    cache::make(path.parent().unwrap_or(Path::new(".")))?;
    sealed::write(&path, content)
        .map_err(|error| Error::file(&path, Fault::Run, format!("cannot be written: {error}")))
}

/// What is kept of the pieces of these names.
pub(crate) fn take(cache: &Path, pieces: &[String], candidate: &str) -> Vec<(Key, Saved)> {
    pieces.iter().flat_map(|key| read(cache, key, candidate)).collect()
}

/// Answers pieces: what one process needs for it, which holds one candidate open, that which it was asked for last.
#[derive(Default)]
pub struct AnswerMaker(Mutex<Option<(String, Arc<Open>)>>);

/// A candidate that answers.
struct Open {
    desk: Desk,
    opened: Opened,
}

impl AnswerMaker {
    /// Whether the candidate is open that was opened under this name.
    #[must_use]
    pub fn has(&self, known_as: &str) -> bool {
        self.held(known_as).is_some()
    }

    fn held(&self, known_as: &str) -> Option<Arc<Open>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|(name, _)| name == known_as).map(|(_, open)| Arc::clone(open))
    }

    /// Sets a candidate of a task up under a name that no other has, and lets go of the one before. The data are read here and now; the
    /// model, when it is first asked.
    ///
    /// # Errors
    /// [`Error`] where the task, its items or the model cannot be read.
    pub fn open(
        &self,
        known_as: &str,
        task: &Task,
        name: &CandidateName,
        options: &Options,
    ) -> Result<(), Error> {
        let put = |open| *self.0.lock().unwrap_or_else(PoisonError::into_inner) = open;
        // Two may not fit.
        put(None);
        let desk = Desk::read(task, options)?;
        let opened = desk.open(name, options)?;
        put(Some((known_as.to_owned(), Arc::new(Open { desk, opened }))));
        Ok(())
    }

    /// The answers to the items in these rows, as [`keep_answers`] takes them.
    ///
    /// # Errors
    /// [`Error`] where the candidate is not open, or cannot answer at all, or where the answers would hang on something else than the key of
    /// the piece says, because the model or the data are other ones here.
    pub async fn make(&self, known_as: &str, piece: &str, rows: &[u32]) -> Result<Vec<u8>, Error> {
        let open = self.held(known_as).ok_or_else(|| Error::broken("the candidate is not open"))?;
        let (Desk { task, materials, .. }, contender) = (&open.desk, &open.opened.contender);
        let fail = |why: String| Error::candidate(task, &contender.name, why);
        let keys = match rows.iter().all(|&row| (row as usize) < materials.items.len()) {
            true => keys(task, materials, contender, rows)?,
            false => Vec::new(),
        };
        if name_of(&keys) != piece {
            return Err(fail(
                "the files of its model, or the data, are other ones on this machine than where the run was begun; put the same there"
                    .to_owned(),
            ));
        }
        let request = |&row: &u32| {
            let (row, item) = (row as usize, materials.items.item(row as usize));
            let body = contender.answerer.request(row, &item).map_err(|error| fail(error.to_string()))?;
            Ok((Request { item: row, body }, item.id))
        };
        let requests = rows.iter().map(request).collect::<Result<Vec<_>, Error>>()?;
        let saved = ask_once(contender, &requests).await.map_err(|error| fail(error.to_string()))?;
        if saved.len() != keys.len() {
            return Err(fail(format!("it gave {} answers to {} items", saved.len(), keys.len())));
        }
        kept::lines(keys.into_iter().zip(saved))
    }

    /// Sees to it that the model of all train items lies in the cache that the candidate was opened with, and lets go of what is in memory.
    ///
    /// # Errors
    /// [`Error`] where the candidate is not open, or cannot be trained.
    pub async fn put_away(&self, known_as: &str) -> Result<(), Error> {
        let open = self.held(known_as).ok_or_else(|| Error::broken("the candidate is not open"))?;
        let (task, contender) = (&open.desk.task, &open.opened.contender);
        contender.answerer.put_away().await.map_err(|error| Error::candidate(task, &contender.name, error))
    }
}

/// A task whose items are read.
struct Desk {
    task: Task,
    materials: Materials,
    encoders: Arc<Encoders>,
    cache: PathBuf,
}

impl Desk {
    fn read(task: &Task, options: &Options) -> Result<Self, Error> {
        let mut known = task.clone();
        // A kind of whoever runs the task may not be known here, and parts no items.
        known
            .file
            .candidate
            .retain(|entry| options.kinds.of(Place { task, entry, methods: &options.methods }).is_ok());
        let materials = look(&known, options)?.materials(&known)?;
        let (encoders, cache) = (Arc::new(Encoders::keeping()), cache::folder(options)?);
        Ok(Self { task: known, materials, encoders, cache })
    }

    fn open(&self, name: &CandidateName, options: &Options) -> Result<Opened, Error> {
        let entry = self.task.file.candidate.iter().find(|entry| entry.name == *name);
        let entry = entry.ok_or_else(|| Error::task(&self.task, format!("it has no candidate {name}")))?;
        let place = Place { task: &self.task, entry, methods: &options.methods };
        let kind = options.kinds.of(place)?;
        kind.check_items(place, &self.materials.items)?;
        let seen: Seen = Arc::new(());
        kind.open(&Opening {
            place,
            materials: &self.materials,
            encoders: &self.encoders,
            cache: &self.cache,
            seen: &seen,
            cancel: &options.cancel,
            asks: true,
            in_pieces: true,
        })
    }
}

/// The pieces of a candidate that is asked about the items in these rows: of each the name, and the places of its keys among these.
pub(crate) fn pieces_of(
    contender: &Contender,
    how: Pieces,
    rows: &[u32],
    keys: &[Key],
) -> Vec<(String, Vec<usize>)> {
    cut(how, keys, |at| contender.answerer.stage(rows[at] as usize))
}

/// Cuts answers with these keys into pieces. What has the same key is answered once.
fn cut(how: Pieces, keys: &[Key], stage: impl Fn(usize) -> u32) -> Vec<(String, Vec<usize>)> {
    let mut seen = HashSet::new();
    let distinct = (0..keys.len()).filter(|&at| seen.insert(keys[at]));
    let pieces: Vec<Vec<usize>> = match how {
        Pieces::Items(size) => {
            distinct.collect::<Vec<_>>().chunks(size.max(1)).map(<[usize]>::to_vec).collect()
        }
        Pieces::Folds => {
            let mut by_model = BTreeMap::<u32, Vec<usize>>::new();
            for at in distinct {
                by_model.entry(stage(at)).or_default().push(at);
            }
            by_model.into_values().collect()
        }
    };
    let named = |places: Vec<usize>| {
        let of: Vec<Key> = places.iter().map(|&at| keys[at]).collect();
        (name_of(&of), places)
    };
    pieces.into_iter().map(named).collect()
}

fn name_of(keys: &[Key]) -> String {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    digest(std::iter::once(VERSION).chain(keys.iter().map(String::as_str)))
}

/// What is kept of a piece; nothing where it is damaged: it is answered again.
fn read(cache: &Path, key: &str, candidate: &str) -> Vec<(Key, Saved)> {
    match sealed::read(&file(cache, key)) {
        Found::Whole(content) => kept::read_lines(&content, candidate),
        Found::Absent | Found::Damaged => Vec::new(),
    }
}

fn folder(cache: &Path) -> PathBuf {
    cache.join("answers")
}

fn file(cache: &Path, key: &str) -> PathBuf {
    folder(cache).join(key)
}

#[cfg(test)]
mod tests {
    use ordinate_remote::{FailureKind, TokenLogprob};

    use super::*;

    fn saved(text: &str) -> Saved {
        Saved {
            candidate: "one".to_owned(),
            item: format!("item of {text}"),
            text: Some(text.to_owned()),
            confidence: Some(0.1 + 0.2),
            input_tokens: Some(7),
            output_tokens: Some(2),
            latency_ms: Some(1.0 / 3.0),
            first_token_ms: Some(0.25),
            tries: 1,
            cut_short: true,
            logprobs: vec![TokenLogprob { token: "a\n\u{0}".to_owned(), logprob: -0.1 }],
            ..Saved::default()
        }
    }

    #[test]
    fn what_is_kept_is_what_would_be_in_the_store() {
        let desk = tempfile::tempdir().unwrap();
        let options = Options { cache: Some(desk.path().to_owned()), ..Options::default() };
        let cache = cache::folder(&options).unwrap();
        let keys: Vec<Key> = (0..5).map(|at| Key::of("one", &format!("request {}", at % 4))).collect();
        let failed = Saved {
            candidate: "one".to_owned(),
            item: "0".to_owned(),
            error: Some((FailureKind::Reported, "too long".to_owned())),
            tries: 1,
            ..Saved::default()
        };
        let all =
            vec![(keys[0], failed), (keys[1], saved("a\nb")), (keys[2], saved("")), (keys[3], saved("d"))];
        let cut = |how, keys: &[Key]| cut(how, keys, |at| at as u32 % 2);
        let places = |pieces: &[(String, Vec<usize>)]| -> Vec<Vec<usize>> {
            pieces.iter().map(|(_, places)| places.clone()).collect()
        };
        // The last is asked what the first is.
        let pieces = cut(Pieces::Items(2), &keys);
        assert_eq!(places(&pieces), [[0, 1], [2, 3]]);
        assert_eq!(places(&cut(Pieces::Folds, &keys)), [[0, 2], [1, 3]]);
        let names = |pieces: Vec<(String, Vec<usize>)>| -> Vec<String> {
            pieces.into_iter().map(|(name, _)| name).collect()
        };
        let named = names(pieces);
        assert!(take(&cache, &named, "one").is_empty());
        for (key, some) in named.iter().zip(all.chunks(2)) {
            keep_answers(key, &kept::lines(some.to_vec()).unwrap(), &options).unwrap();
        }
        assert_eq!(take(&cache, &named, "one"), all);
        // Other items, in another order or another number: nothing.
        assert!(take(&cache, &names(cut(Pieces::Items(2), &keys[1..])), "one").is_empty());
        assert!(take(&cache, &names(cut(Pieces::Items(3), &keys)), "one").is_empty());
        // What is damaged is as if it were not there.
        let path = file(&cache, &named[0]);
        let content = std::fs::read(&path).unwrap();
        std::fs::write(&path, &content[..content.len() - 1]).unwrap();
        assert_eq!(take(&cache, &named, "one"), all[2..]);
        assert!(keep_answers("a", b"{}\n", &options).is_err());
    }
}
