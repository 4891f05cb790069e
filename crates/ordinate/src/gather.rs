//! The answers of every candidate, recorded or asked, as one evidence.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use ordinate_core::verdict::{Deployment, Measured};
use ordinate_data::{
    Loaded, Task, Unasked, can_compare, image_notes, load_features, load_items, load_unasked, series_notes,
};
use ordinate_judge::LearningCurve;
use ordinate_measure::{AnswerStore, Ended, MeasureError, Row, StorePlace, Summary};

use crate::asking::{Answered, Asked, Lacks, STORE, Session, open_all};
use crate::cells::{Answers, together};
use crate::error::{Error, Fault};
use crate::folder::{Claim, EVIDENCE};
use crate::grading::{self, Grading};
use crate::hosting::hosted;
use crate::kinds::{Lesson, Place};
use crate::materials::{Materials, labels_of};
use crate::metric;
use crate::observe::{Seen, Step, step};
use crate::options::Options;
use crate::reopen::Shared;
use crate::rescored;
use crate::settling::{Looks, parts};
use crate::summary::{note, record};
use crate::work::aside;

/// The answers of every candidate, and the run folder.
pub(crate) struct Gathered {
    pub(crate) loaded: Loaded,
    pub(crate) measured: Vec<Measured>,
    pub(crate) deployment: Vec<Deployment>,
    pub(crate) learning: Vec<LearningCurve>,
    pub(crate) claim: Claim,
    /// The candidates that were asked.
    pub(crate) asked: Vec<Asked>,
    /// What all were told, where anybody was asked.
    pub(crate) told: Shared,
    /// What a judge and people said of the answers, where a judge grades them.
    pub(crate) grading: Option<Grading>,
}

/// What is known of a task's candidates without reading its data.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Looked {
    /// Whether any is asked.
    pub(crate) asks: bool,
    /// Whether any that is asked is elsewhere.
    pub(crate) elsewhere: bool,
    /// Whether evidence has test items alone.
    pub(crate) spares_train: bool,
    reads_fields: bool,
}

impl Looked {
    /// Reads the items.
    pub(crate) fn materials(self, task: &Task) -> Result<Materials, Error> {
        let mut items = load_items(task)?;
        if self.reads_fields {
            items = items.with_features(load_features(task)?);
        }
        let metric = metric::of(task, &items)?;
        Materials::new(task, Arc::new(items), metric, self.spares_train)
    }
}

/// Looks at every candidate, and refuses what is wrong with any.
pub(crate) fn look(task: &Task, options: &Options) -> Result<Looked, Error> {
    let mut looked = Looked::default();
    for entry in &task.file.candidate {
        let place = Place { task, entry, methods: &options.methods };
        let kind = options.kinds.of(place)?;
        kind.check(place)?;
        looked.asks |= !kind.is_recorded();
        looked.elsewhere |= kind.is_elsewhere();
        looked.spares_train |= kind.spares_train(place)?;
        looked.reads_fields |= kind.reads_fields(place)?;
    }
    if let Some(is_elsewhere) = grading::look(task, options)? {
        // Recorded answers have no scores yet.
        looked.asks = true;
        looked.elsewhere |= is_elsewhere;
    }
    Ok(looked)
}

/// The items of a task, the recorded answers to them, and its other candidates, ready to be asked.
pub(crate) struct Ready {
    pub(crate) materials: Materials,
    pub(crate) unasked: Unasked,
    pub(crate) asked: Vec<Asked>,
}

impl Ready {
    /// Reads them: the items once.
    pub(crate) fn read(
        task: &Task,
        looked: Looked,
        options: &Options,
        seen: &Seen,
        elsewhere_alone: bool,
    ) -> Result<Self, Error> {
        can_compare(task)?;
        let materials = looked.materials(task)?;
        let metric = &materials.metric;
        let rows = looked.spares_train.then_some(&*materials.evidence);
        let unasked = load_unasked(task, &materials.items, rows, &|output, target, input| {
            metric.score(output, target, input)
        })?;
        let asked = open_all(task, &materials, options, seen, elsewhere_alone)?;
        Ok(Self { materials, unasked, asked })
    }
}

