//! OpenAI's own clients for Python and JavaScript, unchanged, against `ordinate serve` (`scripts/serve/openai_sdk.*`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may

#[path = "support/desk_of_two.rs"]
mod desk_of_two;
#[path = "support/fetched.rs"]
mod fetched;
#[path = "support/parcels.rs"]
mod parcels;
#[path = "support/served.rs"]
mod served;
mod support;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use desk_of_two::Two;
use fetched::fetched;
use ordinate_faults::FaultServer;
use parcels::parcels;
use serde_json::Value;
use served::Served;
use support::{Desk, root};

/// The folder with the client: fetched once from PyPI into the target folder. `None`, said aloud, where that fails.
fn client() -> Option<PathBuf> {
    let folder = fetched("openai-sdk", |folder| {
        let pip = ["-m", "pip", "install", "--quiet", "--root-user-action", "ignore", "--target"];
        let wanted = root().join("scripts/serve/requirements.txt");
        is_done(Command::new("python3").args(pip).arg(folder).arg("-r").arg(wanted))
    });
    if folder.is_none() {
        eprintln!("skipped: the package openai cannot be fetched from PyPI");
    }
    folder
}

/// The folder with the JavaScript client: fetched once from npm into the target folder. `None`, said aloud, where that fails.
fn javascript_client() -> Option<PathBuf> {
    let folder = fetched("openai-js", |folder| {
        std::fs::copy(root().join("scripts/serve/package.json"), folder.join("package.json")).unwrap();
        let install = ["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"];
        is_done(Command::new("npm").args(install).current_dir(folder))
    });
    if folder.is_none() {
        eprintln!("skipped: the package openai cannot be fetched from npm");
    }
    folder
}

fn is_done(command: &mut Command) -> bool {
    command.output().is_ok_and(|ran| ran.status.success())
}

/// Two runs behind one server that wants keys, and a key.
struct Keyed {
    _runs: (Two, (Desk, FaultServer)),
    server: Served,
    key: String,
}

impl Keyed {
    async fn start() -> Self {
        let (two, other) = (Two::run(Duration::ZERO).await, parcels().await);
        let key = two.desk.ordinate(["serve", "--keys", "keys.toml", "--new-key", "sdk"]).stdout();
        let run = other.0.path("run");
        let server = two.serve(&[run.to_str().unwrap(), "--keys", "keys.toml"]);
        Self { _runs: (two, other), server, key: key.trim().to_owned() }
    }

    /// What a program says that was asked to try the server.
    fn tried_by(&self, program: &mut Command) -> Vec<String> {
        let ran = program
            .args([format!("http://{}/v1", self.server.address), self.key.clone()])
            .env("NO_PROXY", "127.0.0.1")
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
        serde_json::from_value(told["tried"].clone()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_does_not_know_the_difference() {
    let Some(client) = client() else { return };
    let keyed = Keyed::start().await;
    let script = root().join("scripts/serve/openai_sdk.py");
    let tried = keyed.tried_by(Command::new("python3").arg(script).env("PYTHONPATH", client));
    assert_eq!(
        tried,
        [
            "models",
            "chat",
            "streaming",
            "tools",
            "completions",
            "responses",
            "embeddings",
            "stand_in",
            "a_stream_that_breaks_off_is_an_error",
            "errors",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_the_one_for_javascript() {
    let Some(client) = javascript_client() else { return };
    let keyed = Keyed::start().await;
    let script = root().join("scripts/serve/openai_sdk.mjs");
    let tried = keyed.tried_by(Command::new("node").arg(script).arg(client));
    assert_eq!(
        tried,
        [
            "models",
            "chat",
            "streaming",
            "tools",
            "completions",
            "responses",
            "embeddings",
            "errors",
            "a_stream_that_breaks_off_is_an_error",
            "timeouts",
        ]
    );
}
