//! The OpenAPI document holds: for the table of routes, for what the parsers take, and for what answers look like.

mod answers;
mod bodies;
mod document;
mod generate;
mod mutate;
mod random;
mod schemas;
