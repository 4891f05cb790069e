//! The answers of every candidate, recorded or asked, as one evidence.

use std::path::Path;
use std::sync::Arc;

use ordinate_core::verdict::{Deployment, Measured};
use ordinate_core::{Answer, Score};
use ordinate_data::{Loaded, Task, Unasked, can_compare, load_features, load_items, load_unasked};
use ordinate_measure::{Ended, Row};

use crate::asking::{Answered, Asked, STORE, Session, open_all};
use crate::error::Error;
use crate::folder::Folder;
use crate::hosting::{Hosted, hosted, latencies};
use crate::kinds::Place;
use crate::materials::Materials;
use crate::metric;
use crate::observe::{Seen, Step, step};
use crate::options::Options;
use crate::reopen::Shared;
use crate::summary::{note, record};
use crate::work::aside;

/// The answers of every candidate, and the folder that the run is written to.
pub(crate) struct Gathered {
    pub(crate) loaded: Loaded,
    pub(crate) measured: Vec<Measured>,
    pub(crate) deployment: Vec<Deployment>,
    pub(crate) folder: Folder,
    /// The candidates that were asked.
    pub(crate) asked: Vec<Asked>,
    /// What all were told, where anybody was asked.
    pub(crate) told: Shared,
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
        let mut items = load_items(task)?;
        if looked.reads_fields {
            items = items.with_features(load_features(task)?);
        }
        let metric = metric::of(task, &items)?;
        let materials = Materials::new(task, Arc::new(items), metric, looked.spares_train)?;
        let metric = &materials.metric;
        let rows = looked.spares_train.then_some(&*materials.evidence);
        let unasked =
            load_unasked(task, &materials.items, rows, &|output, target| metric.score(output, target))?;
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
    crate::run::check_resume(options, path, looked.asks)?;
    if !looked.asks {
        let reading = task.clone();
        let loaded = aside(&options.cancel, move || metric::load_evidence(&reading)).await?;
        let folder = Folder::create(path, &task.path)?;
        return Ok(Gathered {
            loaded,
            measured: Vec::new(),
            deployment: Vec::new(),
            folder,
            asked: Vec::new(),
            told: Shared::default(),
        });
    }
    // What can be refused is refused before anything is paid for, in money or in hours of training.
    can_compare(task)?;
    if path.exists() {
        Folder::allowed(path, &task.path)?;
    }
    tokio::select! {
        biased;
        () = options.cancel.cancelled() => return Err(Error::Stopped),
        fetched = crate::hub::fetch_absent(task, seen) => fetched?,
    }
    let (reading, how, told) = (task.clone(), options.clone(), Seen::clone(seen));
    let ready = aside(&options.cancel, move || {
        // What was fetched meanwhile may read fields.
        let looked = look(&reading, &how)?;
        Ready::read(&reading, looked, &how, &told, false)
    });
    let Ready { materials, mut unasked, mut asked } = ready.await?;
    let folder = Folder::create(path, &task.path)?;
    let session = Session { task, materials: &materials, store: path.join(STORE), options, seen };
    let answered = session.ask(&mut asked).await?;
    let Answered { rows, summaries, before, mut notes } = answered;
    let mut deployment = Vec::new();
    for one in &asked {
        let Some(here) = &one.opened.here else { continue };
        let name = &one.opened.contender.name;
        notes.extend(here.notes());
        let Some(known) = hosted(here, name, options, seen, &mut notes).await? else { continue };
        unasked.describe(one.column, |candidate| known.describe(candidate));
        match known {
            Hosted { measured: Ok(measured), .. } => deployment.push(measured),
            Hosted { measured: Err(why), .. } => {
                let text = format!("What hosting {name} takes was not measured: {why}.");
                step(seen.as_ref(), Step::Note(&text));
                notes.push(text);
            }
        }
    }
    for (one, rows) in asked.iter().zip(&rows) {
        put(task, &materials, &mut unasked, one, rows)?;
    }
    let mut loaded = unasked.finish(task)?;
    loaded.evidence = metric::mergeable(loaded.evidence, &materials.metric);
    notes.extend(latencies(&mut loaded.evidence, &deployment));
    // Models in this process are asked as others are, but nobody wonders how that went, unless it was cut short.
    let told = |(one, summary): &(&Asked, &ordinate_measure::Summary)| {
        one.opened.here.is_none() || matches!(summary.ended, Ended::Beaten { .. })
    };
    let told: Vec<_> = asked.iter().zip(&summaries).filter(told).map(|(_, summary)| summary).collect();
    loaded.notes.extend(told.iter().map(|summary| note(summary)));
    loaded.notes.extend(damaged);
    loaded.notes.extend(notes);
    loaded.notes.extend(crate::script::note(task, &materials.items));
    let measured = before.iter().chain(told).map(record).collect();
    let examples = materials.examples.drawn_from().into_iter().cloned().collect();
    let told = Shared { labels: materials.labels, examples };
    Ok(Gathered { loaded, measured, deployment, folder, asked, told })
}

/// Puts the answers of a candidate into their cells.
fn put(
    task: &Task,
    materials: &Materials,
    unasked: &mut Unasked,
    one: &Asked,
    rows: &[Row],
) -> Result<(), Error> {
    let here = one.opened.here.as_ref();
    let per_item = task.file.candidate[one.column].price.and_then(|price| price.per_item);
    for row in rows {
        let Ok(cell) = materials.evidence.binary_search(&u32::try_from(row.item).unwrap_or(u32::MAX)) else {
            continue;
        };
        let error = row.error.as_ref().map(|(kind, message)| format!("{kind}: {message}"));
        let target = materials.items.target(row.item).unwrap_or_default();
        let score = row.output.as_deref().map(|output| materials.metric.score(output, target));
        let used_up = here.map(|here| here.used_up(row.item).unwrap_or_default());
        // A model in this process costs what the task file says, and what it stands on.
        let cost_usd = match used_up {
            None => row.cost_usd,
            Some(used_up) => used_up.cost_usd.or(Some(per_item.unwrap_or(0.0))),
        };
        let answer = Answer {
            score: score.filter(|_| error.is_none()).map(|score| Score::new(score).unwrap_or(Score::ZERO)),
            output: row.output.as_deref().or(row.text.as_deref()),
            confidence: row.confidence,
            cost_usd,
            latency_ms: row.latency_ms,
            input_tokens: row.input_tokens.or(used_up.and_then(|used_up| used_up.input_tokens)),
            output_tokens: row.output_tokens,
            error: error.as_deref(),
        };
        unasked.put(task, one.column, cell, &answer)?;
    }
    Ok(())
}
