//! The model host.
