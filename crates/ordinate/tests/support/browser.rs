//! A page in a real browser, driven by a script that is put into a copy of it.
#![allow(dead_code, unreachable_pub)] // each test file uses its own part

#[path = "fetched.rs"]
mod fetched;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fetched::fetched;
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

/// Loads each page in a frame without any policy, in light and dark, narrow and wide, and looks at it: what axe finds wrong, what
/// sticks out, and whether anything in it ran or became markup that is not the page's own.
const LOOK: &str = r#"
const say = (what) => fetch(ADDRESS, { method: "POST", mode: "no-cors", body: JSON.stringify(what) });
addEventListener("load", async () => {
  for (const [name, html] of PAGES) for (const dark of [false, true]) for (const width of [360, 1280]) {
    const frame = document.createElement("iframe");
    frame.style.cssText = `border:0;width:${width}px;height:900px`;
    frame.srcdoc = dark ? html.replaceAll("(prefers-color-scheme:dark)", "(min-width:1px)") : html;
    const loaded = new Promise((done) => frame.addEventListener("load", done));
    document.body.append(frame);
    await loaded;
    const page = frame.contentWindow;
    // What is cut off by whatever it stands in sticks out of nothing.
    const isCut = (e) => {
      for (let around = e.parentElement; around && around !== page.document.body; around = around.parentElement)
        if (page.getComputedStyle(around).overflowX === "hidden" && around.getBoundingClientRect().right <= width + 0.5) return true;
      return false;
    };
    const seen = {
      name, dark, width,
      pwned: "pwned" in page || page.document.getElementById("pwned") !== null,
      foreign: page.document.querySelectorAll("[onerror], [onmouseover], [onload], iframe, object, main script, main style").length,
      wide: [...page.document.body.querySelectorAll("*")]
        .filter((e) => !e.closest(".box, .vh, .skip, svg, pre") && !isCut(e) && e.getBoundingClientRect().right > width + 0.5)
        .map((e) => `${e.tagName}.${e.className}`),
      wrong: [],
    };
    if (AXE) {
      const script = page.document.createElement("script");
      script.textContent = AXE;
      page.document.head.append(script);
      const found = await page.axe.run(page.document, { resultTypes: ["violations"] });
      seen.wrong = found.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((n) => n.target + " " + n.html.slice(0, 160)).join(" | ")}`);
    }
    frame.remove();
    await say(seen);
  }
  await say({ end: true });
});
"#;

/// What [`LOOK`] sees of these pages, by their names; with the source of axe-core what that finds too.
pub fn looked_at(browser: &Path, pages: &[(String, String)], axe: Option<&str>) -> Vec<Value> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    // The copies are to have no policy of their own.
    let bare = |(name, html): &(String, String)| {
        let start = html.find("<meta http-equiv=\"Content-Security-Policy\"");
        let end = start.and_then(|start| Some(start + html[start..].find('>')? + 1));
        let html = start.zip(end).map_or_else(|| html.clone(), |(a, b)| html[..a].to_owned() + &html[b..]);
        (name.clone(), html)
    };
    let pages: Vec<(String, String)> = pages.iter().map(bare).collect();
    let text = |value: Value| value.to_string().replace("</", "<\\/").replace("<!--", "<\\!--");
    let driver = format!(
        "<!doctype html><title>look</title><body><script>const ADDRESS = {}; const PAGES = {}; const AXE = {};{LOOK}</script>",
        text(address.into()),
        text(serde_json::json!(pages)),
        text(serde_json::json!(axe)),
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("look.html");
    std::fs::write(&file, driver).unwrap();
    let profile = tempfile::tempdir().unwrap();
    let child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-features=LocalNetworkAccessChecks", "--window-size=1400,1000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", file.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _ended = Ended(child);
    let mut seen = said(&listener);
    assert_eq!(seen.pop().unwrap()["end"], true);
    seen
}

/// The source of axe-core, from npm, fetched once into the target folder; `None`, said aloud, where that fails.
pub fn axe() -> Option<String> {
    const PACKAGE: &str = "axe-core@4.11.0";
    let folder = fetched(PACKAGE, |folder| {
        let install =
            ["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
        let ran = Command::new("npm").args(install).arg(PACKAGE).current_dir(folder).output();
        ran.is_ok_and(|ran| ran.status.success())
    });
    let source = folder
        .map(|folder| std::fs::read_to_string(folder.join("node_modules/axe-core/axe.min.js")).unwrap());
    if source.is_none() {
        println!("skipped: {PACKAGE} cannot be fetched from npm, so nobody looks for what keeps people out");
    }
    source
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