/// Asks whom has to be asked, and reads what was recorded.
pub(crate) async fn gather(
    task: &Task,
    path: &Path,
    options: &Options,
    seen: &Seen,
) -> Result<Gathered, Error> {
    let (looking, how) = (task.clone(), options.clone());
    let look_at_all = move || Ok((crate::hub::set_damaged_aside(&looking)?, look(&looking, &how)?));
    let (damaged, looked) = aside(&options.cancel, look_at_all).await?;
    for note in &damaged {
        step(seen.as_ref(), Step::Note(note));
    }
    check_resume(options, path, looked.asks).await?;
    // What can be refused is refused before anything is paid for, in money or in hours of training.
    if looked.asks {
        can_compare(task)?;
    }
    if looked.asks && !options.rescore {
        let (looking, how) = (task.clone(), options.clone());
        aside(&options.cancel, move || all_ready(&looking, &how)).await?;
    }
    let claim = Claim::take(path, &task.path).await?;
    if !looked.asks {
        let reading = task.clone();
        let loaded = aside(&options.cancel, move || metric::load_evidence(&reading)).await?;
        // Whoever was recorded may be asked by a server later, which has to say what the labels are.
        let told = Shared { labels: labels_of(task, loaded.evidence.items()), ..Shared::default() };
        return Ok(Gathered {
            loaded,
            measured: Vec::new(),
            deployment: Vec::new(),
            learning: Vec::new(),
            claim,
            asked: Vec::new(),
            told,
            grading: None,
        });
    }
    if !options.rescore {
        tokio::select! {
            biased;
            () = options.cancel.cancelled() => return Err(Error::Stopped),
            fetched = crate::hub::fetch_absent(task, seen) => fetched?,
        }
    }
    let (reading, how, told) = (task.clone(), options.clone(), Seen::clone(seen));
    let ready = aside(&options.cancel, move || {
        // What was fetched meanwhile may read fields.
        let looked = look(&reading, &how)?;
        Ready::read(&reading, looked, &how, &told, false)
    });
    let Ready { materials, mut unasked, mut asked } = ready.await?;
    grading::check_items(task, &materials)?;
    let session = Session { task, materials: &materials, store: options.store_of(path), options, seen };
    // What was paid for before the store was shared.
    AnswerStore::take_over(&session.store).await.map_err(MeasureError::Store)?;
    hold_to_answers(&session, &asked, path).await?;
    let parts = parts(&session, &asked).await?;
    // Who answers here answers about everything at once: it costs nothing, and what learns from the items learns from all.
    let here = |(_, one): &(usize, &Asked)| parts.len() == 1 || one.opened.here.is_some();
    let (now, later): (Vec<_>, Vec<_>) = asked.iter().enumerate().partition(here);
    let [now, later] = [now, later].map(|some| some.into_iter().map(|(at, _)| at).collect::<Vec<usize>>());
    let (mut spent, mut answers) = (0.0, Answers::default());
    let rows = if parts.len() == 1 { &parts[0] } else { &materials.asked };
    let Answered { answers: some, mut before, mut notes } =
        session.ask(&mut asked, &now, rows, &mut spent).await?;
    answers.extend(now.into_iter().zip(some));
    let mut known = Vec::new();
    for one in &asked {
        let Some(here) = &one.opened.here else { continue };
        let name = &one.opened.contender.name;
        notes.extend(here.notes());
        let Some(found) = hosted(here, name, options, seen, &mut notes).await? else { continue };
        if let Err(why) = &found.measured {
            let text = format!("What hosting {name} takes was not measured: {why}.");
            step(seen.as_ref(), Step::Note(&text));
            notes.push(text);
        }
        known.push((one.column, found));
    }
    let deployment: Vec<Deployment> =
        known.iter().filter_map(|(_, hosted)| hosted.measured.clone().ok()).collect();
    let mut looks = Looks::default();
    let (mut loaded, stretched) = loop {
        let part = &parts[looks.taken()];
        let asking = session.ask(&mut asked, &later, part, &mut spent).await?;
        before.extend(asking.before);
        notes.extend(asking.notes);
        answers.extend(later.iter().copied().zip(asking.answers));
        let is_last = looks.taken() + 1 == parts.len();
        let own = if is_last { std::mem::take(&mut unasked) } else { unasked.clone() };
        let cells = together(task, &materials, own, (&asked, &answers), (&known, &deployment), part)?;
        if is_last || looks.stand(&session, &cells.0.evidence, &deployment).await? {
            notes.extend(looks.note(&session, part, &answers));
            break cells;
        }
    };
    let mut grading = None;
    if grading::judge_of(task).is_some() {
        let of_asked = answers.values().filter_map(|(summary, _)| summary.cost_usd).sum::<f64>();
        let (graded, found) = grading::grade(&session, loaded, spent + of_asked).await?;
        before.extend(found.asked.clone());
        (loaded, grading) = (graded, Some(found));
    }
    let learning = learning(task, &materials, &asked, &answers, options, &mut notes).await?;
    notes.extend(stretched);
    // Models in this process are asked as others are, but nobody wonders how that went, unless it was cut short.
    let told = |(at, (summary, _)): &(&usize, &(Summary, Vec<Row>))| {
        asked[**at].opened.here.is_none() || matches!(summary.ended, Ended::Beaten { .. })
    };
    let told: Vec<_> = answers.iter().filter(told).map(|(_, (summary, _))| summary).collect();
    loaded.notes.extend(told.iter().map(|summary| note(summary)));
    loaded.notes.extend(grading.iter().filter_map(|one| one.asked.as_ref()).map(note));
    loaded.notes.extend(damaged);
    loaded.notes.extend(series_notes(task, &materials.items));
    loaded.notes.extend(image_notes(task, &materials.items));
    loaded.notes.extend(notes);
    loaded.notes.extend(crate::script::note(task, &materials.items));
    if options.rescore {
        let changes = rescored::changes(&claim.path().join(EVIDENCE), &loaded.evidence);
        changes.iter().for_each(|change| step(seen.as_ref(), Step::Note(change)));
        loaded.notes.extend(changes.iter().map(|change| format!("Read anew: {change}")));
    }
    let measured = before.iter().chain(told).map(record).collect();
    let examples = materials.examples.drawn_from().into_iter().cloned().collect();
    let told = Shared { labels: materials.labels, examples };
    Ok(Gathered { loaded, measured, deployment, learning, claim, asked, told, grading })
}

