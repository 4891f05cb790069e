//! The metric `judge`: a model or a program grades what candidates answered. It is asked as candidates are, about items of its own,
//! each of which is a question about an answer: one answer store, one budget, one way to go on after a kill. What people said of
//! some answers comes from a file; the judge's estimates are corrected by it where everything is decided.

mod family;
mod questions;

use std::collections::BTreeMap;
use std::sync::Arc;

use ordinate_combine::scored_rows;
use ordinate_core::column::Codes;
use ordinate_core::evidence::EvidenceBuilder;
use ordinate_core::task::{JudgeMode, JudgeSection, PromptSection, TaskKind};
use ordinate_core::verdict::{Judge, JudgedCandidate};
use ordinate_core::{CandidateName, Evidence, Items, Score, Status};
use ordinate_data::{Grades, Loaded, Task, Unasked, read_human_grades, read_recorded_grades};
use ordinate_judge::HumanGrades;
use ordinate_measure::{Estimate, Row, Summary};
use ordinate_remote::Examples;
use ordinate_tasks::{Kind, Kinds, Scorer};
use ordinate_trials::Trials;

use crate::asking::{Answered, Session, open_all};
use crate::error::Error;
use crate::kinds::{Place, may_have_the_data};
use crate::materials::Materials;
use crate::observe::{Step, step};
use crate::options::Options;
use crate::work::aside;
use questions::{Graded, Questions};

/// What the judge is called where candidates have names.
const NAME: &str = "judge";

/// What a judge and people said of the answers.
#[derive(Debug)]
pub(crate) struct Grading {
    human: Grades,
    about: Judge,
    /// How the asking went; `None` where the grades were recorded.
    pub(crate) asked: Option<Summary>,
}

/// Who grades the answers of a task, how, and by how many grades of people it is held; `None` where a formula does.
pub(crate) fn in_words(task: &Task) -> Result<Option<String>, Error> {
    let Some(judge) = judge_of(task) else { return Ok(None) };
    let how = match (judge.mode(), &judge.against) {
        (JudgeMode::Single, _) => "each answer by itself".to_owned(),
        (JudgeMode::Pairwise, None) => "each answer against the right one, in both orders".to_owned(),
        (JudgeMode::Pairwise, Some(name)) => format!("each answer against that of {name}, in both orders"),
    };
    let human = match read_human_grades(task)?.len() {
        0 => "no grades of people to hold it to".to_owned(),
        some => format!("held to {some} grades of people"),
    };
    Ok(Some(format!("{} ({}): {how}; {human}", family::shown(judge), judge.mode().as_str())))
}

/// Who grades the answers of a task; `None` where a formula does.
pub(crate) fn judge_of(task: &Task) -> Option<&JudgeSection> {
    let judges = task.file.task.metric.as_deref() == Some(JudgeSection::METRIC);
    task.file.judge.as_ref().filter(|_| judges)
}

/// Looks at the judge of a task, and refuses what is wrong with it; whether it is elsewhere, and `None` where there is none.
pub(crate) fn look(task: &Task, options: &Options) -> Result<Option<bool>, Error> {
    let Some(judge) = judge_of(task).filter(|judge| judge.recorded.is_none()) else {
        return Ok(judge_of(task).map(|_| false));
    };
    with_place(task, judge, options, |place| {
        let kind = options.kinds.of(place)?;
        kind.check(place)?;
        let is_there = crate::hub::absent(place.task, place.entry)?.is_none();
        if let Some(local) = judge.local.as_ref().filter(|_| is_there && kind.name() != "decoder") {
            let problem =
                "a judge says what an answer is worth, and {} does not write; name a model that does";
            return Err(place.fail(format!("local: {}", problem.replace("{}", &local.model))));
        }
        may_have_the_data(kind.as_ref(), place)?;
        Ok(Some(kind.is_elsewhere()))
    })
}

