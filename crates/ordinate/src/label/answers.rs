//! The answers of a run that a person grades, so that its judge can be held to them.

use ordinate_combine::scored_rows;
use ordinate_core::evidence::Row;
use ordinate_core::random::{mix, shuffle};
use ordinate_core::task::{JudgeMode, JudgeSection};
use ordinate_core::{Evidence, Status};
use ordinate_data::{Task, read_evidence, read_human_grades};
use ordinate_tasks::metric::right_answers;

use super::queue::{LabelOrder, Queue, Queued};
use crate::error::Error;
use crate::folder::{EVIDENCE, Folder};
use crate::label_next::between;

/// An answer that is to be graded.
#[derive(Debug)]
pub(super) struct ToGrade {
    pub(super) candidate: String,
    /// What is shown, with its title: the answer, and in pairs the other one.
    pub(super) shown: Vec<(&'static str, String)>,
    /// Whether the answer stands second.
    turned: bool,
    /// A right answer, where it is known and none of those shown.
    pub(super) right: Option<String>,
}

/// The answers to grade in a run whose judge is held to people: those without a grade, all of one item side by side.
pub(super) fn queue(
    task: Task,
    judge: &JudgeSection,
    folder: &Folder,
    order: Option<LabelOrder>,
) -> Result<Queue, Error> {
    let evidence = read_evidence(&folder.path(EVIDENCE))?;
    let graded = read_human_grades(&task)?;
    let seed = task.file.statistics.seed.unwrap_or_default();
    let mut rows = scored_rows(&evidence);
    shuffle(&mut rows, mix(seed));
    let order = order.unwrap_or(LabelOrder::Random);
    let (note, why): (String, Option<String>) = match order {
        LabelOrder::Random => (
            format!(
                "The items come in a random order (seed {seed}), the answers to one side by side and without names. Corrected qualities \
                 rest on that: grade what comes, since what is skipped makes it no random draw."
            ),
            None,
        ),
        LabelOrder::Settling => by_difference(folder, &evidence, &mut rows)?,
    };
    let mut items = Vec::new();
    for &row in &rows {
        let mut columns: Vec<usize> = (0..evidence.candidates().len()).collect();
        shuffle(&mut columns, mix(seed ^ row as u64));
        for column in columns {
            let name = evidence.candidates()[column].name.as_str();
            let Some(answer) = to_grade(judge, &evidence, column, row) else { continue };
            if graded.of(evidence.items().id(row), name).is_none() {
                let item = evidence.items().item(row);
                items.push(Queued { item, why: why.clone(), said: Vec::new(), answer: Some(answer) });
            }
        }
    }
    if items.is_empty() {
        let problem =
            "[judge] human: every answer of this run has a grade of a person's, so nothing is to be graded";
        return Err(Error::task(&task, problem));
    }
    Ok(Queue { task, items, labels: std::collections::BTreeSet::new(), notes: vec![note] })
}

/// An answer as it is shown; `None` where there is none, or nothing to hold it against.
fn to_grade(judge: &JudgeSection, evidence: &Evidence, column: usize, row: Row) -> Option<ToGrade> {
    let said = |column: usize| {
        let answers = evidence.answers(column);
        match answers.status(row) {
            Status::Scored => Some(answers.output(row).unwrap_or_default().to_owned()),
            Status::Error => Some("(It failed to answer.)".to_owned()),
            Status::Missing => None,
        }
    };
    if evidence.answers(column).status(row) != Status::Scored {
        return None;
    }
    let candidate = evidence.candidates()[column].name.as_str().to_owned();
    let own = said(column)?;
    let right = evidence.items().target(row).map(|target| right_answers(target, |all| all.join("\nor\n")));
    if judge.mode() == JudgeMode::Single {
        return Some(ToGrade { candidate, shown: vec![("The answer", own)], turned: false, right });
    }
    let against = judge.against.as_ref().map(|name| evidence.column_of(name));
    let (other, right) = match against {
        Some(other) if other == Some(column) => return None,
        Some(other) => (said(other?)?, right),
        None => (right?, None),
    };
    let turned = mix(row as u64 ^ mix(column as u64)) % 2 == 1;
    let [first, second] = if turned { [other, own] } else { [own, other] };
    Some(ToGrade { candidate, shown: vec![("Answer A", first), ("Answer B", second)], turned, right })
}

/// Items by how far the judge holds the two candidates apart that the verdict hangs on.
fn by_difference(
    folder: &Folder,
    evidence: &Evidence,
    rows: &mut [Row],
) -> Result<(String, Option<String>), Error> {
    let verdict = folder.verdict()?;
    let names: Vec<_> = evidence.candidates().iter().map(|one| one.name.clone()).collect();
    let pair = between(&verdict, &names);
    let columns: Vec<usize> = pair.iter().filter_map(|name| evidence.column_of(name)).collect();
    let apart = |row: &Row| match columns.as_slice() {
        [one, other] => {
            let score = |column: &usize| evidence.answers(*column).score(*row).unwrap_or(0.0);
            (score(one) - score(other)).abs()
        }
        _ => 0.0,
    };
    rows.sort_by(|one, other| apart(other).total_cmp(&apart(one)));
    let between = pair.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    Ok((
        format!(
            "The items come by how far the judge's grades of {between} are apart. That shows where it errs, and is no random draw: \
             human_is_random has to stay false, and corrected qualities would be wrong."
        ),
        Some(
            "The judge's grades of the two in question are far apart here, or as far as is left.".to_owned(),
        ),
    ))
}

/// How a person grades.
#[derive(Debug)]
pub(super) struct Grading {
    pub(super) judge: JudgeSection,
    /// Whether the items come as a random draw.
    pub(super) is_random: bool,
    /// The file of grades as the task file is to name it.
    pub(super) named: String,
    /// What the task file names by now, where that is another file.
    pub(super) before: Option<String>,
}

impl Grading {
    fn is_pairwise(&self) -> bool {
        self.judge.mode() == JudgeMode::Pairwise
    }