/// Trains candidates on parts of the labels, to tell what more would be worth.
async fn learning(
    task: &Task,
    materials: &Materials,
    asked: &[Asked],
    answers: &Answers,
    options: &Options,
    notes: &mut Vec<String>,
) -> Result<Vec<LearningCurve>, Error> {
    let mut curves = Vec::new();
    for (&at, (_, rows)) in answers {
        let one = &asked[at];
        let place = Place { task, entry: &task.file.candidate[one.column], methods: &options.methods };
        let Some(here) = &one.opened.here else { continue };
        if !one.kind.has_curve(place)? {
            continue;
        }
        let score = |row: &Row| {
            let output = row.output.as_deref().filter(|_| row.error.is_none());
            let (target, input) = (materials.items.target(row.item)?, materials.items.input(row.item));
            Some((row.item, output.map_or(0.0, |output| materials.metric.score(output, target, input))))
        };
        let scores: HashMap<usize, f64> = rows.iter().filter_map(score).collect();
        let (here, section, metric) =
            (Arc::clone(here), task.file.data_needs.clone(), materials.metric.clone());
        let work = move || match here.learning(&Lesson::of(&section, &metric, &scores)) {
            Ok(curve) => Ok(Ok(curve)),
            Err(Error::Stopped) => Err(Error::Stopped),
            Err(error) => Ok(Err(error.to_string())),
        };
        match aside(&options.cancel, work).await? {
            Ok(curve) => curves.extend(curve),
            // The verdict does not hang on it.
            Err(why) => {
                notes.push(format!("The learning curve of {} was not measured: {why}.", place.entry.name));
            }
        }
    }
    Ok(curves)
}

