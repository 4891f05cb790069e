//! `ordinate view`: the runs of a folder as pages on loopback, by a plain client and in a real browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)] // a test may

#[path = "support/browser.rs"]
mod browser;
#[path = "view/grade.rs"]
mod grade;
#[path = "view/heat.rs"]
mod heat;
#[path = "view/items.rs"]
mod items;
#[path = "view/label.rs"]
mod label;
#[path = "support/pictures.rs"]
mod pictures;
#[path = "support/series.rs"]
mod series;
#[path = "support/served.rs"]
mod served;
mod support;

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::process::Command;

use browser::chromium;
use scraper::{Html, Selector};
use served::Served;
use support::Desk;

const HOSTILE: &str = "<img src=x onerror=\"document.body.id='pwned'\">";

/// A run over a table in which two models are right on so many of a hundred of the same items.
fn ran(desk: &Desk, folder: &str, task: &str, [large, own]: [usize; 2], names: [&str; 2]) {
    let cell = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut table = "id,candidate,score,cost_usd\n".to_owned();
    for item in 0..400 {
        for (name, right, step) in [(names[0], large, 37), (names[1], own, 61)] {
            let score = u8::from(item * step % 100 < right);
            let _ = writeln!(table, "i{item},{},{score},0.001", cell(name));
        }
    }
    desk.write("t.csv", table);
    let quoted = |text: &str| serde_json::json!(text).to_string();
    let entries = [(names[0], "general"), (names[1], "vertical")];
    let entries = entries
        .map(|(name, lineage)| format!("[[candidate]]\nname = {}\nlineage = \"{lineage}\"\n", quoted(name)));
    desk.write(
        "t.toml",
        format!(
            "[task]\nname = {}\nkind = \"scored\"\n[data]\nevidence = \"t.csv\"\n[combine]\nkinds = [\"single\"]\n{}",
            quoted(task),
            entries.concat()
        ),
    );
    let ran = desk.ordinate(["run", "t.toml", "--out", folder, "--quiet"]);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
}

/// Three runs of a task, one of them kept beside, and one whose names mean harm.
fn desk() -> Desk {
    let desk = Desk::new();
    let names = ["large", "own"];
    ran(&desk, "runs/march", "desk", [90, 50], names);
    ran(&desk, "runs/april", "desk", [70, 50], names);
    ran(&desk, "runs/april", "desk", [50, 80], names);
    ran(&desk, &format!("runs/{}", "a<b>'&"), HOSTILE, [90, 50], [HOSTILE, "own"]);
    desk.write("runs/broken/verdict.json", "{\"version\": 1}");
    desk.write("runs/broken/task.toml", "");
    // What was exported is no run.
    assert_eq!(desk.ordinate(["export", "runs/march", "--to", "runs/exported"]).status(), 0);
    desk
}

/// The addresses and texts of what a selector finds.
fn links(page: &str, selector: &str) -> Vec<(String, String)> {
    let page = Html::parse_document(page);
    let selector = Selector::parse(selector).unwrap();
    let found = page.select(&selector).map(|link| {
        (link.attr("href").unwrap_or_default().to_owned(), link.text().collect::<String>().trim().to_owned())
    });
    found.collect()
}

