//! A run over a probe on the embeddings of an API, which is a fault server, and one on the built-in encoder.
#![allow(dead_code, unreachable_pub)]

use ordinate_faults::{FaultServer, Script};
use serde_json::json;

use super::support::Desk;

/// Texts whose label stands in the server's vectors (the sum of their bytes, modulo seven), and two probes.
pub async fn parcels() -> (Desk, FaultServer) {
    let desk = Desk::new();
    let server = FaultServer::start(Script::saying("")).await.unwrap();
    let row = |at: usize| {
        let text = format!("parcel {at}");
        let sum: u32 = text.bytes().map(u32::from).sum();
        json!({ "id": at.to_string(), "text": text, "label": if sum % 7 >= 3 { "high" } else { "low" } })
            .to_string()
    };
    desk.write("items.jsonl", (0..120).map(row).collect::<Vec<_>>().join("\n"));
    let base = server.base_url();
    let task = desk.write(
        "task.toml",
        format!(
            r#"[task]
name = "parcels"
kind = "classify"
[data]
items = "items.jsonl"
input = "text"
target = "label"
[combine]
kinds = ["single"]
[[candidate]]
name = "api"
lineage = "transferred"
openai = {{ model = "embed-small", base_url = "{base}", price = {{ input = 20.0, output = 0.0 }} }}
adapt = {{ from = "openai", method = "probe" }}
[[candidate]]
name = "here"
lineage = "transferred"
adapt = {{ from = "builtin", method = "probe" }}
"#
        ),
    );
    desk.verdict(&task, &["--quiet"]);
    (desk, server)
}
