//! What the tests share: candidates of the fault server, and items.

#![allow(dead_code)] // each test uses a part

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ordinate_core::task::{OpenAi, PromptSection, TimeOuts};
use ordinate_core::{CandidateName, Item, Price};
use ordinate_faults::FaultServer;
use ordinate_measure::{ChatAnswerer, Contender, Measured, Plan, RetryRule, Row, measure};
use ordinate_remote::{Chat, Examples, Prompt};
use ordinate_tasks::Reader;
use ordinate_tasks::kinds::Classify;
use tokio_util::sync::CancellationToken;

pub(crate) const PRICE: Price =
    Price { input: 3.0, output: 15.0, cached_input: None, cache_write: None, per_item: None, per_hour: None };

pub(crate) fn labels() -> Vec<String> {
    ["up", "down", "neutral", "none"].map(String::from).to_vec()
}

pub(crate) fn items(count: usize) -> Vec<Item> {
    (0..count)
        .map(|at| Item {
            id: format!("{at:05}"),
            input: format!("gold headline number {at}").into(),
            target: Some(if at % 3 == 0 { "up" } else { "down" }.into()),
            ..Item::default()
        })
        .collect()
}

pub(crate) fn entry(server: &FaultServer) -> OpenAi {
    OpenAi {
        model: "m".into(),
        base_url: Some(server.base_url()),
        timeouts: Some(TimeOuts { connect_s: 1.0, first_token_s: 0.5, idle_s: 0.5, total_s: 1.0 }),
        ..OpenAi::default()
    }
}

pub(crate) fn contender(name: &str, entry: &OpenAi, prompt: &PromptSection) -> Contender {
    let answerer = ChatAnswerer {
        chat: Chat::new(entry, &Classify).unwrap(),
        prompt: Arc::new(Prompt::new(&Classify, &labels(), prompt, false).unwrap()),
        examples: Arc::new(Examples::none()),
    };
    let mut contender = Contender::new(CandidateName::new(name).unwrap(), answerer);
    contender.price = Some(PRICE);
    contender
}

/// A plan whose pauses are short.
pub(crate) fn plan(items: Vec<Item>, candidates: Vec<Contender>, folder: &Path) -> Plan {
    let reader = Reader::new(&Classify, &labels());
    let mut plan = Plan::new(items, candidates, reader, folder.join("answers.sqlite"));
    plan.retry = RetryRule { first: Duration::from_millis(5), tries: 4, ..RetryRule::default() };
    plan
}

/// One candidate of this server over so many items.
pub(crate) fn simple(server: &FaultServer, count: usize, folder: &Path) -> Plan {
    plan(items(count), vec![contender("m", &entry(server), &PromptSection::default())], folder)
}

pub(crate) async fn run(plan: Plan) -> Measured {
    measure(plan, &(), CancellationToken::new()).await.unwrap()
}

pub(crate) async fn rows(measured: &Measured, candidate: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    measured.rows(candidate, |row| rows.push(row)).await.unwrap();
    rows
}
