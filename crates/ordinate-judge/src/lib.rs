//! Needs, evidence and policies to a verdict.
