//! `/v1/feedback`: what somebody thinks of an answer, put on the record beside it.

use hyper::{Response, StatusCode};
use serde_json::json;

use crate::body::Reply;
use crate::error::{ApiError, json_response};
use crate::reading::Said;
use crate::record::{Feedback, Line};
use crate::state::{Asking, Server, tell};

/// Takes `{"id", "task", "score"}`, and `target`, the right answer, in place of a score or beside it.
pub(super) fn feedback(server: &Server, asking: &Asking, body: &[u8]) -> Result<Response<Reply>, ApiError> {
    let Some(record) = &server.record else {
        let message = "this server keeps no record (--no-record), so that feedback would be lost";
        return Err(ApiError::new(StatusCode::CONFLICT, "no_record", message));
    };
    let Said { id, task, score, target, comment } = Said::of(body)?;
    let task = match task {
        Some(task) => task,
        None => match asking.served.tasks() {
            [task] => task.run.name.clone(),
            _ => return Err(ApiError::field("task", "task is missing: more than one is served here")),
        },
    };
    let task = asking.served.task(&task)?;
    asking.admit(task)?;
    server.begin_watch(task);
    let shadow = target.as_deref().and_then(|target| server.score_both(task, &id, target));
    // The right answer says what the policy's answer scored, where nobody says otherwise.
    let score = score.or_else(|| shadow.as_ref().map(|shadowed| shadowed.of_policy));
    if let Some(shadowed) = &shadow {
        server.begin_pair(task, &shadowed.candidate);
    }
    let line = Feedback {
        at: Line::now(),
        request: id,
        key: asking.key.as_ref().map(|key| key.name.clone()),
        task: task.run.name.clone(),
        policy: task.run.artefact.name.clone(),
        score,
        target,
        shadow,
        comment,
    };
    record.add_feedback(&line).map_err(|error| {
        tell(&format!("the record cannot be written: {error}"));
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "record", "the record cannot be written")
    })?;
    if let Some(score) = score {
        server.watch(task, score);
    }
    if let Some(shadowed) = &line.shadow {
        server.see_pair(task, shadowed);
    }
    server.metrics.feedback(&task.run.name);
    Ok(json_response(StatusCode::OK, &json!({ "recorded": true })))
}
