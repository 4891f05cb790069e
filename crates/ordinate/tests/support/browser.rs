//! A page in a real browser, driven by a script that is put into a copy of it.
#![allow(dead_code, unreachable_pub)] // each test file uses its own part

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use sha2::Digest;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// The longest that the browser may say nothing on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// Chromium (`ORDINATE_CHROMIUM`, else by its usual names in `PATH`), or `None` after saying that the test is skipped.
pub fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("ORDINATE_CHROMIUM") {
        return Some(path.into());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .find(|file| file.is_file());
    if found.is_none() {
        println!("skipped: no Chromium; set ORDINATE_CHROMIUM to one, or put it into PATH");
    }
    found
}

/// Under which policy the copy is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The page's own, which allows the probe besides.
    Own,
    /// None: whatever got into the page would run.
    Off,
}

/// Opens a copy of the page from disk, at this fragment of its address, with `probe` run once it has loaded: a body of an
/// asynchronous function that calls `say(anything)`. What it said, in order, until it ends.
pub fn probed(
    browser: &Path,
    folder: &Path,
    page: &str,
    fragment: &str,
    probe: &str,
    policy: Policy,
) -> Vec<Value> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let script = format!(
        r#"window.errors = [];
addEventListener("error", (event) => errors.push(event.message || event.target.tagName), true);
addEventListener("securitypolicyviolation", (event) => errors.push(event.violatedDirective + " " + event.blockedURI), true);
addEventListener("load", async () => {{
  const say = (what) => fetch("{address}/", {{ method: "POST", mode: "no-cors", body: JSON.stringify(what) }});
  try {{ {probe} }} catch (error) {{ errors.push(String(error)); }}
  await say({{ end: true, errors }});
}});"#
    );
    let own = page.split("http-equiv=\"Content-Security-Policy\" content=\"").nth(1).unwrap();
    let own = own.split('"').next().unwrap();
    let wider = match policy {
        Policy::Own => {
            let hash = BASE64.encode(sha2::Sha256::digest(script.as_bytes()));
            let with_probe = own.replacen("script-src ", &format!("script-src 'sha256-{hash}' "), 1);
            format!("{with_probe}; connect-src {address}")
        }
        Policy::Off => "default-src * 'unsafe-inline' 'unsafe-eval' data: blob:".to_owned(),
    };
    let copy =
        page.replacen(own, &wider, 1).replacen("</title>", &format!("</title><script>{script}</script>"), 1);
    // The page names the folder that it lies in.
    let folder = folder.join("RUN");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("report.html");
    std::fs::write(&file, copy).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args([
            "--disable-dev-shm-usage",
            "--disable-features=LocalNetworkAccessChecks",
            "--window-size=1280,900",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}{fragment}", file.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _ended = Ended(child);
    said(&listener)
}

/// Ends the browser whatever happens.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn said(listener: &TcpListener) -> Vec<Value> {
    listener.set_nonblocking(true).unwrap();
    let mut all = Vec::new();
    let mut heard = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                let Some(value) = posted(stream) else { continue };
                heard = Instant::now();
                let end = value["end"] == true;
                all.push(value);
                if end {
                    return all;
                }
            }
            Err(_) => {
                assert!(heard.elapsed() < PATIENCE, "the browser says nothing; so far: {all:?}");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// The JSON of one request.
fn posted(mut stream: TcpStream) -> Option<Value> {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    serde_json::from_slice(&body).ok()
}
