//! From a task file to a plan of asking.

use std::path::Path;
use std::sync::Arc;

use ordinate_core::column::Codes;
use ordinate_core::task::{CandidateEntry, ChooseExamples, OpenAi};
use ordinate_core::{Hosting, Item, Items, Needs, OutputKind};
use ordinate_data::{Task, Unasked};
use ordinate_measure::{ChatAnswerer, CommandAnswerer, Contender, EarlyStopping, Plan};
use ordinate_remote::{Chat, Command, Examples, Prompt};
use ordinate_tasks::{Reader, Scorer};

use crate::error::Error;

/// The probability that early stopping stops a candidate that is not beaten, where the task says nothing else.
const ALPHA: f64 = 0.05;

/// A plan, and what is needed to join its answers with what was recorded.
pub(crate) struct Prepared {
    pub(crate) plan: Plan,
    pub(crate) metric: Scorer,
    pub(crate) items: Arc<Items>,
    pub(crate) unasked: Unasked,
    prompts: Vec<(String, Arc<Prompt>, Arc<Examples>)>,
}

/// The items of the task, made when they are asked about.
struct Asking(Arc<Items>);

impl ordinate_measure::Items for Asking {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn item(&self, at: usize) -> Item {
        self.0.item(at)
    }

    fn group(&self, at: usize) -> Option<u32> {
        self.0.groups().codes().get(at).copied().filter(|code| *code != Codes::NONE)
    }
}

impl Prepared {
    /// Reads the items and recorded answers of the task, and sets its live candidates up.
    pub(crate) fn new(task: &Task, store: &Path) -> Result<Self, Error> {
        let file = &task.file;
        let kind = task.kind;
        let metric = crate::metric::of(task)?;
        let mut unasked = ordinate_data::load_unasked(task, &|output, target| metric.score(output, target))?;
        let labels = kind.labels(unasked.labels());
        let train = std::mem::take(&mut unasked.train);
        let train = (0..train.len()).map(|row| train.item(row)).collect();
        let examples = Arc::new(examples(task, train)?);
        let items = Arc::new(unasked.items().clone());
        let mut prompts = Vec::new();
        let mut contenders = Vec::new();
        for &column in &unasked.live {
            let entry = &file.candidate[column];
            let of = |problem: String| Error::candidate(task, &entry.name, problem);
            let mut contender = if let Some(openai) = &entry.openai {
                may_be_sent(entry, &file.needs).map_err(&of)?;
                let chat = Chat::new(openai, kind).map_err(|error| of(error.to_string()))?;
                let prompt = Prompt::new(kind, &labels, &file.prompt, openai.structured == Some(true))
                    .map_err(|error| of(error.to_string()))?;
                let prompt = Arc::new(prompt);
                prompts.push((entry.name.to_string(), Arc::clone(&prompt), Arc::clone(&examples)));
                let answerer = ChatAnswerer { chat, prompt, examples: Arc::clone(&examples) };
                let mut contender = Contender::new(entry.name.clone(), answerer);
                set_rates(&mut contender, entry, openai);
                contender
            } else if let Some(command) = &entry.command {
                let command = Command::new(command, task.dir(), kind, &labels)
                    .map_err(|error| of(error.to_string()))?;
                let mut contender = Contender::new(entry.name.clone(), CommandAnswerer(command));
                contender.price = entry.price;
                contender
            } else {
                continue;
            };
            contender.eligible = eligible(entry, &file.needs);
            contenders.push(contender);
        }
        let asking = Asking(Arc::clone(&items));
        let mut plan = Plan::new(asking, contenders, Reader::new(kind, &labels), store.to_owned());
        set_limits(&mut plan, task)?;
        let measure = &file.measure;
        if measure.stop_early == Some(true) {
            let (scored, metric) = (Arc::clone(&items), metric.clone());
            plan.early = Some(EarlyStopping {
                scorer: Arc::new(move |at, output| {
                    output.zip(scored.target(at)).map_or(0.0, |(output, target)| metric.score(output, target))
                }),
                alpha: measure.alpha.unwrap_or(ALPHA),
                needs: file.needs.clone(),
                seed: file.statistics.seed.unwrap_or_default(),
            });
        }
        Ok(Self { plan, metric, items, unasked, prompts })
    }

