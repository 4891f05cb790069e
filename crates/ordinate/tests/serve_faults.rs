//! The fault matrix of `ordinate serve`: each fault, streamed or not, with somebody to stand in or without.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/desk_of_two.rs"]
mod desk_of_two;
#[path = "support/served.rs"]
mod served;
mod support;

use std::time::{Duration, Instant};

use desk_of_two::{STORY, Two, answered, ask, content, dropped, shadow};
use served::Served;

/// Faults before the first part of an answer, streamed or not: status and code where nobody stands in.
const BEFORE: [(&str, u16, &str); 10] = [
    ("500", 502, "upstream_error"),
    ("503", 502, "upstream_error"),
    ("error-in-200", 502, "upstream_error"),
    ("cut-before-headers", 502, "upstream_error"),
    ("stall-headers", 504, "upstream_timeout"),
    ("html", 502, "upstream_error"),
    ("other-shape", 502, "upstream_error"),
    ("broken-json", 502, "upstream_error"),
    ("broken-utf8", 502, "upstream_error"),
    ("stall-after-1", 504, "upstream_timeout"),
];

/// Faults after the first part of a stream: how many characters of it are told, and the code of the last event. Of a whole
/// answer nothing is told.
const AFTER: [(&str, usize, &str); 6] = [
    ("cut-after-41", 160, "upstream_error"),
    ("stall-after-21", 80, "upstream_timeout"),
    ("json-after-11", 40, "upstream_error"),
    ("utf8-after-11", 40, "upstream_error"),
    ("no-done", 0, "upstream_error"),
    ("finish-error", STORY.len(), "upstream_error"),
];