/// Whether everything is there that the judge needs to be asked, and what people and others graded can be read.
pub(crate) fn ready(task: &Task, options: &Options) -> Result<(), Error> {
    read_human_grades(task)?;
    read_recorded_grades(task)?;
    match judge_of(task).filter(|judge| judge.recorded.is_none()) {
        Some(judge) => with_place(task, judge, options, |place| options.kinds.of(place)?.ready(place)),
        None => Ok(()),
    }
}

fn with_place<T>(
    task: &Task,
    judge: &JudgeSection,
    options: &Options,
    of: impl FnOnce(Place<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let own = task_of(task, judge)?;
    let place = Place { task: &own, entry: &own.file.candidate[0], methods: &options.methods };
    of(place).map_err(|error| of_judge(task, error))
}

/// An error of the judge, who is no candidate.
fn of_judge(task: &Task, error: Error) -> Error {
    match error {
        Error::Candidate { problem, .. } => Error::task(task, format!("[judge] {problem}")),
        other => other,
    }
}

/// What is asked of the judge, as a task with one candidate.
fn task_of(task: &Task, judge: &JudgeSection) -> Result<Task, Error> {
    let mut own = task.clone();
    let system = match judge.mode() {
        JudgeMode::Single => questions::SINGLE,
        JudgeMode::Pairwise => questions::PAIR,
    };
    let kind = if labels(judge).is_some() { "classify" } else { "regress" };
    own.kind = kind_of(kind)?;
    own.file.task.kind = TaskKind::new(kind);
    (own.file.task.metric, own.file.judge) = (None, None);
    own.file.candidate = vec![judge.entry(name()?)];
    own.file.prompt = PromptSection {
        system: Some(system.to_owned()),
        template: Some("{{ input }}".to_owned()),
        ..PromptSection::default()
    };
    Ok(own)
}

/// What it may say, where that is one of few words; `None` of a number.
fn labels(judge: &JudgeSection) -> Option<Vec<String>> {
    match judge.mode() {
        JudgeMode::Pairwise => Some(questions::LABELS.map(str::to_owned).to_vec()),
        // A small model seldom writes nothing but a number, and always knows which one it would write.
        JudgeMode::Single => judge.steps().filter(|_| judge.local.is_some()),
    }
}

fn kind_of(name: &str) -> Result<&'static dyn Kind, Error> {
    Kinds::builtin().get(name).ok_or_else(|| Error::broken(format!("there is no kind of task {name}")))
}

fn name() -> Result<CandidateName, Error> {
    CandidateName::new(NAME).map_err(Error::broken)
}

/// The questions as items of the judge's task.
fn materials(own: &Task, judge: &JudgeSection, questions: &Questions) -> Result<Materials, Error> {
    let mut builder = EvidenceBuilder::default();
    for one in &questions.all {
        // Ids of items and names of candidates may hold anything.
        let taken = |id: &str| builder.items().find(id).is_some();
        let mut id = one.id.clone();
        while taken(&id) {
            id.push('\'');
        }
        builder.add_item(&id, one.fields()).map_err(Error::broken)?;
    }
    let items = builder.into_items();
    let rows: Arc<[u32]> = (0..Codes::NONE).take(items.len()).collect();
    Ok(Materials {
        items: Arc::new(items),
        evidence: Arc::clone(&rows),
        asked: rows,
        labels: labels(judge).unwrap_or_default(),
        examples: Arc::new(Examples::none()),
        metric: Scorer::of(own.kind, None).map_err(Error::broken)?,
    })
}

