//! No accepted job is lost, whatever is killed: `kill -9` under load, again and again. A run prints its seed and
//! `CORTEX_CHAOS_SEED` replays its choices; `CORTEX_CHAOS_CYCLES` sets how long it goes on.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod dice;
mod edge;
mod load;
mod origin;
