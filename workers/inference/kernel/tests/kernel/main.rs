//! What the kernel promises, against plain references and candle.

mod formats;
mod products;
mod stored;
