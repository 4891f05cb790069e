//! Keys are nowhere in what a run wrote and printed, whatever server, program and task file do; and nothing that others wrote
//! moves the cursor.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/small.rs"]
mod small;
mod support;

use std::path::Path;
use std::process::{Command, Output};

use ordinate_faults::{Fault, FaultServer, Script};
use serde_json::{Value, json};
use small::{api, recorded, task};
use support::Desk;

const KEY: &str = "sk-proj-Zx9Qw7Er5Ty3Ui1OpAsDfGhJkLzXcVbNm2468";
/// A password that no maker's key looks like.
const PASSWORD: &str = "SUPERSECRET99";
const ITEMS: usize = 6;

fn ordinate(desk: &Desk, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ordinate"))
        .args(arguments)
        .current_dir(desk.path("."))
        .env("PLANTED_KEY", KEY)
        .env("NOT_NAMED", KEY)
        .env("ORDINATE_CACHE", desk.path("cache"))
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

/// Whether a text holds any eight characters in a row of a secret.
fn holds(bytes: &[u8], secret: &str) -> bool {
    secret.as_bytes().windows(8).any(|part| bytes.windows(8).any(|window| window == part))
}

/// Looks at everything that a run wrote and printed.
fn assert_clean(desk: &Desk, run: &str, output: &Output, secret: &str, what: &str) {
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        assert!(!holds(bytes, secret), "{what}: {name}: {}", String::from_utf8_lossy(bytes));
    }
    let mut todo = vec![desk.path(run), desk.path("cache")];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.exists() {
            assert!(!holds(&std::fs::read(&path).unwrap(), secret), "{what}: {}", path.display());
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn reply(message: &Value, finish: &str, model: &str) -> Fault {
    let choice = json!({ "index": 0, "message": message, "finish_reason": finish,
        "logprobs": { "content": [{ "token": format!("up {KEY}"), "logprob": -0.1, "bytes": null }] } });
    Fault::Body(
        200,
        json!({ "model": model, "choices": [choice], "usage": { "prompt_tokens": 20, "completion_tokens": 3 } }),
    )
}

/// What a server can say with the key in it.
fn echoes() -> Vec<(&'static str, Fault)> {
    let status = |code, message: String| Fault::Status { code, retry_after: None, message };
    let bearer = format!("Bearer {KEY}");
    let cut = format!("{}{bearer}", "p".repeat(400 - bearer.len() + 1));
    let (first, rest) = KEY.split_at(10);
    let content = |text: &str| json!({ "role": "assistant", "content": text });
    vec![
        ("400", status(400, bearer.clone())),
        ("cut off", status(400, cut)),
        ("broken in two", status(400, format!("k: {first} {rest}"))),
        ("401", status(401, format!("Incorrect API key provided: {KEY}"))),
        ("403", status(403, bearer.clone())),
        ("404", status(404, bearer.clone())),
        ("500", status(500, bearer.clone())),
        ("429", Fault::Status { code: 429, retry_after: Some("3600".into()), message: bearer.clone() }),
        ("307", status(307, bearer.clone())),
        ("an error in 200", Fault::ErrorIn200(bearer.clone())),
        ("another shape", Fault::Body(200, json!({ "auth": bearer }))),
        ("no choices", Fault::Body(200, json!({ "choices": [], "auth": bearer }))),
        ("choices of another type", Fault::Body(200, json!({ "choices": bearer }))),
        ("filtered", Fault::Body(400, json!({ "error": { "code": "content_filter", "message": bearer } }))),
        ("an answer", reply(&content(&format!("up {bearer}")), "stop", "m")),
        ("an answer that cannot be read", reply(&content(&bearer), "stop", "m")),
        ("a refusal", reply(&json!({ "refusal": bearer }), "stop", "m")),
        ("a reason to end", reply(&content("up"), &bearer, "m")),
        ("a model's name", reply(&content("up"), "stop", KEY)),
        ("a tool", reply(&json!({ "content": null, "tool_calls": [{ "arguments": bearer }] }), "stop", "m")),
    ]
}

/// Hostile case 09, a and f: whatever a server says.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_repeats_is_cleared() {
    for (what, fault) in echoes() {
        for stream in ["", ", stream = true", ", logprobs = true"] {
            let desk = Desk::new();
            let fault = fault.clone();
            let server =
                FaultServer::start(Script::saying("up").with_faults(move |_| fault.clone())).await.unwrap();
            let old = recorded(&desk, ITEMS);
            let how = api(&server.base_url(), &format!(", key_env = \"PLANTED_KEY\"{stream}"));
            task(&desk, ITEMS, "[measure]\ntries = 1", &[("api", "general", &how), ("old", "vertical", old)]);
            let output = ordinate(&desk, &["run", "task.toml", "--out", "run"]);
            assert!(server.counts().asked > 0, "{what}: {}", said(&output));
            assert_clean(&desk, "run", &output, KEY, &format!("{what}{stream}"));
            let again = ordinate(&desk, &["run", "task.toml", "--out", "run", "--json"]);
            assert_clean(&desk, "run", &again, KEY, &format!("{what}{stream}, again"));
        }
    }
}

/// Hostile case 09, b to e, and their kind: keys where none belongs are refused, not repeated, and nothing is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_task_file_is_refused_and_not_repeated() {
    let server = FaultServer::start(Script::saying("up")).await.unwrap();
    let base = server.base_url();
    let host = server.address().to_string();
    let with = |base: &str, further: &str| api(base, further);
    let keyed = ", key_env = \"PLANTED_KEY\"";
    let cases = [
        ("key_env", with(&base, &format!(", key_env = \"{KEY}\"")), KEY),
        ("user", with(&format!("http://user:{PASSWORD}@{host}/v1"), ""), PASSWORD),
        ("user2", with(&format!("user:{PASSWORD}@{host}/v1"), ""), PASSWORD),
        ("user3", with(&format!("htp://user:{PASSWORD}@{host}/v1"), ""), PASSWORD),
        ("user4", with(&format!("http://user:{PASSWORD}@:99999/v1"), ""), PASSWORD),
        ("user5", with(&format!("//{PASSWORD}@{host}"), ""), PASSWORD),
        ("bare", with(PASSWORD, ""), PASSWORD),
        ("token", with(&format!("{base}?token={PASSWORD}"), ""), PASSWORD),
        ("code", with(&format!("{base}?code={PASSWORD}&sig={PASSWORD}"), ""), PASSWORD),
        (
            "key",
            with(&format!("{base}?key={PASSWORD}"), &format!("{keyed}, key_header = \"x-api-key\"")),
            PASSWORD,
        ),
        ("any", with(&format!("{base}?whatever={KEY}"), ""), KEY),
        ("path", with(&format!("{base}/{KEY}"), keyed), KEY),
        ("extra", with(&base, &format!(", extra = {{ api_key = \"{PASSWORD}\" }}")), PASSWORD),
        (
            "extra2",
            with(
                &base,
                &format!(", extra = {{ a = {{ headers = {{ Authorization = \"x {PASSWORD}\" }} }} }}"),
            ),
            PASSWORD,
        ),
        ("extra3", with(&base, &format!(", extra = {{ user = \"{KEY}\" }}")), KEY),
        ("header", with(&base, &format!("{keyed}, key_header = \"x: {KEY}\"")), KEY),
        ("header2", with(&base, &format!("{keyed}, key_header = \"{KEY}\"")), KEY),
        ("version", with(&base, &format!(", api_version = \"{KEY}\"")), KEY),
        (
            "argument",
            format!("command = {{ run = [\"curl\", \"-H\", \"Authorization: Bearer {KEY}\"] }}"),
            KEY,
        ),
        ("env", format!("command = {{ run = [\"cat\"], env = [\"{KEY}\"] }}"), KEY),
    ];
    for (what, how, secret) in cases {
        let desk = Desk::new();
        let old = recorded(&desk, ITEMS);
        task(&desk, ITEMS, "", &[("api", "general", &how), ("old", "vertical", old)]);
        for verb in ["run", "check"] {
            let output = ordinate(&desk, &[verb, "task.toml", "--out", "run"]);
            // What the key is, is known where it is set alone.
            if (what, verb) != ("path", "check") {
                assert_eq!(output.status.code(), Some(2), "{what}: {}", said(&output));
                assert!(said(&output).contains("[[candidate]] api"), "{what}: {}", said(&output));
            }
            assert_clean(&desk, "run", &output, secret, what);
        }
        assert!(!desk.path("run").exists(), "{what}");
    }
    assert_eq!(server.counts().asked, 0);
}

