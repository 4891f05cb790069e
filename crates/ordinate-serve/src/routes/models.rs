//! `/v1/models`: the tasks whose policies are served, and their candidates where those may be asked for by name.

use std::sync::Arc;

use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use crate::body::Reply;
use crate::error::{ApiError, json_response};
use crate::state::{Asking, Server};
use crate::task::ServedTask;

fn all(server: &Server, asking: &Asking) -> Vec<Value> {
    let may_name = server.config.candidates && asking.key.as_ref().is_none_or(|key| key.candidates);
    let allowed = |task: &&Arc<ServedTask>| asking.key.as_ref().is_none_or(|key| key.may_ask(&task.run.name));
    let mut models = Vec::new();
    for task in asking.served.tasks().iter().filter(allowed) {
        let run = &task.run;
        let model =
            |id: &str| json!({ "id": id, "object": "model", "created": run.created, "owned_by": "ordinate" });
        let mut policy = model(&task.model());
        policy["ordinate"] = json!({
            "task": run.name,
            "policy": run.artefact.name,
            "kind": run.artefact.policy.kind(),
            "candidates": run.artefact.policy.candidates(),
        });
        models.push(policy);
        if may_name {
            models.extend(run.candidates.iter().map(|candidate| model(candidate.name.as_str())));
        }
    }
    models
}

pub(super) fn list(server: &Server, asking: &Asking) -> Response<Reply> {
    json_response(StatusCode::OK, &json!({ "object": "list", "data": all(server, asking) }))
}

pub(super) fn one(server: &Server, asking: &Asking, name: &str) -> Result<Response<Reply>, ApiError> {
    let name = super::decoded(name);
    let found = all(server, asking).into_iter().find(|model| model["id"] == name);
    let error = || {
        let message = format!("no model {name:?} is served here; GET /v1/models lists what is");
        ApiError { code: "model_not_found", ..ApiError::not_found(message) }
    };
    found.map(|model| json_response(StatusCode::OK, &model)).ok_or_else(error)
}
