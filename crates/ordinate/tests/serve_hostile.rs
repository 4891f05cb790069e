//! Whoever means harm, or is broken: clients, whom `ordinate serve` refuses or bounds, and names that it shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/desk_of_two.rs"]
mod desk_of_two;
#[path = "support/served.rs"]
mod served;
mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use desk_of_two::{STORY, Two, ask, content};
use serde_json::json;
use served::{Reading, Served};

/// Others are answered.
fn goes_on(server: &Served) {
    assert_eq!(content(&ask(server, "go", false)), STORY);
}

/// How long until the server closes a connection that sends nothing more.
fn closed_after(mut stream: TcpStream) -> Duration {
    let start = Instant::now();
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert!(error.kind() == ErrorKind::ConnectionReset, "{error}"),
    }
    start.elapsed()
}

fn sends(server: &Served, bytes: &[u8]) -> TcpStream {
    let mut stream = server.connect();
    let _ = stream.write_all(bytes);
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_idle_connections_are_let_go() {
    let two = Two::run(Duration::ZERO).await;
    let server = two.serve(&["--client-time", "1", "--max-connections", "40"]);
    // Heads that never end, bodies that never come, and connections on which nothing is said.
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n";
    let slow: Vec<TcpStream> = (0..10)
        .flat_map(|_| {
            let body = format!("{head}content-length: 100\r\n\r\n{{");
            [head.as_bytes(), body.as_bytes(), b""].map(|bytes| sends(&server, bytes))
        })
        .collect();
    goes_on(&server);
    for stream in slow {
        let took = closed_after(stream);
        assert!(took < Duration::from_secs(4), "{took:?}");
    }
    // One that was answered and says no more.
    let mut stream = sends(&server, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut bytes = [0; 512];
    assert!(stream.read(&mut bytes).unwrap() > 0);
    assert!(closed_after(stream) < Duration::from_secs(4));
    // A body that does not come is told.
    let reading = Reading::of(sends(&server, format!("{head}content-length: 100\r\n\r\n{{").as_bytes()));
    assert_eq!(reading.whole().error(), (408, "request_timeout".to_owned()));
    // More than there is room for: those beyond it are turned away at once, and there is room again soon.
    let many: Vec<TcpStream> = (0..40).map(|_| sends(&server, b"")).collect();
    let busy = Reading::of(server.connect());
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")));
    drop(many);
    std::thread::sleep(Duration::from_millis(300));
    goes_on(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_are_refused_before_they_are_read() {
    let two = Two::run(Duration::ZERO).await;
    let server = two.serve(&["--max-body", "100000"]);
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n";
    let start = Instant::now();
    let announced = sends(&server, format!("{head}content-length: 1073741824\r\n\r\n").as_bytes());
    assert_eq!(Reading::of(announced).whole().error(), (413, "request_too_large".to_owned()));
    assert!(start.elapsed() < Duration::from_secs(2));
    // One that does not say how long it is.
    let mut stream = sends(&server, format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes());
    let chunk = format!("2710\r\n{}\r\n", " ".repeat(10_000));
    let sent = (0..100_000).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
    assert!(sent < 1_000, "a gigabyte was read: {sent}");
    // Twenty packed bytes that would be a gigabyte.
    let packed =
        server.send("POST", "/v1/chat/completions", &[("content-encoding", "br")], b"\x1b\xff\xff\x3f");
    assert_eq!(packed.error().0, 415);
    goes_on(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_is_refused() {
    let two = Two::run(Duration::ZERO).await;
    let server = two.serve(&["--client-time", "1"]);
    let many: String = (0..200).map(|at| format!("x-{at}: y\r\n")).collect();
    let long = format!("GET /health HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(100_000));
    for bytes in [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET /health HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n".to_owned(),
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nabcde".to_owned(),
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_owned(),
        format!("GET /health HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
        long,
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}".to_owned(),
    ] {
        let mut stream = sends(&server, bytes.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4");
        assert!(refused, "{:?}: {answer}", &bytes[..bytes.len().min(60)]);
        goes_on(&server);
    }
    // Deep, long and odd JSON.
    for body in [
        "[".repeat(90_000),
        format!("{{\"model\": {}1{}}}", "[".repeat(50_000), "]".repeat(50_000)),
        "{\"model\": \"ordinate/moves\", \"messages\": 1e999}".to_owned(),
        "\u{feff}{}".to_owned(),
    ] {
        let answer = server.send("POST", "/v1/chat/completions", &[], body.as_bytes());
        assert_eq!(answer.error().0, 400, "{}", &body[..body.len().min(60)]);
    }
    goes_on(&server);
}

/// The live page shows what is, as text, to whoever sits at this machine or has a key for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_live_page_shows_what_is_and_runs_nothing() {
    let two = Two::run(Duration::ZERO).await;
    let server = two.serve(&["--no-stand-in"]);
    for text in ["item 2 of sixty", "item 4 of sixty fault:renamed", "item 6 of sixty fault:hostile"] {
        server.post("/v1/tasks/moves/answer", &json!({ "text": text })).json();
    }
    for _ in 0..5 {
        assert_eq!(ask(&server, "go fault:500", false).status, 502);
    }
    for path in ["/", "/live"] {
        let page = server.get(path);
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, "text/html; charset=utf-8"),
            "{}",
            page.body
        );
        for says in [
            "ordinate/moves",
            "8 answers, 5 without one",
            "the best single, would have cost",
            "rests for",
            "overloaded 5",
            "Not known.</b> No feedback",
            "model is first-model-mini since",
            "are like the measured ones",
            "<meta http-equiv=\"refresh\"",
            "prefers-color-scheme:dark",
        ] {
            assert!(page.body.contains(says), "{says}: {}", page.body);
        }
        // The name of the third model is text, and there is nothing that a browser could run or fetch.
        assert!(
            page.body.contains("model is &lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt; since"),
            "{}",
            page.body
        );
        let document = scraper::Html::parse_document(&page.body);
        for (what, most) in [
            ("script, link, img, iframe, object, form, [onerror], [onload], [style]", 0),
            ("style", 1),
            ("meter", 99),
        ] {
            let found = document.select(&scraper::Selector::parse(what).unwrap()).count();
            assert!(found <= most && (most == 0) == (found == 0), "{what}: {found}");
        }
        let policy = page.header("content-security-policy");
        let style = document.select(&scraper::Selector::parse("style").unwrap()).next().unwrap().inner_html();
        let hash = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            <sha2::Sha256 as sha2::Digest>::digest(style.as_bytes()),
        );
        assert_eq!(
            policy,
            format!(
                "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
            )
        );
        assert_eq!((page.header("x-frame-options"), page.header("cache-control")), ("DENY", "no-store"));
    }
    // A page elsewhere whose name leads here is shown nothing.
    let elsewhere = format!(
        "GET / HTTP/1.1\r\nhost: evil.example:{}\r\nconnection: close\r\n\r\n",
        server.address.port()
    );
    assert_eq!(Reading::of(sends(&server, elsewhere.as_bytes())).status, 421);
    // Where keys are wanted it is for one that may see it, and a browser sends that as a password.
    let key = |name: &str| {
        two.desk.ordinate(["serve", "--keys", "keys.toml", "--new-key", name]).stdout().trim().to_owned()
    };
    let (plain, admin) = (key("plain"), key("admin"));
    let keys = std::fs::read_to_string(two.desk.path("keys.toml")).unwrap();
    two.desk.write("keys.toml", keys.trim_end().to_owned() + "\nadmin = true\nusd_per_day = 2.0\n");
    let server = two.serve(&["--keys", "keys.toml"]);
    let with = |scheme: &str, text: &str| {
        server.send("GET", "/", &[("authorization", &format!("{scheme} {text}"))], b"")
    };
    let basic =
        |key: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("me:{key}"));
    let none = server.get("/");
    assert_eq!(none.error(), (401, "missing_api_key".to_owned()));
    assert!(none.header("www-authenticate").starts_with("Basic realm="), "{:?}", none.headers);
    assert_eq!(with("Basic", &basic("ordk-wrong")).error(), (401, "invalid_api_key".to_owned()));
    assert_eq!(with("Basic", &basic(&plain)).error(), (403, "admin_only".to_owned()));
    for page in [with("Basic", &basic(&admin)), with("Bearer", &admin)] {
        assert!(
            page.status == 200 && page.body.contains("key admin") && page.body.contains("$2.00"),
            "{}",
            page.body
        );
        assert!(page.body.contains("key plain") && !page.body.contains(&admin));
    }
    // A password is taken here alone.
    let other = [("authorization", format!("Basic {}", basic(&admin)))];
    let other: Vec<(&str, &str)> = other.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(server.send("GET", "/metrics", &other, b"").status, 401);
}
