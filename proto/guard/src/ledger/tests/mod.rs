//! The rules of a job's place at the edge: examples, every order of a few events, and random sequences of many.

mod examples;
mod properties;
mod walk;
mod world;
