//! The page in a real browser: no network, no errors, no overflow on a phone.
//!
//! Runs where a Chromium is found (`ORDINATE_CHROMIUM`, else by its usual names in `PATH`), else says that it
//! skipped. A test copy of the page carries a probe that writes what it measures into the document.

#![allow(clippy::unwrap_used, clippy::panic)] // a test may

mod verdicts;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ordinate_core::verdict::Verdict;
use ordinate_report::{PageTrials, page};
use scraper::{Html, Selector};
use tempfile::TempDir;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// The longest that a browser may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures the framed page once it has loaded, and lists the boxes that stick out of it.
const PROBE: &str = r#"<script>
window.errors = [];
addEventListener("error", (event) => errors.push(event.message || event.target.tagName), true);
addEventListener("securitypolicyviolation", (event) => errors.push(event.violatedDirective), true);
addEventListener("load", () => {
  const width = document.documentElement.clientWidth;
  const inBox = (element) => element.closest(".box, .vh, .skip, svg") && !element.matches(".box");
  const wide = [...document.body.querySelectorAll("*")]
    .filter((element) => !inBox(element) && element.getBoundingClientRect().right > width + 0.5)
    .map((element) => element.tagName + "." + element.className);
  parent.postMessage({
    width, wide, errors,
    scroll: document.documentElement.scrollWidth,
    fetched: performance.getEntriesByType("resource").map((entry) => entry.name),
    sorters: document.querySelectorAll("thead button").length,
    charts: [...document.querySelectorAll(".chart")].filter((chart) => chart.offsetWidth > 0).map((c) => c.className),
    smallest: Math.min(...[...document.querySelectorAll("svg text")].filter((t) => t.getClientRects().length)
      .map((t) => t.getBoundingClientRect().height)),
  }, "*");
});
</script>"#;

#[derive(Debug)]
struct Seen(serde_json::Value);

impl Seen {
    fn number(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap_or_else(|| panic!("no {key} in {}", self.0))
    }

    fn list(&self, key: &str) -> Vec<&str> {
        self.0[key].as_array().unwrap().iter().filter_map(serde_json::Value::as_str).collect()
    }
}

fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("ORDINATE_CHROMIUM") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).flat_map(|dir| NAMES.map(|name| dir.join(name))).find(|file| file.is_file())
}

/// The document after its scripts have run.
fn dump_dom(browser: &Path, dir: &TempDir, file: &Path) -> Html {
    let dom = dir.path().join("dom.html");
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-dev-shm-usage", "--hide-scrollbars"])
        .args(["--virtual-time-budget=4000", "--window-size=1280,900"])
        .arg(format!("--user-data-dir={}", dir.path().join("profile").display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", file.display()))
        .stdout(File::create(&dom).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A page that opens a dialog waits for ever: that, too, is a failure.
    let until = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if Instant::now() < until => std::thread::sleep(Duration::from_millis(50)),
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("the browser did not finish {} within {PATIENCE:?}: a dialog?", file.display());
            }
        }
    };
    let dom = std::fs::read_to_string(&dom).unwrap();
    assert!(status.success() && !dom.is_empty(), "the browser failed: {status}");
    Html::parse_document(&dom)
}

/// What the probe sees in windows of these widths. Frames, because headless windows have a least width.
fn seen(browser: &Path, verdict: &Verdict, widths: [u32; 2]) -> Vec<Seen> {
    let dir = TempDir::new().unwrap();
    let source = page(verdict, Some(&PageTrials::Packed(Vec::new()))).unwrap();
    // The page allows its own script only: the copy must allow the probe as well.
    let policy = source.split("script-src ").nth(1).unwrap().split(';').next().unwrap();
    let copy =
        source.replacen(policy, "'unsafe-inline'", 1).replacen("</title>", &format!("</title>{PROBE}"), 1);
    std::fs::write(dir.path().join("report.html"), copy).unwrap();
    let [narrow, wide] = widths.map(|width| {
        format!("<iframe src=report.html style='border:0;width:{width}px;height:800px'></iframe>")
    });
    let frame = format!(
        "<!doctype html><body><pre id=seen></pre><script>const all = []; addEventListener('message', (event) => \
         document.getElementById('seen').textContent = JSON.stringify((all.push(event.data), all)));\
         </script>{narrow}{wide}"
    );
    let file = dir.path().join("frame.html");
    std::fs::write(&file, frame).unwrap();
    let html = dump_dom(browser, &dir, &file);
    let text: String = html.select(&Selector::parse("#seen").unwrap()).next().unwrap().text().collect();
    let all: Vec<serde_json::Value> =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("the probe said {text:?}: {error}"));
    let mut all: Vec<Seen> = all.into_iter().map(Seen).collect();
    all.sort_by(|a, b| a.number("width").total_cmp(&b.number("width")));
    all
}

#[test]
fn pages_fit_a_phone_fetch_nothing_and_have_no_errors() {
    let Some(browser) = chromium() else {
        println!("skipped: no Chromium; set ORDINATE_CHROMIUM to one, or put it into PATH");
        return;
    };
    let all = [
        ("deployed", verdicts::deployed()),
        ("undecided", verdicts::undecided()),
        ("hostile", verdicts::hostile(0)),
        ("large", verdicts::large(16, 57)),
    ];
    for (name, verdict) in all {
        let widths = [360, 1280];
        let all = seen(&browser, &verdict, widths);
        assert_eq!(all.len(), widths.len(), "{name}: the probe did not report from both frames");
        for (seen, width) in all.iter().zip(widths) {
            assert_eq!(seen.number("width"), f64::from(width), "{name}");
            assert!(seen.number("scroll") <= seen.number("width"), "{name} at {width} scrolls: {seen:?}");
            assert_eq!(seen.list("wide"), Vec::<&str>::new(), "{name} at {width}: sticks out");
            assert_eq!(seen.list("errors"), Vec::<&str>::new(), "{name} at {width}");
            assert_eq!(seen.list("fetched"), Vec::<&str>::new(), "{name} at {width}");
            assert!(seen.number("sorters") > 4.0, "{name}: the script has not run");
            let chart = if width < 700 { "chart narrow" } else { "chart wide" };
            // Learning curves have one size; of the frontier the one that fits is drawn.
            let charts = seen.list("charts");
            let of_frontier: Vec<&str> =
                charts.into_iter().filter(|chart| !chart.starts_with("chart learn")).collect();
            assert_eq!(of_frontier, [chart], "{name} at {width}");
            assert!(seen.number("smallest") >= 10.0, "{name} at {width}: text of the chart is too small");
        }
    }
}

#[test]
fn the_page_runs_its_own_script_and_no_other() {
    let Some(browser) = chromium() else {
        println!("skipped: no Chromium; set ORDINATE_CHROMIUM to one, or put it into PATH");
        return;
    };
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("report.html");
    let source = page(&verdicts::hostile(0), None).unwrap();
    // As it is, under its own policy; and with a script that came in some other way.
    let foreign = "<script>document.documentElement.classList.add('foreign')</script></body>";
    std::fs::write(&file, source.replacen("</body>", foreign, 1)).unwrap();
    let html = dump_dom(&browser, &dir, &file);
    let classes = html.root_element().attr("class").unwrap_or_default();
    assert_eq!(classes, "js", "its own script runs, another does not");
}
