//! A kind of task, a method and a kind of candidate of a caller's own.
#![allow(dead_code, unreachable_pub)] // parts of a test

pub mod candidate_kind;
pub mod method;
pub mod task_kind;