/// Grades the answers in this evidence: their scores are the judge's. `spent` are USD that the candidates cost.
pub(crate) async fn grade(
    session: &Session<'_>,
    loaded: Loaded,
    spent: f64,
) -> Result<(Loaded, Grading), Error> {
    let task = session.task;
    let judge = judge_of(task).ok_or_else(|| Error::broken("there is no judge"))?;
    let reading = task.clone();
    let read = move || Ok((read_human_grades(&reading)?, read_recorded_grades(&reading)?));
    let (human, recorded) = aside(&session.options.cancel, read).await?;
    let Loaded { evidence, mut notes } = loaded;
    lacks_output(task, &evidence)?;
    let (graded, asked) = match recorded {
        Some(recorded) => (questions::recorded(&evidence, &recorded), None),
        None => {
            let questions = Questions::of(judge, &evidence, &|column, row| said(&evidence, column, row));
            let (rows, summary) = ask(session, judge, &questions, spent).await?;
            (questions.graded(judge, &rows), summary)
        }
    };
    if graded.scores.iter().flatten().all(Option::is_none) {
        let problem = "[judge]: none of the answers could be graded, so that there is nothing to compare; look at what the judge says \
                       (ordinate check shows its prompt), or correct the grades";
        return Err(Error::task(task, problem));
    }
    if graded.missing > 0 {
        notes.push(format!(
            "{} answers have no grade of the judge's that could be read, and are left out.",
            graded.missing
        ));
    }
    notes.extend(strays(task, evidence.items(), &|_| true, &human)?);
    let own = family::own(task, judge);
    let candidate = |name: &CandidateName| JudgedCandidate {
        name: name.clone(),
        own_family: own.contains(name),
        graded: 0,
        labelled: 0,
        judge: None,
        human: None,
        bias: None,
        lambda: None,
        slices: BTreeMap::new(),
    };
    let about = Judge {
        name: family::shown(judge),
        mode: judge.mode().as_str().to_owned(),
        against: judge.against.clone(),
        not_graded: graded.missing,
        orders_disagree: graded.orders_disagree(),
        human_is_random: judge.human_is_random == Some(true),
        candidates: evidence.candidates().iter().map(|one| candidate(&one.name)).collect(),
        ..Judge::default()
    };
    let Graded { scores, .. } = graded;
    let evidence =
        evidence.regraded(|column, row| scores[column][row].and_then(|score| Score::new(score).ok()));
    Ok((Loaded { evidence, notes }, Grading { human, about, asked }))
}

/// What a candidate answered; `None` where there is no answer.
fn said(evidence: &Evidence, column: usize, row: usize) -> Option<String> {
    let answers = evidence.answers(column);
    (answers.status(row) == Status::Scored).then(|| answers.output(row).unwrap_or_default().to_owned())
}

/// Refuses answers that are scored, and not there.
fn lacks_output(task: &Task, evidence: &Evidence) -> Result<(), Error> {
    for (column, candidate) in evidence.candidates().iter().enumerate() {
        let answers = evidence.answers(column);
        let lacks = |row: &usize| answers.status(*row) == Status::Scored && answers.output(*row).is_none();
        if let Some(row) = (0..evidence.len()).find(lacks) {
            let problem = format!(
                "its answer to item {:?} has a score and no output, and the judge grades outputs; give `output`, or name another metric",
                evidence.items().id(row)
            );
            return Err(Error::candidate(task, &candidate.name, problem));
        }
    }
    Ok(())
}

/// Asks the judge; its answers by question.
async fn ask(
    session: &Session<'_>,
    judge: &JudgeSection,
    questions: &Questions,
    mut spent: f64,
) -> Result<(Vec<Row>, Option<Summary>), Error> {
    if questions.all.is_empty() {
        return Ok((Vec::new(), None));
    }
    let (task, options) = (session.task, session.options);
    let own = task_of(task, judge)?;
    let materials = materials(&own, judge, questions)?;
    let failed = |error| of_judge(task, error);
    let mut asked = open_all(&own, &materials, options, session.seen, false).map_err(failed)?;
    let store = session.store.clone();
    let own_session = Session { task: &own, materials: &materials, store, options, seen: session.seen };
    step(session.seen.as_ref(), Step::Grading(questions.all.len()));
    let rows = Arc::clone(&materials.asked);
    let Answered { answers, .. } =
        own_session.ask(&mut asked, &[0], &rows, &mut spent).await.map_err(failed)?;
    let Some((summary, rows)) = answers.into_iter().next() else { return Ok((Vec::new(), None)) };
    if options.rescore && rows.len() < questions.all.len() {
        let problem = format!(
            "[judge]: {} of {} grades are not kept for the answers, rubric and judge of now, and --rescore asks nobody; leave it out, \
             and they are asked for",
            questions.all.len() - rows.len(),
            questions.all.len()
        );
        return Err(Error::task(task, problem));
    }
    Ok((rows, Some(summary)))
}

