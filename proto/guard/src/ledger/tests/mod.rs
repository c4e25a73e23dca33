//! Tests of a job's place at the edge: examples, every order of a few events, and long random
//! sequences.

mod examples;
mod properties;
mod simulation;
mod walk;
