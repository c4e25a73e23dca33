//! The safety kernel: policies to decisions.
