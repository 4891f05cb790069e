//! An open-loop client: requests at a fixed rate, whether or not those before are answered, so that a server that stalls
//! is charged for everybody who had to wait.
//!
//!     load URL --body FILE [--rate N] [--seconds N] [--connections N] [--bearer KEY] [--header NAME:VALUE]... [--pid PID]
//!
//! Latencies count from when a request was due. Prints one line of JSON; with `--pid` the processor time that this process
//! took meanwhile is in it.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep_until};

const USAGE: &str = "usage: load URL --body FILE [--rate N] [--seconds N] [--connections N] [--bearer KEY] [--header NAME:VALUE]... [--pid PID]";
/// Clock ticks in a second, of Linux's `/proc/PID/stat`.
const TICKS: f64 = 100.0;

type Failed = Box<dyn Error + Send + Sync>;

struct Load {
    address: String,
    request: Vec<u8>,
    rate: f64,
    seconds: f64,
    connections: usize,
    pid: Option<u32>,
}

/// What became of one request.
struct Done {
    first: Duration,
    whole: Duration,
    good: bool,
}

fn load() -> Result<Load, Failed> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or(USAGE)?;
    let rest = url.strip_prefix("http://").ok_or("the URL does not begin with http://")?;
    let (address, path) = rest.split_once('/').ok_or("the URL has no path")?;
    let (mut rate, mut seconds, mut connections, mut pid) = (100.0, 10.0, 64, None);
    let (mut body, mut headers) = (Vec::new(), String::new());
    while let Some(flag) = arguments.next() {
        let value = arguments.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--body" => body = std::fs::read(value)?,
            "--rate" => rate = value.parse()?,
            "--seconds" => seconds = value.parse()?,
            "--connections" => connections = value.parse()?,
            "--bearer" => headers.push_str(&format!("authorization: Bearer {value}\r\n")),
            "--header" => headers.push_str(&format!("{value}\r\n")),
            "--pid" => pid = Some(value.parse()?),
            _ => return Err(USAGE.into()),
        }
    }
    let length = body.len();
    let mut request = format!(
        "POST /{path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend(body);
    Ok(Load { address: address.to_owned(), request, rate, seconds, connections, pid })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let load = Arc::new(load()?);
    let (due, waiting) = mpsc::unbounded_channel::<Instant>();
    let (waiting, done) = (Arc::new(Mutex::new(waiting)), Arc::new(Mutex::new(Vec::new())));
    let workers: Vec<_> = (0..load.connections)
        .map(|_| {
            let (load, waiting, done) = (Arc::clone(&load), Arc::clone(&waiting), Arc::clone(&done));
            tokio::spawn(async move {
                let mut connection = None;
                loop {
                    let next = waiting.lock().await.recv().await;
                    let Some(due) = next else { return };
                    let asked = ask(&load, &mut connection, due).await;
                    let failed = Done { first: due.elapsed(), whole: due.elapsed(), good: false };
                    if asked.is_err() {
                        connection = None;
                    }
                    done.lock().await.push(asked.unwrap_or(failed));
                }
            })
        })
        .collect();
    let before = load.pid.and_then(ticks);
    let start = Instant::now();
    let count = (load.rate * load.seconds) as u64;
    for number in 0..count {
        let at = start + Duration::from_secs_f64(number as f64 / load.rate);
        sleep_until(at).await;
        due.send(at)?;
    }
    drop(due);
    for worker in workers {
        worker.await?;
    }
    let took = start.elapsed().as_secs_f64();
    let after = load.pid.and_then(ticks);
    let done = done.lock().await;
    let good = done.iter().filter(|done| done.good).count();
    let quantiles = |time: fn(&Done) -> Duration| {
        let mut times: Vec<f64> =
            done.iter().filter(|done| done.good).map(|done| time(done).as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)))
        };
        json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": times.last() })
    };
    let cpu = before.zip(after).map(|(before, after)| (after - before) / TICKS * 1e3 / count.max(1) as f64);
    let told = json!({
        "sent": count, "good": good, "per_second": good as f64 / took,
        "ms": quantiles(|done| done.whole), "first_byte_ms": quantiles(|done| done.first),
        "cpu_ms_per_request": cpu,
    });
    writeln!(std::io::stdout(), "{told}")?;
    Ok(())
}

/// User and system time of a process, in ticks.
fn ticks(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(") ").next()?.split(' ').collect();
    Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
}

/// One request on a connection that is kept.
async fn ask(load: &Load, connection: &mut Option<TcpStream>, due: Instant) -> Result<Done, Failed> {
    let stream = match connection {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(&load.address).await?;
            stream.set_nodelay(true)?;
            connection.insert(stream)
        }
    };
    stream.write_all(&load.request).await?;
    let (mut bytes, mut part, mut first) = (Vec::new(), vec![0; 64 << 10], None);
    loop {
        let read = stream.read(&mut part).await?;
        if read == 0 {
            return Err("the connection was closed".into());
        }
        bytes.extend_from_slice(&part[..read]);
        let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let body = &bytes[head + 4..];
        if first.is_none() && !body.is_empty() {
            first = Some(due.elapsed());
        }
        let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
        let length =
            text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
        let whole = match length {
            Some(length) => body.len() >= length,
            None => body.ends_with(b"0\r\n\r\n"),
        };
        if whole {
            let good =
                text.starts_with("http/1.1 200") && !body.windows(9).any(|nine| nine == b"\"error\":{");
            let whole = due.elapsed();
            return Ok(Done { first: first.unwrap_or(whole), whole, good });
        }
    }
}