fn text(page: &str) -> String {
    let page = Html::parse_document(page);
    let selector = Selector::parse("main").unwrap();
    let main = page.select(&selector).next().unwrap();
    main.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the server answers to a request of these bytes.
fn raw(server: &Served, request: &str) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_list_each_page_two_side_by_side_and_a_history() {
    let desk = desk();
    let server = Served::of("view", &desk, &["runs"], &[]);
    let list = server.get("/");
    assert_eq!(list.status, 200);
    let policy = list.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("script-src"), "{policy}");
    let runs = links(&list.body, "tbody th a");
    let named: Vec<&str> = runs.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(named.len(), 4, "{named:?}");
    assert_eq!(named[..1], ["a<b>'&"]);
    assert!(named.contains(&"april") && named.contains(&"april.1") && named.contains(&"march"), "{named:?}");
    assert!(
        text(&list.body).contains("broken: runs/broken/verdict.json: the verdict cannot be read"),
        "{}",
        text(&list.body)
    );
    let id = |name: &str| {
        let (address, _) = runs.iter().find(|(_, one)| one == name).unwrap();
        address.strip_prefix("/run/").unwrap().to_owned()
    };

    let page = server.get(&format!("/run/{}", id("march")));
    assert!(
        page.body.contains("<title>desk: A general model is the right choice</title>"),
        "{}",
        &page.body[..2000]
    );
    assert!(page.body.contains("script-src 'sha256-"), "the page's own policy");

    // The same arithmetic as the gate's.
    let gate = desk.ordinate(["gate", "runs/april.1", "--against", "runs/march"]).stdout();
    let figures =
        gate.split_once("large then: ").unwrap().1.split_once(" on 400 items").unwrap().0.to_owned();
    assert!(figures.starts_with("-0.200 ["), "{gate}");
    let two = text(&server.get(&format!("/compare?a={}&b={}", id("march"), id("april.1"))).body);
    assert!(two.contains("The verdict is the same Both say general (large)."), "{two}");
    let said = format!(
        "scores {figures} against what is in the first, paired on 400 items of both: more than noise"
    );
    assert!(two.contains(&said), "{said}: {two}");
    let two = text(&server.get(&format!("/compare?a={}&b={}", id("april.1"), id("april"))).body);
    assert!(
        two.contains("The verdict changed The first says general (large), the second vertical (own)."),
        "{two}"
    );
    let two = text(&server.get(&format!("/compare?a={0}&b={0}", id("april"))).body);
    assert!(two.contains("not a score differs"), "{two}");
    let two = text(&server.get(&format!("/compare?a={}&b={}", id("march"), id("a<b>'&"))).body);
    assert!(
        two.contains("They are runs of two tasks.") && two.contains("In one of the two alone: large, <img"),
        "{two}"
    );

    // A folder without trials has its verdict all the same.
    std::fs::remove_file(desk.path("runs/march/trials.zst")).unwrap();
    let two = text(&server.get(&format!("/compare?a={}&b={}", id("march"), id("april.1"))).body);
    assert!(two.contains("-0.200 [") && two.contains("with items of their own each"), "{two}");
    assert!(two.contains("Items could not be paired: runs/march/trials.zst: cannot be read"), "{two}");

    let (task, _) = links(&list.body, "td.name a").into_iter().find(|(_, task)| task == "desk").unwrap();
    let history = server.get(&task).body;
    let named: Vec<String> = links(&history, "tbody th a").into_iter().map(|(_, name)| name).collect();
    assert_eq!(named, ["april", "april.1", "march"]);
    assert!(text(&history).contains("vertical, was general; own, was large"), "{}", text(&history));
    // What comes later is seen at the next visit.
    ran(&desk, "runs/deeper/may", "desk", [90, 50], ["large", "own"]);
    assert!(server.get(&task).body.contains("deeper/may"));
}

#[test]
fn nobody_is_answered_who_came_by_another_name_or_wants_anything_else() {
    let desk = desk();
    let server = Served::of("view", &desk, &["runs"], &[]);
    let port = server.address.port();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), "200"),
        (format!("localhost:{port}"), "200"),
        (format!("evil.example:{port}"), "421"),
        ("127.0.0.1".to_owned(), "421"),
        (format!("127.0.0.1:{port}\r\nHost: evil.example"), "421"),
    ] {
        let answer = raw(&server, &format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        assert!(
            head.starts_with(&format!("HTTP/1.1 {status} ")) || head.starts_with("HTTP/1.1 400 "),
            "{host}: {head}"
        );
        assert_eq!(body.contains("april"), status == "200", "{host}");
    }
    assert_eq!(server.send("POST", "/", &[], b"x").status, 405);
    for path in [
        "/run/0123456789abcdef",
        "/run/../march",
        "/run/%2e%2e%2fmarch",
        "/task/",
        "/compare?a=1",
        "/verdict.json",
        "/run/",
    ] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let shown = server.get("/<script>alert(1)</script>");
    assert!(!shown.body.contains("<script"), "{}", shown.body);
    // Ctrl-C ends it, in order.
    server.signal("INT");
    let mut server = server;
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_shown_is_said() {
    let desk = Desk::new();
    let refused = desk.ordinate(["view", "nowhere"]).refusal();
    assert!(refused.contains("nowhere: no folder; give the one that run folders lie in"), "{refused}");
    let refused = desk.ordinate(["view", "--bind", "0.0.0.0:0"]).refusal();
    assert!(refused.contains("can be reached from other machines"), "{refused}");
    let server = Served::of("view", &desk, &[], &[]);
    assert!(text(&server.get("/").body).contains("No run lies here yet"), "an empty folder");
}

/// In the browser: names stay names, and the page of a run can be read.
#[test]
fn names_stay_names_in_a_browser() {
    let Some(browser) = chromium() else { return };
    let desk = desk();
    let server = Served::of("view", &desk, &["runs"], &[]);
    let list = server.get("/");
    let run = links(&list.body, "tbody th a")[0].0.clone();
    let (_, other) = (&run, links(&list.body, "tbody th a")[1].0.clone());
    let ids = [&run, &other].map(|address| address.strip_prefix("/run/").unwrap().to_owned());
    let task = links(&list.body, "tbody tr:first-child td.name a")[0].0.clone();
    for path in ["/".to_owned(), run, task, format!("/compare?a={}&b={}", ids[1], ids[0])] {
        let profile = tempfile::tempdir().unwrap();
        let dumped = Command::new(&browser)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-dev-shm-usage",
            ])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(["--dump-dom", &format!("http://{}{path}", server.address)])
            .output()
            .unwrap();
        let dom = String::from_utf8(dumped.stdout).unwrap();
        assert!(text(&dom).contains("<img src=x onerror="), "{path}: the name is shown: {dom}");
        assert!(links(&dom, "img, #pwned, [onerror]").is_empty(), "{path}");
    }
}
