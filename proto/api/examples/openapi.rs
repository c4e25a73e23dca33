//! Prints the OpenAPI document, for `docs/openapi.json`.
#![allow(clippy::print_stdout)]

fn main() {
    print!("{}", cortex_api::openapi::text());
}
