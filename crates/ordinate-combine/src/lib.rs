//! Learns policies from evidence, cross-fitted.