const PROGRAM: &str = r#"
import json, os, sys
key = os.environ.get("PLANTED_KEY", "no key")
print("starting with", key, file=sys.stderr, flush=True)
for line in sys.stdin:
    item = json.loads(line)
    n = int(item["id"][1:])
    if n == 0: print(json.dumps({"output": "up " + key}), flush=True)
    elif n == 1: print(json.dumps({"error": "bad " + key}), flush=True)
    elif n == 2: print("no JSON: " + "p" * 380 + key, flush=True)
    elif n == 3: print(json.dumps({"id": key, "output": "up"}), flush=True)
    elif n == 4: sys.exit("died of " + key)
    else: print(json.dumps({"output": "up " + ",".join(sorted(os.environ))}), flush=True)
"#;

/// A program sees what every program needs, and what the task file names; and what it repeats of that is cleared.
#[test]
fn a_program_has_the_environment_that_it_is_given() {
    let desk = Desk::new();
    desk.write("program.py", PROGRAM);
    let old = recorded(&desk, ITEMS);
    for (env, has) in [("", false), (", env = [\"PLANTED_KEY\"]", true)] {
        let how = format!("command = {{ run = [\"python3\", \"program.py\"]{env} }}");
        task(&desk, ITEMS, "[measure]\ntries = 1", &[("program", "general", &how), ("old", "vertical", old)]);
        let run = format!("run-{has}");
        let output = ordinate(&desk, &["run", "task.toml", "--out", &run]);
        assert!(output.status.success(), "{}", said(&output));
        assert_clean(&desk, &run, &output, KEY, "a program");
        let rows = small::stored(
            &desk,
            &run,
            "select item, coalesce(text, error) from answer where candidate = 'program'",
        );
        let text = |item: &str| rows.iter().find_map(|row| row.strip_prefix(&format!("{item}\t"))).unwrap();
        let names: Vec<&str> = text("i5").trim_start_matches("up ").split(',').collect();
        assert!(names.contains(&"PATH") && !names.contains(&"NOT_NAMED"), "{names:?}");
        assert!(!names.contains(&"RUST_LOG") && !names.contains(&"ORDINATE_CACHE"), "{names:?}");
        assert_eq!(names.contains(&"PLANTED_KEY"), has, "{names:?}");
        assert_eq!(text("i0"), if has { "up [key]" } else { "up no key" });
        assert!(text("i4").contains("died of"), "{}", text("i4"));
    }
    let how = "command = { run = [\"python3\", \"program.py\"], env = [\"ORDINATE_TEST_UNSET\"] }";
    task(&desk, ITEMS, "", &[("program", "general", how), ("old", "vertical", old)]);
    let unset = ordinate(&desk, &["run", "task.toml", "--out", "none"]);
    assert_eq!(unset.status.code(), Some(2), "{}", said(&unset));
    assert!(said(&unset).contains("ORDINATE_TEST_UNSET") && !desk.path("none").exists(), "{}", said(&unset));
}

