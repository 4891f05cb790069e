//! The terminal summary and the HTML report.
