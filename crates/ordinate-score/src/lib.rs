//! Intervals and tests for paired scores.
