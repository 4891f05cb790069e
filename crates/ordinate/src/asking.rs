//! Every candidate that is not recorded, asked by [`ordinate_measure::measure`]: an API, a program and a model in this
//! process alike, with one answer store, one budget and one rule of when to stop.

mod lacking;
mod plan;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ordinate_core::CandidateName;
use ordinate_data::Task;
use ordinate_measure::{
    AnswerStore, Contender, Estimate, Key, MeasureError, Measured, Plan, Row, Saved, StorePlace, Summary,
};
use ordinate_models::Encoders;

use crate::answers;
use crate::cache;
use crate::error::Error;
use crate::kept;
use crate::kinds::{CandidateKind, Opened, Opening, Place, Want, Whom, may_have_the_data, teaching};
use crate::materials::Materials;
use crate::observe::{self, Doing, Seen, Step, step};
use crate::options::Options;
use crate::unfinished::unfinished;
use crate::work::aside;
pub(crate) use lacking::Lacks;

/// The file with the answers, in the run folder.
pub(crate) const STORE: &str = StorePlace::FILE;

/// A candidate that is asked.
pub(crate) struct Asked {
    /// Its column in the evidence.
    pub(crate) column: usize,
    pub(crate) kind: Arc<dyn CandidateKind>,
    pub(crate) opened: Opened,
}

/// What came of the asking.
#[derive(Default)]
pub(crate) struct Answered {
    /// Of each candidate that was asked, how that went, and its rows.
    pub(crate) answers: Vec<(Summary, Vec<Row>)>,
    /// How the asking for what a candidate needed went.
    pub(crate) before: Vec<Summary>,
    /// What is to be noted of answers and models that were kept.
    pub(crate) notes: Vec<String>,
}

/// Sets every candidate of the task up that is not recorded, or those of them that are elsewhere alone. Reads files, so
/// it may take a while.
pub(crate) fn open_all(
    task: &Task,
    materials: &Materials,
    options: &Options,
    seen: &Seen,
    elsewhere_alone: bool,
) -> Result<Vec<Asked>, Error> {
    if materials.asked.is_empty() {
        let problem = "[data] target: no item has a target, so there is nothing to ask about that could be scored; name the \
                       field with the right answers";
        return Err(Error::task(task, problem));
    }
    let (encoders, cache) = (Arc::new(Encoders::keeping()), cache::folder(options)?);
    let mut all = Vec::new();
    for (column, entry) in task.file.candidate.iter().enumerate() {
        let place = Place { task, entry, methods: &options.methods };
        let kind = options.kinds.of(place)?;
        if kind.is_recorded() || (elsewhere_alone && !kind.is_elsewhere()) {
            continue;
        }
        kind.check_items(place, &materials.items)?;
        may_have_the_data(kind.as_ref(), place)?;
        let cancel = &options.cancel;
        let asks = !elsewhere_alone && !options.rescore;
        let opening = Opening {
            place,
            materials,
            encoders: &encoders,
            cache: &cache,
            seen,
            cancel,
            asks,
            in_pieces: false,
        };
        let mut opened = kind.open(&opening)?;
        opened.contender.eligible = crate::eligible::eligible(entry, opened.here.is_some(), &task.file.needs);
        all.push(Asked { column, kind, opened });
    }
    order_of(task, &all)?;
    Ok(all)
}

/// The places of candidates in an order in which each comes after those whose answers it needs.
fn order_of(task: &Task, all: &[Asked]) -> Result<Vec<usize>, Error> {
    let name = |asked: &Asked| &task.file.candidate[asked.column].name;
    let mut order: Vec<usize> = Vec::new();
    while order.len() < all.len() {
        let is_recorded = |wanted: &CandidateName| {
            task.file.candidate.iter().any(|one| one.name == *wanted && one.recorded.is_some())
        };
        let is_done =
            |wanted: &CandidateName| is_recorded(wanted) || order.iter().any(|&at| name(&all[at]) == wanted);
        let ready = |at: &usize| {
            let needed = all[*at].kind.after(&task.file.candidate[all[*at].column]);
            !order.contains(at) && needed.iter().all(is_done)
        };
        match (0..all.len()).find(ready) {
            Some(at) => order.push(at),
            None => {
                let left = (0..all.len()).find(|at| !order.contains(at)).unwrap_or(0);
                let entry = &task.file.candidate[all[left].column];
                let needed: Vec<String> =
                    all[left].kind.after(entry).iter().map(ToString::to_string).collect();
                return Err(Error::candidate(
                    task,
                    &entry.name,
                    format!(
                        "it needs the answers of {}, which is not asked, or needs those of {} itself; name another",
                        needed.join(" and "),
                        entry.name
                    ),
                ));
            }
        }
    }
    Ok(order)
}

