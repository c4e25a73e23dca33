//! The guarantees of the compute loops, tested against plain references and candle.

mod attention;
mod formats;
mod products;
mod rows;
mod stored;
mod threads;
