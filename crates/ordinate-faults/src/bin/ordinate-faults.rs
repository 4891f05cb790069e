//! The fault server as a program, for benchmarks and for trying things by hand. A test part.
//!
//!     ordinate-faults [--port N] [--latency-ms N] [--spread-ms N] [--say TEXT] [--slots N]
//!                     [--fault NAME:SHARE]... [--workers N]
//!
//! It prints its `base_url` and serves until it is killed; `GET /faults/counts` says what was asked.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use ordinate_faults::{Fault, FaultServer, Script, Style};

const USAGE: &str = "usage: ordinate-faults [--port N] [--latency-ms N] [--spread-ms N] [--say TEXT] [--slots N] \
                     [--workers N] [--fault NAME:SHARE]...";

fn main() -> Result<(), Box<dyn Error>> {
    let mut style = Style::default();
    let (mut port, mut workers, mut say) = (0, 1, "up".to_owned());
    let mut faults: Vec<(Fault, f64)> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--port" => port = value.parse()?,
            "--latency-ms" => style.latency = Duration::from_millis(value.parse()?),
            "--spread-ms" => style.spread = Duration::from_millis(value.parse()?),
            "--slots" => style.slots = Some(value.parse()?),
            "--workers" => workers = value.parse()?,
            "--say" => say = value,
            "--fault" => {
                let (name, share) = value.split_once(':').ok_or(USAGE)?;
                let fault = Fault::named(name).ok_or_else(|| format!("there is no fault called {name:?}"))?;
                faults.push((fault, share.parse()?));
            }
            _ => return Err(USAGE.into()),
        }
    }
    let script = Script::saying(&say).with_style(style).with_faults(move |call| {
        // The share is kept over every run of 1,000 requests, without dice.
        let mut at = (call.number.wrapping_mul(617) % 1_000) as f64 / 1_000.0;
        for (fault, share) in &faults {
            if at < *share {
                return fault.clone();
            }
            at -= share;
        }
        Fault::None
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    runtime.block_on(async {
        let server = FaultServer::start_at(script, SocketAddr::from(([127, 0, 0, 1], port))).await?;
        writeln!(std::io::stdout(), "{}", server.base_url())?;
        std::future::pending::<()>().await;
        Ok(())
    })
}
