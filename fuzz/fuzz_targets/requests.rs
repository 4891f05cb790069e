//! Requests to `ordinate serve`, by whichever path: reading one comes back, what is passed on of it is JSON that says the same, and a
//! list of items is within what it says.
#![no_main]
#![allow(dead_code)]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

#[path = "../../crates/ordinate-serve/src/reading/asked.rs"]
mod asked;
#[path = "../../crates/ordinate-serve/src/reading/fields.rs"]
mod fields;
#[path = "../../crates/ordinate-serve/src/reading/rows.rs"]
mod rows;
#[path = "../../crates/ordinate-serve/src/reading/said.rs"]
mod said;
#[path = "../../crates/ordinate-serve/src/reading/wanted.rs"]
mod wanted;

use asked::{Asked, further};
use fields::Fields;

/// As `ordinate-remote` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Chat,
    Completions,
    Responses,
}

/// What is wrong with a request.
#[derive(Debug)]
pub(crate) struct ApiError {
    param: Option<&'static str>,
    message: String,
}

impl ApiError {
    fn field(param: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param), message: message.into() }
    }

    fn invalid_json(message: impl Into<String>) -> Self {
        Self { param: None, message: message.into() }
    }
}

fuzz_target!(|body: &[u8]| {
    if let Ok((rows, is_list)) = rows::rows(body) {
        assert!(is_list || rows.len() == 1);
    }
    if let Ok(said) = said::Said::of(body) {
        assert!(said.score.is_some() || said.target.is_some());
        assert!(said.score.is_none_or(|score| (0.0..=1.0).contains(&score)));
    }
    let Ok(fields) = Fields::of(body) else { return };
    if let Ok(wanted) = wanted::Wanted::of(&fields) {
        assert!((1..=2_048).contains(&wanted.texts.len()));
    }
    let passed_on = fields.with(&[("model", "\"m\"".to_owned())], &["ordinate", "stream"]);
    serde_json::from_str::<&RawValue>(&passed_on).expect("what is passed on is JSON");
    // What is nested too deep, or a number too large, is read by nobody here.
    if let Ok(whole) = serde_json::from_slice::<Map<String, Value>>(body) {
        let read: Map<String, Value> = serde_json::from_str(&passed_on).expect("and an object");
        assert_eq!(read["model"], "m");
        assert!(!read.contains_key("ordinate") && !read.contains_key("stream"));
        let changed = ["model", "ordinate", "stream"];
        for (name, value) in whole.iter().filter(|(name, _)| !changed.contains(&name.as_str())) {
            assert_eq!(&read[name], value, "{name} is passed on as it was");
        }
    }
    for api in [Api::Chat, Api::Completions, Api::Responses] {
        let _ = Asked::of(api, &fields);
        let along = further(api, &fields, "ordinate");
        assert!(!along.contains_key("messages") && !along.contains_key("model"), "{along:?}");
    }
});
