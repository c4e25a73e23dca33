//! Who runs in the next step, and where their keys and values lie.