/// What servers, templates and items say is written to a terminal without what it would obey.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_others_moves_the_cursor() {
    const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
    let is_clean = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        !text.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}'])
    };
    let faults = [
        Fault::Status { code: 401, retry_after: None, message: format!("nope {EVIL}RED") },
        Fault::Status { code: 400, retry_after: None, message: format!("nope {EVIL}RED") },
        Fault::ErrorIn200(format!("{EVIL}RED")),
        reply(&json!({ "content": "up" }), &format!("{EVIL}RED"), "m"),
        reply(&json!({ "content": "up" }), "stop", &format!("other{EVIL}RED")),
        reply(&json!({ "content": format!("up {EVIL}") }), "stop", "m"),
    ];
    for fault in faults {
        let desk = Desk::new();
        let server =
            FaultServer::start(Script::saying("up").with_faults(move |_| fault.clone())).await.unwrap();
        let old = recorded(&desk, ITEMS);
        let how = api(&server.base_url(), "");
        let prompt = "[prompt]\ntemplate = \"\\u001b[2J\\u202e{{ input }}\"\n[measure]\ntries = 1";
        task(&desk, ITEMS, prompt, &[("api", "general", &how), ("old", "vertical", old)]);
        for arguments in [
            &["run", "task.toml", "--out", "run"][..],
            &["run", "task.toml", "--out", "run", "--json"],
            &["check", "task.toml", "--show-prompt"],
        ] {
            let output = ordinate(&desk, arguments);
            assert!(
                is_clean(&output.stdout),
                "{arguments:?}: {}",
                String::from_utf8_lossy(&output.stdout).escape_debug()
            );
            assert!(is_clean(&output.stderr), "{arguments:?}: {}", said(&output).escape_debug());
            if arguments[0] == "check" {
                assert!(
                    output.status.success() && output.stdout.windows(10).any(|w| w == b"gold moves"),
                    "{}",
                    said(&output)
                );
            }
        }
        if Path::new(&desk.path("run/verdict.json")).exists() {
            let raw = std::fs::read(desk.path("run/verdict.json")).unwrap();
            let printed = ordinate(&desk, &["report", "run", "--json"]).stdout;
            let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
            assert_eq!(parse(&raw), parse(&printed), "escaped JSON is the same JSON");
        }
    }
}
