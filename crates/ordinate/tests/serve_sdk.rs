//! OpenAI's own Python client, unchanged, against `ordinate serve` (`scripts/serve/openai_sdk.py`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/desk_of_two.rs"]
mod desk_of_two;
#[path = "support/served.rs"]
mod served;
mod support;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use desk_of_two::Two;
use serde_json::{Value, json};
use support::root;

/// The folder with the client: fetched once from PyPI into the target folder. `None`, said aloud, where that fails.
fn client() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("openai-sdk");
    let is_there = || {
        let ran = Command::new("python3").args(["-c", "import openai"]).env("PYTHONPATH", &folder).output();
        ran.is_ok_and(|ran| ran.status.success())
    };
    if !is_there() {
        let pip =
            ["-m", "pip", "install", "--quiet", "--root-user-action", "ignore", "--upgrade", "--target"];
        let wanted = root().join("scripts/serve/requirements.txt");
        let _ = Command::new("python3").args(pip).arg(&folder).arg("-r").arg(wanted).output();
    }
    if is_there() {
        return Some(folder);
    }
    eprintln!("skipped: the package openai cannot be fetched from PyPI");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_does_not_know_the_difference() {
    let Some(client) = client() else { return };
    let two = Two::run(Duration::ZERO).await;
    let key = two.desk.ordinate(["serve", "--keys", "keys.toml", "--new-key", "sdk"]).stdout();
    let server = two.serve(&["--keys", "keys.toml"]);
    let ran = Command::new("python3")
        .arg(root().join("scripts/serve/openai_sdk.py"))
        .args([format!("http://{}/v1", server.address), key.trim().to_owned()])
        .env("PYTHONPATH", client)
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let tried = [
        "models",
        "chat",
        "streaming",
        "tools",
        "stand_in",
        "a_stream_that_breaks_off_is_an_error",
        "errors",
    ];
    assert_eq!(told["tried"], json!(tried), "{told}");
}
