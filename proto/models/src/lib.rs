//! The model catalogue: what a model is made of, where it comes from, and its hashes.
