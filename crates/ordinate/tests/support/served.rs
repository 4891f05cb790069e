//! `ordinate serve`, or `ordinate view`, as a process, and a plain HTTP client that hides nothing.
#![allow(dead_code, unreachable_pub)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::support::Desk;

/// A running server; it is killed when this is dropped.
pub struct Served {
    pub child: Child,
    pub address: SocketAddr,
    /// What it wrote to standard error so far.
    pub told: Arc<Mutex<String>>,
}

impl Served {
    /// `ordinate serve ARGUMENTS --bind 127.0.0.1:0` in the desk's folder, from when it listens.
    pub fn start(desk: &Desk, arguments: &[&str]) -> Self {
        Self::with(desk, arguments, &[])
    }

    pub fn with(desk: &Desk, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::of("serve", desk, arguments, variables)
    }

    /// The same of another command that listens.
    pub fn of(command: &str, desk: &Desk, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ordinate"))
            .arg(command)
            .args(arguments)
            .args(["--bind", "127.0.0.1:0"])
            .current_dir(desk.path(""))
            .env("ORDINATE_CACHE", desk.path("cache"))
            .env("NO_PROXY", "127.0.0.1")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut so_far = String::new();
        let address = loop {
            let from = so_far.len();
            let read = lines.read_line(&mut so_far).unwrap();
            assert!(read > 0, "the server ended: {so_far}");
            if let Some((_, address)) = so_far[from..].trim().split_once("listening on http://") {
                break address.parse().unwrap();
            }
        };
        let told = Arc::new(Mutex::new(so_far));
        let all = Arc::clone(&told);
        std::thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
                all.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        Self { child, address, told }
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], body.to_string().as_bytes())
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.begin(method, path, headers, body).whole()
    }

    /// Sends a request, and reads the head of the answer.
    pub fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reading {
        begin_at(self.address, method, path, headers, body)
    }

    /// The value of a metric, by its whole name with labels.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// Waits until a metric has reached a value.
    pub fn reaches(&self, name: &str, value: f64) {
        let start = Instant::now();
        loop {
            let text = self.get("/metrics").body;
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            if line.is_some_and(|now| now.parse::<f64>().unwrap() >= value) {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "{name} {value}: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How often it has said this, once it has: the line may be on its way.
    pub fn says(&self, this: &str) -> usize {
        let start = Instant::now();
        loop {
            let told = self.told.lock().unwrap().clone();
            if told.contains(this) {
                return told.matches(this).count();
            }
            assert!(start.elapsed() < Duration::from_secs(5), "{this}: {told}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends a request to a server, and reads the head of the answer.
pub fn begin_at(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reading {
    let mut stream = connect(address);
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if method == "POST" {
        head.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    stream.write_all((head + "\r\n").as_bytes()).unwrap();
    // A server that refuses a body need not read it.
    let _ = stream.write_all(body);
    Reading::of(stream)
}

/// The head of an answer, and what is still to come.
pub struct Reading {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    stream: BufReader<TcpStream>,
}

impl Reading {
    pub fn of(stream: TcpStream) -> Self {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {line:?}")).parse().unwrap();
        let mut headers = Vec::new();
        loop {
            line.clear();
            stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        Self { status, headers, stream }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The next chunk of a chunked body; `None` at its end. `Err` where the connection broke.
    pub fn chunk(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16)
            .map_err(|_| std::io::Error::other(format!("no chunk: {line:?}")))?;
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok((length > 0).then_some(bytes))
    }

    /// The body, of a length that was told.
    pub fn bytes(&mut self) -> Vec<u8> {
        let length = self.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    pub fn whole(mut self) -> Answer {
        let mut bytes = Vec::new();
        if self.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().unwrap() {
                bytes.extend(chunk);
            }
        } else {
            let length = self.header("content-length").map_or(0, |length| length.parse().unwrap());
            bytes = vec![0; length];
            self.stream.read_exact(&mut bytes).unwrap();
        }
        let Self { status, headers, .. } = self;
        Answer { status, headers, body: String::from_utf8(bytes).unwrap() }
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value.as_str())
    }

    /// The body of a good answer.
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    /// Status and code of an error, which has OpenAI's form.
    pub fn error(&self) -> (u16, String) {
        let body: Value =
            serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body));
        let error = &body["error"];
        assert!(error["message"].is_string() && error["type"].is_string(), "{body}");
        (self.status, error["code"].as_str().unwrap_or_default().to_owned())
    }

    /// The data of the events of a stream.
    pub fn events(&self) -> Vec<String> {
        assert_eq!(self.header("content-type"), "text/event-stream; charset=utf-8", "{}", self.body);
        let data = |event: &str| event.strip_prefix("data: ").map(str::to_owned);
        self.body.split("\n\n").filter_map(data).collect()
    }

    /// The text that a stream told, and its last event.
    pub fn told(&self) -> (String, String) {
        let events = self.events();
        let text = events.iter().filter_map(|event| {
            let event: Value = serde_json::from_str(event).ok()?;
            event["choices"][0]["delta"]["content"].as_str().map(str::to_owned)
        });
        (text.collect(), events.last().cloned().unwrap_or_default())
    }
}