    /// The prompt for the first item, of every candidate that is prompted.
    pub(crate) fn prompts(&self) -> Result<Vec<(String, String)>, Error> {
        let first = self.items.item(0);
        let shown = |(name, prompt, examples): &(String, Arc<Prompt>, Arc<Examples>)| {
            let prompted = prompt
                .render(&first, &examples.of(&first))
                .map_err(|error| Error::Options(format!("[[candidate]] {name}: {error}")))?;
            Ok((name.clone(), prompted.to_string()))
        };
        self.prompts.iter().map(shown).collect()
    }
}

/// Whether the needs let an API have the data.
pub(crate) fn may_be_sent(entry: &CandidateEntry, needs: &Needs) -> Result<(), String> {
    if needs.stay_local && entry.hosting != Some(Hosting::Local) {
        return Err("stay_local forbids to send it the data; say hosting = \"local\" if its server is your own, or remove \
                    the candidate"
            .into());
    }
    Ok(())
}

/// The price and the rates of a candidate behind an API.
pub(crate) fn set_rates(contender: &mut Contender, entry: &CandidateEntry, openai: &OpenAi) {
    contender.price = entry.price.or(openai.price);
    contender.concurrency = openai.concurrency.map(|most| most.max(1) as usize);
    contender.requests_per_minute = openai.requests_per_minute;
    contender.tokens_per_minute = openai.tokens_per_minute;
}

/// What `[measure]` says of all candidates.
pub(crate) fn set_limits(plan: &mut Plan, task: &Task) -> Result<(), Error> {
    check_numbers(task)?;
    let measure = &task.file.measure;
    plan.max_spend = measure.max_spend;
    if let Some(most) = measure.concurrency {
        plan.concurrency = most as usize;
    }
    if let Some(tries) = measure.tries {
        plan.retry.tries = tries;
    }
    Ok(())
}

fn check_numbers(task: &Task) -> Result<(), Error> {
    let measure = &task.file.measure;
    let bad = |key: &str, value: String, allowed: &str| {
        Err(Error::task(task, format!("[measure] {key}: {value} is not {allowed}.")))
    };
    if let Some(alpha) = measure.alpha.filter(|alpha| !(*alpha > 0.0 && *alpha < 1.0)) {
        return bad("alpha", alpha.to_string(), "a number above 0 and below 1");
    }
    for (key, value) in [("concurrency", measure.concurrency), ("tries", measure.tries)] {
        if let Some(value) = value.filter(|value| !(1..=100_000).contains(value)) {
            return bad(key, value.to_string(), "a whole number from 1 to 100,000");
        }
    }
    Ok(())
}

/// The examples that `[prompt]` wants, drawn from these.
pub(crate) fn examples(task: &Task, train: Vec<Item>) -> Result<Examples, Error> {
    let prompt = &task.file.prompt;
    let k = prompt.examples.unwrap_or(0) as usize;
    if k == 0 {
        return Ok(Examples::none());
    }
    if train.is_empty() {
        let problem = "[prompt] examples: there are no train items to draw examples from. Name train and test in [data], or \
                       remove examples.";
        return Err(Error::task(task, problem));
    }
    let classes = task.kind.output() == Some(OutputKind::Label);
    let default = if classes { ChooseExamples::PerClass } else { ChooseExamples::Random };
    let choose = prompt.choose_examples.unwrap_or(default);
    Ok(Examples::draw(train, k, choose, task.file.statistics.seed.unwrap_or_default()))
}

/// Whether the candidate meets the needs that are known before anything is asked.
fn eligible(entry: &CandidateEntry, needs: &Needs) -> bool {
    let at_home = !needs.stay_local || entry.hosting == Some(Hosting::Local);
    let fits = needs.max_memory_gb.is_none_or(|most| {
        entry.hosting == Some(Hosting::Remote) || entry.memory_gb.is_some_and(|memory| memory <= most)
    });
    // What a machine by the hour costs is not metered while it is asked.
    let per_hour = entry
        .price
        .or(entry.openai.as_ref().and_then(|openai| openai.price))
        .and_then(|price| price.per_hour);
    let affordable = match (needs.max_cost_per_1k, per_hour) {
        (Some(most), Some(per_hour)) => {
            let name = entry.name.clone();
            let hosted = ordinate_judge::Hosted { name, per_hour, per_second: None };
            hosted.cost_per_item(needs.volume_per_day).is_some_and(|cost| 1e3 * cost <= most)
        }
        _ => true,
    };
    at_home && fits && affordable
}
