//! Measures one chat candidate over made-up items, and prints what it took as one JSON object: the throughput
//! benchmark, and the program that the kill tests kill.
//!
//!     throughput --base-url URL --items N --store FILE [--concurrency N] [--rows FILE]
//!                [--key-env VARIABLE]
//!
//! `--rows FILE` writes every answer (without its times) as JSON lines, to compare runs.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use ordinate_core::task::{OpenAi, PromptSection};
use ordinate_core::{CandidateName, Item, Price};
use ordinate_measure::{ChatAnswerer, Contender, Items, Plan, measure};
use ordinate_remote::{Chat, Examples, Prompt};
use ordinate_tasks::Reader;
use ordinate_tasks::kinds::Classify;
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Items that are made when they are asked about, so that the memory that is measured is the asker's own.
struct MadeUp(usize);

impl Items for MadeUp {
    fn len(&self) -> usize {
        self.0
    }

    fn item(&self, at: usize) -> Item {
        let input = format!("headline {at}: gold futures end the week {}.{} % higher", at % 7, at % 10);
        Item { id: format!("item-{at:06}"), input: input.into(), ..Item::default() }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (mut base_url, mut store, mut rows, mut key_env) = (String::new(), PathBuf::new(), None, None);
    let (mut items, mut concurrency) = (5_000, 1_024);
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or("every flag takes a value")?;
        match flag.as_str() {
            "--base-url" => base_url = value,
            "--store" => store = value.into(),
            "--rows" => rows = Some(PathBuf::from(value)),
            "--key-env" => key_env = Some(value),
            "--items" => items = value.parse()?,
            "--concurrency" => concurrency = value.parse()?,
            _ => return Err(format!("there is no flag {flag}").into()),
        }
    }
    let start = Instant::now();
    let labels = ["up", "down", "neutral", "none"].map(String::from);
    let entry = OpenAi { model: "fault".into(), base_url: Some(base_url), key_env, ..OpenAi::default() };
    let answerer = ChatAnswerer {
        chat: Chat::new(&entry, &Classify)?,
        prompt: Arc::new(Prompt::new(&Classify, &labels, &PromptSection::default(), false)?),
        examples: Arc::new(Examples::none()),
    };
    let price = Price { input: 2.0, output: 8.0, ..Price::default() };
    let mut contender = Contender::new(CandidateName::new("mock")?, answerer);
    contender.price = Some(price);
    let mut plan = Plan::new(MadeUp(items), vec![contender], Reader::new(&Classify, &labels), store);
    plan.concurrency = concurrency;
    let measured = measure(plan, &(), CancellationToken::new()).await?;
    let wall_s = start.elapsed().as_secs_f64();
    if let Some(path) = rows {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
        let mut written = Ok(());
        measured
            .rows(0, |row| {
                let line = json!({
                    "item": row.item, "output": row.output, "error": row.error.map(|error| error.1),
                    "input_tokens": row.input_tokens, "output_tokens": row.output_tokens, "cost_usd": row.cost_usd,
                });
                if written.is_ok() {
                    written = writeln!(file, "{line}");
                }
            })
            .await?;
        written?;
        file.flush()?;
    }
    let summary = &measured.summaries[0];
    let latency = summary.latency_ms.unwrap_or_default();
    let report = json!({
        "items": items, "done": summary.done, "kept": summary.kept, "requests": summary.requests,
        "errors": summary.errors, "wall_s": wall_s,
        "items_per_s": f64::from(u32::try_from(items)?) / wall_s,
        "spent_usd": measured.spent_usd, "input_tokens": summary.input_tokens,
        "output_tokens": summary.output_tokens, "p50_ms": latency.p50, "p95_ms": latency.p95,
        "ended": format!("{:?}", summary.ended),
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}