    /// The grades as buttons, with their words; `None` where a number is to be typed.
    pub(super) fn buttons(&self) -> Option<Vec<(String, String)>> {
        if self.is_pairwise() {
            let words = [("A", "A is better"), ("B", "B is better"), ("tie", "They are alike")];
            return Some(words.map(|(value, shown)| (value.to_owned(), shown.to_owned())).to_vec());
        }
        let steps = self.judge.steps()?;
        let last = steps.len() - 1;
        let shown = |(at, grade): (usize, String)| {
            let words = match at {
                0 => format!("{grade}: the worst"),
                _ if at == last => format!("{grade}: the best"),
                _ => grade.clone(),
            };
            (grade, words)
        };
        Some(steps.into_iter().enumerate().map(shown).collect())
    }

    /// The grade that was pressed or typed, as the file has it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn read(&self, said: &str, answer: &ToGrade) -> Result<String, String> {
        if self.is_pairwise() {
            return match (said, answer.turned) {
                ("A", false) | ("B", true) => Ok("win".to_owned()),
                ("B", false) | ("A", true) => Ok("loss".to_owned()),
                ("tie", _) => Ok("tie".to_owned()),
                _ => Err("Say which is better, or that they are alike.".to_owned()),
            };
        }
        let [worst, best] = self.judge.scale();
        let number = said.trim().parse::<f64>().ok();
        let number = number.filter(|number| self.judge.score(*number).is_some());
        number.map(|number| number.to_string()).ok_or_else(|| {
            format!("{said:?} is no grade; it takes a number from {worst} (the worst) to {best} (the best).")
        })
    }

    /// What the task file is to say of these grades.
    pub(super) fn lines(&self, skipped: usize) -> String {
        let both = self.before.as_ref().map_or_else(String::new, |human| {
            let human = toml::Value::from(human.as_str());
            format!("# it names {human} by now; a pattern takes both files\n")
        });
        let random = match (self.is_random, skipped) {
            (true, 0) => "human_is_random = true\n".to_owned(),
            (true, _) => {
                format!(
                    "# {skipped} answers were skipped: human_is_random = true where that has nothing to do with how hard they are\n"
                )
            }
            (false, _) => "# human_is_random stays false: the items were no random draw\n".to_owned(),
        };
        format!("[judge]\n{both}human = {}\n{random}", self.named)
    }
}
