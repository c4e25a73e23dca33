//! Decoder-only transformers: weights, cache and forward pass.
