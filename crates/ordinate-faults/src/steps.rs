//! What is sent of an answer, step by step, under each fault.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::answer::{Said, Script, events, whole};
use crate::body::Step;
use crate::fault::Fault;
use crate::responses;

pub(crate) fn whole_steps(script: &Script, body: &Value, said: &Said, fault: &Fault) -> Vec<Step> {
    let text = match responses::asks(body) {
        true => responses::whole(body, said).to_string(),
        false => whole(body, said, &script.style).to_string(),
    };
    let half = text.floor_char_boundary(text.len() / 2);
    let first = || Step::Send(Bytes::copy_from_slice(&text.as_bytes()[..half]));
    match fault {
        Fault::CutBody | Fault::CutAfter(_) => vec![first(), Step::Cut],
        Fault::StallBody | Fault::Pings(_) | Fault::StallAfter(_) => vec![first(), Step::Stall],
        Fault::Trickle(every) => trickle(text.as_bytes(), *every),
        Fault::BrokenJson | Fault::BrokenJsonAfter(_) => vec![first()],
        Fault::BrokenUtf8 | Fault::BrokenUtf8After(_) => vec![Step::Send(broken_utf8(&text, &said.text))],
        _ => vec![Step::Send(text.into())],
    }
}

pub(crate) fn stream_steps(script: &Script, body: &Value, said: &Said, fault: &Fault) -> Vec<Step> {
    let mut lines = if responses::asks(body) {
        responses::lines(body, said)
    } else {
        let events = events(body, said, &script.style);
        let done = "data: [DONE]\n\n".to_owned();
        events.iter().map(|event| format!("data: {event}\n\n")).chain([done]).collect()
    };
    let half = lines.len().div_ceil(2);
    let send = |lines: &[String]| -> Vec<Step> {
        if script.style.between.is_zero() {
            return vec![Step::Send(lines.concat().into())];
        }
        lines
            .iter()
            .flat_map(|line| [Step::Send(line.clone().into()), Step::Wait(script.style.between)])
            .collect()
    };
    let mut steps = match fault {
        Fault::CutBody => {
            let mut steps = send(&lines[..half]);
            // So that what was sent arrives before the connection breaks.
            steps.extend([Step::Wait(Duration::from_millis(20)), Step::Cut]);
            return steps;
        }
        Fault::StallBody => {
            let mut steps = send(&lines[..half]);
            steps.push(Step::Stall);
            return steps;
        }
        Fault::Trickle(every) => return trickle(lines.concat().as_bytes(), *every),
        Fault::BrokenJson => {
            lines[1] = "data: {\"choices\": [{\"delta\": \n\n".to_owned();
            send(&lines)
        }
        Fault::BrokenUtf8 => vec![Step::Send(broken_utf8(&lines.concat(), "assistant"))],
        Fault::CutAfter(events) => {
            let mut steps = send(&lines[..lines.len().min(*events)]);
            // So that what was sent arrives before the connection breaks.
            steps.extend([Step::Wait(Duration::from_millis(20)), Step::Cut]);
            return steps;
        }
        Fault::StallAfter(events) => {
            let mut steps = send(&lines[..lines.len().min(*events)]);
            steps.push(Step::Stall);
            return steps;
        }
        Fault::BrokenJsonAfter(events) => {
            lines.insert(lines.len().min(*events), "data: {\"choices\": [{\"delta\": \n\n".to_owned());
            send(&lines)
        }
        Fault::BrokenUtf8After(events) => {
            let (before, after) = lines.split_at(lines.len().min(*events));
            let mut steps = send(before);
            steps.push(Step::Send(broken_utf8(&after.concat(), "choices")));
            steps
        }
        Fault::NoDone => send(&lines[..half]),
        Fault::GivenUp => {
            lines.drain(half..lines.len() - 1);
            let mut steps = send(&lines);
            // So that what was sent arrives before the connection breaks.
            steps.extend([Step::Wait(Duration::from_millis(20)), Step::Cut]);
            return steps;
        }
        Fault::Pings(every) => {
            let ping = || [Step::Wait(*every), Step::Send(Bytes::from_static(b": ping\n\n"))];
            // As many as anyone waits for.
            let pings = std::iter::repeat_with(ping).take(1_000).flatten();
            return send(&lines[..half]).into_iter().chain(pings).chain([Step::Stall]).collect();
        }
        _ => send(&lines),
    };
    if matches!(steps.last(), Some(Step::Wait(_))) {
        steps.pop();
    }
    steps
}

/// Parts of an answer, a token each, in the events that are read before the stream breaks off.
pub(crate) fn written(steps: &[Step]) -> u64 {
    let sent = steps.iter().filter_map(|step| match step {
        Step::Send(bytes) => Some(String::from_utf8_lossy(bytes)),
        _ => None,
    });
    let mut parts = 0;
    for line in sent.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()) {
        let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") else { continue };
        let Ok(event) = serde_json::from_str::<Value>(data) else { break };
        if data.contains(char::REPLACEMENT_CHARACTER) {
            break;
        }
        let said = event["choices"][0]["delta"]["content"].as_str().or(event["choices"][0]["text"].as_str());
        parts += u64::from(said.is_some_and(|said| !said.is_empty()));
    }
    parts
}

/// `text` with two bytes that are not UTF-8 where `near` begins.
fn broken_utf8(text: &str, near: &str) -> Bytes {
    let at = text.find(near).unwrap_or(text.len() / 2);
    let mut bytes = text.as_bytes().to_vec();
    bytes.splice(at..at, [0xC3, 0x28]);
    bytes.into()
}

fn trickle(bytes: &[u8], every: Duration) -> Vec<Step> {
    bytes
        .chunks(2)
        .flat_map(|two| [Step::Send(Bytes::copy_from_slice(two)), Step::Wait(every)])
        .chain([Step::Stall])
        .collect()
}
