//! No accepted job is lost when processes are killed with `kill -9` under load, again and again. A
//! run prints its seed, and `CORTEX_CHAOS_SEED` replays its choices. `CORTEX_CHAOS_CYCLES` sets the
//! number of cycles.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod edge;
mod load;
mod origin;
mod rng;
mod servers;