/// Characters of an answer that nobody gave yet, where the item has no right one.
const UNKNOWN: usize = 600;

/// What asking the judge will probably cost, and what it is told about the first answer. Answers that nobody gave yet are taken to be
/// as long as the right ones.
pub(crate) async fn estimate(
    session: &Session<'_>,
    unasked: &Unasked,
) -> Result<(Vec<Estimate>, Option<String>), Error> {
    let task = session.task;
    let Some(judge) = judge_of(task).filter(|judge| judge.recorded.is_none()) else {
        return Ok((Vec::new(), None));
    };
    let Loaded { evidence, .. } = unasked.clone().finish(task, None)?;
    let answer = |column: usize, row: usize| {
        let live = task.file.candidate[column].recorded.is_none();
        let length = evidence.items().target(row).map_or(UNKNOWN, str::len);
        let filler = || format!("{} {}", ". ".repeat(length / 2), task.file.candidate[column].name);
        said(&evidence, column, row).or_else(|| live.then(filler))
    };
    let questions = Questions::of(judge, &evidence, &answer);
    if questions.all.is_empty() {
        return Ok((Vec::new(), None));
    }
    let own = task_of(task, judge)?;
    let materials = materials(&own, judge, &questions)?;
    let failed = |error| of_judge(task, error);
    let asked = open_all(&own, &materials, session.options, session.seen, true).map_err(failed)?;
    let prompt = asked.iter().find_map(|one| Some(one.opened.prompt.as_ref()?.to_string()));
    let store = session.store.clone();
    let own_session =
        Session { task: &own, materials: &materials, store, options: session.options, seen: session.seen };
    Ok((own_session.estimate(&asked).await.map_err(failed)?, prompt))
}

/// Refuses grades of people none of which is of an item that is asked about, before anybody is asked.
pub(crate) fn check_items(task: &Task, materials: &Materials) -> Result<(), Error> {
    let is_asked =
        |row: usize| u32::try_from(row).is_ok_and(|row| materials.evidence.binary_search(&row).is_ok());
    strays(task, &materials.items, &is_asked, &read_human_grades(task)?).map(drop)
}

/// What people graded and is not there.
fn strays(
    task: &Task,
    items: &Items,
    is_asked: &dyn Fn(usize) -> bool,
    human: &Grades,
) -> Result<Option<String>, Error> {
    let unknown = human.ids().filter(|id| !items.find(id).is_some_and(is_asked)).count();
    match (unknown, human.len()) {
        (0, _) => Ok(None),
        (unknown, all) if unknown == all => {
            let problem = format!(
                "[judge] human: none of its {all} grades is of an item that is scored (the first of all is {:?}); correct the ids",
                items.id(0)
            );
            Err(Error::task(task, problem))
        }
        (unknown, _) => Ok(Some(format!("{unknown} grades of people are for other items and are left out."))),
    }
}

/// Corrects the estimates that follow from these trials by what people said; what is to be said of the judge.
pub(crate) fn correct(grading: &Grading, evidence: &Evidence, trials: &mut Trials) -> Judge {
    let rows = scored_rows(evidence);
    let of = |candidate: &ordinate_core::Candidate| -> Vec<f64> {
        let grade = |&row: &usize| grading.human.of(evidence.items().id(row), candidate.name.as_str());
        rows.iter().map(|row| grade(row).unwrap_or(f64::NAN)).collect()
    };
    let human = HumanGrades(trials.candidates.iter().map(of).collect());
    ordinate_judge::correct(trials, &human, grading.about.clone())
}