/// The first answers again: what was before is forgotten.
fn recovers(server: &Served) {
    let answer = ask(server, "go", false);
    assert_eq!((content(&answer).as_str(), answer.header("x-ordinate-candidate")), (STORY, "first"));
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_part_somebody_stands_in() {
    let two = Two::run(Duration::ZERO).await;
    let (server, alone) = (two.serve(&[]), two.serve(&["--no-stand-in"]));
    for (fault, status, code) in BEFORE {
        let text = format!("go fault:{fault}");
        for streamed in [false, true] {
            let cell = format!("{fault}, streamed: {streamed}");
            let answer = ask(&server, &text, streamed);
            assert_eq!(answer.status, 200, "{cell}: {}", answer.body);
            assert_eq!(answer.header("x-ordinate-candidate"), "second", "{cell}");
            assert_eq!(answer.header("x-ordinate-stood-in-for"), "first", "{cell}");
            match streamed {
                true => assert_eq!(answer.told(), (STORY.to_owned(), "[DONE]".to_owned()), "{cell}"),
                false => assert_eq!(content(&answer), STORY, "{cell}"),
            }
            recovers(&server);
            assert_eq!(ask(&alone, &text, streamed).error(), (status, code.to_owned()), "{cell}");
            recovers(&alone);
        }
    }
    // What is wrong with the request itself is told, and nobody else is bothered with it.
    for streamed in [false, true] {
        let answer = ask(&alone, "go fault:400", streamed);
        assert_eq!(answer.error(), (400, "rejected_upstream".to_owned()));
        assert!(answer.body.contains("tools[0] is wrong"), "{}", answer.body);
    }
    let stood_in = server.metric("ordinate_stood_in_total{task=\"moves\"}");
    assert_eq!(stood_in, 2.0 * BEFORE.len() as f64);
    let both = ["first", "second"].map(|name| {
        server.metric(&format!("ordinate_candidate_requests_total{{task=\"moves\",candidate=\"{name}\"}}"))
    });
    assert_eq!(both, [4.0 * BEFORE.len() as f64, 2.0 * BEFORE.len() as f64]);
    assert_eq!(two.second.counts().completed, 60 + 2 * BEFORE.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_first_part_the_last_event_is_an_error() {
    let two = Two::run(Duration::ZERO).await;
    let (server, alone) = (two.serve(&[]), two.serve(&["--no-stand-in"]));
    for (fault, told, code) in AFTER {
        let text = format!("go fault:{fault}");
        for server in [&server, &alone] {
            let answer = ask(server, &text, true);
            assert_eq!((answer.status, answer.header("x-ordinate-candidate")), (200, "first"), "{fault}");
            let (part, last) = answer.told();
            assert!(STORY.starts_with(&part), "{fault}: {part}");
            if told > 0 {
                assert_eq!(part.len(), told, "{fault}: {part}");
            }
            let last: serde_json::Value =
                serde_json::from_str(&last).unwrap_or_else(|_| panic!("{fault}: {last}"));
            assert_eq!(last["error"]["code"], code, "{fault}: {last}");
            assert!(!answer.body.contains("[DONE]"), "{fault}: no stream that broke off was whole");
            recovers(server);
        }
        // Of a whole answer nothing was told yet.
        let answer = ask(&server, &text, false);
        if fault == "no-done" {
            assert_eq!(
                answer.header("x-ordinate-candidate"),
                "first",
                "a whole answer has no end to be missed"
            );
        } else {
            assert_eq!(
                (content(&answer).as_str(), answer.header("x-ordinate-candidate")),
                (STORY, "second"),
                "{fault}"
            );
            assert_eq!(ask(&alone, &text, false).error().0 / 100, 5, "{fault}");
            recovers(&alone);
        }
        recovers(&server);
    }
    assert_eq!(server.metric("ordinate_streams_broken_total"), AFTER.len() as f64);
}

/// A server that says how long it is to be left alone is left alone so long.
#[tokio::test(flavor = "multi_thread")]
async fn a_limited_server_is_left_alone() {
    let two = Two::run(Duration::ZERO).await;
    for (fault, wait) in [("429-short", 7), ("429-hours", 7_200)] {
        for streamed in [false, true] {
            let server = two.serve(&[]);
            let answer = ask(&server, &format!("go fault:{fault}"), streamed);
            assert_eq!(
                (answer.status, answer.header("x-ordinate-candidate")),
                (200, "second"),
                "{}",
                answer.body
            );
            let before = two.first.counts().asked;
            assert_eq!(ask(&server, "go", streamed).header("x-ordinate-candidate"), "second");
            assert_eq!(two.first.counts().asked, before, "it is not asked before its time");

            let alone = two.serve(&["--no-stand-in"]);
            let answer = ask(&alone, &format!("go fault:{fault}"), streamed);
            assert_eq!(answer.error(), (429, "rate_limit_exceeded".to_owned()));
            assert_eq!(answer.header("retry-after"), wait.to_string());
            let answer = ask(&alone, "go", streamed);
            assert_eq!(answer.error(), (503, "upstream_unavailable".to_owned()));
            assert!(answer.header("retry-after").parse::<u64>().unwrap() <= wait.min(3_600));
        }
    }
}

/// Nobody is there, or the name is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_reached_is_stood_in_for() {
    let two = Two::run(Duration::ZERO).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for base in [format!("http://127.0.0.1:{free}/v1"), "http://nobody.invalid/v1".to_owned()] {
        two.desk.write(
            "upstreams.toml",
            format!(
                "[[candidate]]\nname = \"first\"\nlineage = \"general\"\nopenai = {{ model = \"m\", base_url = \"{base}\", \
                 timeouts = {{ connect_s = 1.0, first_token_s = 0.6, idle_s = 0.5, total_s = 2.0 }} }}\n"
            ),
        );
        for streamed in [false, true] {
            let server = two.serve(&["--upstreams", "upstreams.toml"]);
            let answer = ask(&server, "go", streamed);
            assert_eq!(
                (answer.status, answer.header("x-ordinate-candidate")),
                (200, "second"),
                "{}",
                answer.body
            );
            let alone = two.serve(&["--upstreams", "upstreams.toml", "--no-stand-in"]);
            let (status, code) = ask(&alone, "go", streamed).error();
            assert!(
                [(502, "upstream_error"), (504, "upstream_timeout")].contains(&(status, &code)),
                "{status} {code}"
            );
            // After five times in a row it is left alone.
            for _ in 0..4 {
                ask(&alone, "go", streamed);
            }
            assert_eq!(ask(&alone, "go", streamed).error().0, 503);
        }
    }
}

/// Another model behind the same name is told once, with what it was before.
#[tokio::test(flavor = "multi_thread")]
async fn another_model_behind_a_name_is_told() {
    let two = Two::run(Duration::ZERO).await;
    let mut server = two.serve(&[]);
    let item = |text: &str| {
        let answer = server.post("/v1/tasks/moves/answer", &serde_json::json!({ "text": text }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let changes = |what: &str| {
        server.metric(&format!(
            "ordinate_model_changes_total{{task=\"moves\",candidate=\"first\",what=\"{what}\"}}"
        ))
    };
    item("item 2 of sixty");
    assert_eq!(changes("model"), 0.0);
    item("item 4 of sixty fault:renamed");
    item("item 4 of sixty fault:renamed");
    // A state of the servers is new only to whoever has seen another.
    assert_eq!((changes("model"), changes("system_fingerprint")), (1.0, 0.0));
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let says = "what answers as first is not what was measured: its model is \"first-model-mini\"; before it was \"first-model\"";
    assert_eq!(server.says(says), 1);
    let status = two.desk.ordinate(["status", "run"]).stdout();
    assert!(
        status.contains("model is first-model-mini since")
            && status.contains("in 2 answers; before: first-model"),
        "{status}"
    );
}

/// Whatever is wrong with the runner-up, no client learns of it, or waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_runner_up_in_trouble_troubles_nobody() {
    let two = Two::run(Duration::ZERO).await;
    let settings = |text: &str| {
        two.desk.write("settings.toml", format!("[shadow]\nshare = 1.0\nusd_per_day = 10.0\n{text}"));
    };
    let serve = |further: &[&str]| {
        two.serve(
            &[&["--policy", "second", "--no-stand-in", "--settings", "settings.toml"], further].concat(),
        )
    };
    settings("at_once = 64\n");
    let server = serve(&[]);
    let faults = ["500", "stall-headers", "broken-json", "cut-before-headers"];
    for (at, fault) in faults.iter().enumerate() {
        let start = Instant::now();
        answered(&server, &format!("item {at} of sixty fault:{fault}"));
        assert!(start.elapsed() < Duration::from_millis(500), "{fault}: nobody waits for it");
    }
    server.reaches(&shadow("errors_total"), 4.0);
    // It is left alone once it asks for that, and clients who ask it by another policy are not told so.
    answered(&server, "item 5 of sixty fault:429-hours");
    server.reaches(&shadow("errors_total"), 5.0);
    answered(&server, "item 6 of sixty");
    server.reaches(&dropped("resting"), 1.0);
    // Nobody is there at all.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let upstream = |price: &str| {
        two.desk.write(
            "upstreams.toml",
            format!(
                "[[candidate]]\nname = \"first\"\nlineage = \"general\"\nopenai = {{ model = \"m\", base_url = \
                 \"http://127.0.0.1:{free}/v1\"{price} }}\n"
            ),
        );
    };
    upstream(", price = { input = 1.0, output = 1.0 }");
    let server = serve(&["--upstreams", "upstreams.toml"]);
    answered(&server, "item 7 of sixty");
    server.reaches(&shadow("errors_total"), 1.0);
    // One at a time; and what is on its way when the server ends is let go.
    settings("at_once = 1\n");
    let mut server = serve(&[]);
    answered(&server, "item 8 of sixty fault:stall-headers");
    answered(&server, "item 9 of sixty");
    server.reaches(&dropped("busy"), 1.0);
    let ended = Instant::now();
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success() && ended.elapsed() < Duration::from_secs(2));
    // What cannot be is said at the start.
    let refused = |text: &str, further: &[&str], says: &str| {
        settings(text);
        let all = [&["serve", "run", "--policy", "second", "--settings", "settings.toml"], further].concat();
        let message = two.desk.ordinate(all).stderr();
        assert!(message.contains(says), "{text}: {message}");
    };
    refused("runner_up = { moves = \"frist\" }\n", &[], "did you mean \"first\"?");
    refused("runner_up = { mvoes = \"first\" }\n", &[], "a task \"mvoes\", which is not served");
    refused("at_once = 0\n", &[], "at_once");
    upstream("");
    refused("", &["--upstreams", "upstreams.toml"], "first has no price");
}

/// Where the first request takes long a second one is made: the client waits no longer, both are paid for, and the first ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_is_asked_a_second_time() {
    let two = Two::run(Duration::ZERO).await;
    two.desk.write("settings.toml", "[hedge]\nafter_ms = 100\n");
    let server = two.serve(&["--no-stand-in", "--settings", "settings.toml"]);
    for streamed in [false, true] {
        let start = Instant::now();
        let answer = ask(&server, "go fault:slow-once", streamed);
        let took = start.elapsed();
        assert_eq!((answer.status, answer.header("x-ordinate-candidate")), (200, "first"), "{}", answer.body);
        assert!(took > Duration::from_millis(100) && took < Duration::from_millis(550), "{took:?}");
        // The same again is quick, and half as dear.
        let again = ask(&server, "go fault:slow-once", streamed);
        if !streamed {
            assert_eq!(content(&answer), STORY);
            let cost = |answer: &served::Answer| answer.header("x-ordinate-cost-usd").parse::<f64>().unwrap();
            assert!((cost(&answer) / cost(&again) - 2.0).abs() < 1e-9, "{} {}", cost(&answer), cost(&again));
        }
        let left = Instant::now();
        while two.first.counts().open > 0 {
            assert!(left.elapsed() < Duration::from_secs(1), "nobody waits for the first any more");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    let of = |name: &str| {
        server.metric(&format!("ordinate_candidate_{name}{{task=\"moves\",candidate=\"first\"}}"))
    };
    assert_eq!((of("requests_total"), of("answers_given_total")), (6.0, 4.0));
    let hedged = "ordinate_candidate_errors_total{task=\"moves\",candidate=\"first\",kind=\"hedged\"}";
    assert_eq!(server.metric(hedged), 2.0);
    // Whoever is out of order is no slow one, and a second that is slow too changes nothing.
    assert_eq!(ask(&server, "go fault:500", false).error().0, 502);
    assert_eq!(ask(&server, "go fault:stall-headers", false).error(), (504, "upstream_timeout".to_owned()));
}