/// Whether everything is there that candidates need to be asked.
fn all_ready(task: &Task, options: &Options) -> Result<(), Error> {
    task.file.candidate.iter().try_for_each(|entry| {
        let place = Place { task, entry, methods: &options.methods };
        options.kinds.of(place)?.ready(place)
    })?;
    grading::ready(task, options)
}

/// Holds `resume` and `rescore` to what is there: a mistyped folder must not pay for everything again.
async fn check_resume(options: &Options, path: &Path, asks: bool) -> Result<(), Error> {
    let (flag, to_do) = match (options.resume, options.rescore) {
        (_, true) => ("--rescore", "to read anew"),
        (true, false) => ("--resume", "to go on with"),
        (false, false) => return Ok(()),
    };
    if !asks {
        let message = format!("{flag}: all answers are recorded, so there is nothing {to_do}; leave it out");
        return Err(Error::Options(message));
    }
    let own = StorePlace::of(None, path);
    let has_own = AnswerStore::is_made(&own).await.map_err(MeasureError::Store)?;
    let store = options.store_of(path);
    let shown = name_of(&store);
    let is_there = AnswerStore::is_made(&store).await.map_err(MeasureError::Store)?;
    let mut held = AnswerStore::peek(&store).await;
    if held.unwrap_or_default() == 0 && has_own {
        // They are taken over.
        held = AnswerStore::peek(&own).await;
    }
    let problem = match held {
        _ if !is_there && !has_own => format!("there is no {shown} {to_do}"),
        None | Some(0) => format!("{shown} holds no answers {to_do}"),
        Some(_) => return Ok(()),
    };
    Err(Error::file(path, Fault::Input, format!("{problem}; check --out, or leave {flag} out")))
}

/// A store in a message about its run folder.
fn name_of(store: &StorePlace) -> String {
    match store {
        StorePlace::File(_) => STORE.to_owned(),
        shared @ (StorePlace::Shared { .. } | StorePlace::Folder { .. }) => shared.to_string(),
    }
}

/// The same, where it is known what is asked: the answers have to be to that.
async fn hold_to_answers(session: &Session<'_>, asked: &[Asked], path: &Path) -> Result<(), Error> {
    let (options, shown) = (session.options, name_of(&session.store));
    if options.resume && !session.has_any(asked).await? {
        let count = AnswerStore::peek(&session.store).await.unwrap_or_default();
        let problem = format!(
            "{shown} holds {count} answers, and none of them is to what is asked now; check --out, or leave --resume out"
        );
        return Err(Error::file(path, Fault::Input, problem));
    }
    if options.rescore {
        // Whoever was not asked about everything has answered a part alone, and that is what is read anew.
        let measure = &session.task.file.measure;
        let stops = measure.stop_early == Some(true) || measure.stop_settled == Some(true);
        let is_short = |one: &&Lacks| one.lacking > 0 && (!stops || one.lacking == one.of);
        let lacking = session.lacking(asked, false).await?;
        if let Some(Lacks { name, lacking, of }) = lacking.iter().find(is_short) {
            let problem = format!(
                "{lacking} of {of} answers of {name} are not in {shown} for the prompt, model and items of now, and --rescore \
                 asks nobody; leave it out, and they are asked for"
            );
            return Err(Error::file(path, Fault::Input, problem));
        }
    }
    Ok(())
}