/// How the candidates of a task are asked.
pub(crate) struct Session<'a> {
    pub(crate) task: &'a Task,
    pub(crate) materials: &'a Materials,
    /// Where answers are kept.
    pub(crate) store: StorePlace,
    pub(crate) options: &'a Options,
    pub(crate) seen: &'a Seen,
}

impl Session<'_> {
    /// Asks these candidates, by their places in `asked`, about the items in these rows that the store holds no answer to, and
    /// before that what they need. `spent` are USD that was spent on such needs before, and is now.
    pub(crate) async fn ask(
        &self,
        asked: &mut [Asked],
        which: &[usize],
        rows: &Arc<[u32]>,
        spent: &mut f64,
    ) -> Result<Answered, Error> {
        if which.is_empty() {
            return Ok(Answered::default());
        }
        let mut before = Vec::new();
        for at in order_of(self.task, asked)?.into_iter().filter(|at| which.contains(at)) {
            for want in std::mem::take(&mut asked[at].opened.wants) {
                let (summary, paid) = self.get(want, asked).await?;
                *spent += paid;
                before.extend(summary);
            }
        }
        let mut notes: Vec<String> = self.set_damaged_store_aside(asked).await?.into_iter().collect();
        let some: Vec<&Asked> = which.iter().map(|&at| &asked[at]).collect();
        let (doing, kept) = self.take_kept(&some).await?;
        notes.extend(kept);
        if some.iter().any(|one| one.opened.here.is_none()) {
            step(self.seen.as_ref(), Step::Asking);
        }
        let contenders = some.iter().map(|one| one.opened.contender.clone()).collect();
        let mut plan = self.plan(contenders, rows)?;
        plan.max_spend = plan.max_spend.map(|most| (most - *spent).max(0.0));
        plan.early = self.early();
        let measured = self.carry_out(plan, doing).await?;
        let mut answers = Vec::new();
        for (which, summary) in measured.summaries.iter().enumerate() {
            let mut own = Vec::new();
            measured.rows(which, |row| own.push(row)).await?;
            answers.push((summary.clone(), own));
        }
        measured.close().await.map_err(Error::broken)?;
        self.keep(&some, &answers)?;
        Ok(Answered { answers, before, notes })
    }

    /// What asking will probably cost: of what candidates need first, and of the candidates. Nothing is asked, and a store
    /// that is not there is not made by looking.
    pub(crate) async fn estimate(&self, asked: &[Asked]) -> Result<Vec<Estimate>, Error> {
        let mut estimates = Vec::new();
        for one in asked {
            for want in &one.opened.wants {
                if let Whom::Own(contender) = &want.whom {
                    let plan = self.plan(vec![contender.as_ref().clone()], &want.rows)?;
                    estimates.extend(self.estimate_plan(plan).await?);
                }
            }
        }
        let elsewhere = |one: &&Asked| one.opened.here.is_none();
        let contenders: Vec<Contender> =
            asked.iter().filter(elsewhere).map(|one| one.opened.contender.clone()).collect();
        // Whoever teaches answers train items as well.
        let (teachers, others): (Vec<_>, Vec<_>) =
            contenders.into_iter().partition(|one| teaching::is_teacher(self.task, &one.name));
        let mut taught = self.materials.asked.to_vec();
        taught.extend(teaching::taught_rows(&self.materials.items));
        taught.sort_unstable();
        taught.dedup();
        for (contenders, rows) in [(others, Arc::clone(&self.materials.asked)), (teachers, taught.into())] {
            if !contenders.is_empty() {
                let plan = self.plan(contenders, &rows)?;
                estimates.extend(self.estimate_plan(plan).await?);
            }
        }
        Ok(estimates)
    }

    async fn estimate_plan(&self, mut plan: Plan) -> Result<Vec<Estimate>, Error> {
        let folder =
            tempfile::tempdir().map_err(|error| Error::Broken(format!("no temporary folder: {error}")))?;
        if !AnswerStore::is_made(&plan.store).await.map_err(MeasureError::Store)? {
            plan.store = StorePlace::of(None, folder.path());
        }
        Ok(ordinate_measure::estimate(&plan).await?)
    }

    /// Gets what a candidate needs: how the asking went, where it is not another candidate's, and USD spent.
    async fn get(&self, want: Want, asked: &[Asked]) -> Result<(Option<Summary>, f64), Error> {
        let Want { whom, rows, take } = want;
        let (contender, is_own) = match whom {
            Whom::Own(contender) => (*contender, true),
            Whom::Candidate(name) => {
                let found = asked.iter().find(|one| one.opened.contender.name == name);
                let found = found.ok_or_else(|| Error::task(self.task, format!("{name} is not asked")))?;
                (found.opened.contender.clone(), false)
            }
        };
        if is_own {
            step(self.seen.as_ref(), Step::Embeddings(rows.len()));
        }
        let measured = self.carry_out(self.plan(vec![contender], &rows)?, HashMap::new()).await?;
        let mut answers = Vec::with_capacity(rows.len());
        measured.rows(0, |row| answers.push(row)).await?;
        let (summary, spent) = (measured.summaries.first().cloned(), measured.spent_usd);
        measured.close().await.map_err(Error::broken)?;
        aside(&self.options.cancel, move || take(answers)).await?;
        Ok((summary.filter(|_| is_own), spent))
    }

    pub(crate) async fn carry_out(
        &self,
        mut plan: Plan,
        doing: HashMap<CandidateName, Doing>,
    ) -> Result<Measured, Error> {
        plan.retry_errors = self.options.retry_errors;
        plan.asks_nobody = self.options.rescore;
        let told = observe::Asked { seen: self.seen.as_ref(), max_spend: plan.max_spend, doing };
        let cancel = self.options.cancel.clone();
        let measured = ordinate_measure::measure(plan, &told, cancel).await.map_err(|error| match error {
            MeasureError::Candidate { .. } if self.options.cancel.is_cancelled() => Error::Stopped,
            MeasureError::Candidate { candidate, error } => Error::candidate(self.task, &candidate, error),
            other => other.into(),
        })?;
        match unfinished(&measured.summaries, &self.store, measured.spent_usd) {
            Some(message) => {
                let summaries = measured.summaries.clone();
                measured.close().await.map_err(Error::broken)?;
                Err(Error::Unfinished { message, summaries })
            }
            None => Ok(measured),
        }
    }

    /// Sets a store aside that is damaged, where all its answers are of models in this process, which can be had again; a note.
    async fn set_damaged_store_aside(&self, asked: &[Asked]) -> Result<Option<String>, Error> {
        let can_be_had = asked.iter().all(|one| one.opened.here.is_some() && one.opened.wants.is_empty());
        let StorePlace::File(path) = &self.store else { return Ok(None) };
        if !can_be_had || !path.is_file() {
            return Ok(None);
        }
        let found = match AnswerStore::open(&self.store).await {
            Ok(store) => {
                let found = store.find(&[Key::of("", "")]).await.map(drop);
                store.close().await;
                found
            }
            Err(error) => Err(error),
        };
        let note = found.is_err_and(|error| error.is_damaged()).then(|| cache::again(path));
        if let Some(note) = &note {
            step(self.seen.as_ref(), Step::Note(note));
        }
        Ok(note)
    }

    /// Puts the answers of models in this process that were kept in the cache into the store, and says what is to be told of
    /// each when its turn comes, and what was set aside because it was damaged.
    async fn take_kept(
        &self,
        asked: &[&Asked],
    ) -> Result<(HashMap<CandidateName, Doing>, Vec<String>), Error> {
        let (mut all, mut notes) = (HashMap::new(), Vec::new());
        if asked.iter().all(|one| one.opened.here.is_none()) {
            return Ok((all, notes));
        }
        let store = AnswerStore::open(&self.store).await.map_err(MeasureError::Store)?;
        let cache = cache::folder(self.options)?;
        for one in asked {
            let Some(here) = &one.opened.here else { continue };
            let name = &one.opened.contender.name;
            let keys = self.keys(&one.opened.contender, &self.materials.asked)?;
            let pieces = self.pieces(one, &keys)?;
            let (here_too, reader, all_keys, cache) =
                (Arc::clone(here), name.to_string(), keys.clone(), cache.clone());
            let look = move || {
                let damaged = cache::check(here_too.as_ref());
                let mut kept: HashMap<Key, Saved> =
                    kept::read(&here_too.kept_as(kept::ENDING), &reader).into_iter().collect();
                if all_keys.iter().any(|key| !kept.contains_key(key)) {
                    kept.extend(answers::take(&cache, &pieces, &reader));
                }
                Ok((damaged, kept))
            };
            let (damaged, mut kept) = aside(&self.options.cancel, look).await?;
            for note in &damaged {
                step(self.seen.as_ref(), Step::Note(note));
            }
            notes.extend(damaged);
            let mut open = 0;
            for keys in keys.chunks(LOOKED_UP) {
                let there = store.find(keys).await.map_err(MeasureError::Store)?;
                // Items that are alike have one answer.
                let mut seen = HashSet::new();
                let lacking =
                    keys.iter().zip(there).filter(|(key, saved)| saved.is_none() && seen.insert(*key));
                let lacking = lacking.map(|(key, _)| *key);
                let (new, lacking): (Vec<_>, Vec<_>) =
                    lacking.map(|key| (key, kept.remove(&key))).partition(|(_, saved)| saved.is_some());
                open += lacking.len();
                let new: Vec<_> = new.into_iter().filter_map(|(key, saved)| Some((key, saved?))).collect();
                store.put(&new).await.map_err(MeasureError::Store)?;
            }
            let doing = if open == 0 { Doing::Kept } else { here.doing(self.materials.asked.len()) };
            all.insert(name.clone(), doing);
        }
        store.close().await;
        Ok((all, notes))
    }

    /// Keeps the answers of models in this process that are whole.
    fn keep(&self, asked: &[&Asked], answers: &[(Summary, Vec<Row>)]) -> Result<(), Error> {
        for (one, (summary, rows)) in asked.iter().zip(answers) {
            let Some(here) = &one.opened.here else { continue };
            let path = here.kept_as(kept::ENDING);
            if !path.is_file() && summary.done == summary.items && rows.len() == self.materials.asked.len() {
                let keys = self.keys(&one.opened.contender, &self.materials.asked)?;
                kept::write(&path, self.materials, rows, &keys)?;
            }
        }
        Ok(())
    }

    /// The names of the pieces of a candidate that others may have answered.
    fn pieces(&self, one: &Asked, keys: &[Key]) -> Result<Vec<String>, Error> {
        let entry = &self.task.file.candidate[one.column];
        let how = one.kind.pieces(Place { task: self.task, entry, methods: &self.options.methods })?;
        let Some(how) = how else { return Ok(Vec::new()) };
        let pieces = answers::pieces_of(&one.opened.contender, how, &self.materials.asked, keys);
        Ok(pieces.into_iter().map(|(name, _)| name).collect())
    }

    /// What the answers of a candidate to the items in these rows are kept under.
    pub(crate) fn keys(&self, contender: &Contender, rows: &[u32]) -> Result<Vec<Key>, Error> {
        keys(self.task, self.materials, contender, rows)
    }
}

/// The same of any candidate of a task.
pub(crate) fn keys(
    task: &Task,
    materials: &Materials,
    contender: &Contender,
    rows: &[u32],
) -> Result<Vec<Key>, Error> {
    let identity = contender.answerer.identity();
    let key = |&row: &u32| {
        let item = materials.items.item(row as usize);
        let request = contender.answerer.request(row as usize, &item);
        let request = request.map_err(|error| Error::candidate(task, &contender.name, error))?;
        Ok(Key::of(&identity, &request))
    };
    rows.iter().map(key).collect()
}

/// Answers that are looked up together.
const LOOKED_UP: usize = 256;
