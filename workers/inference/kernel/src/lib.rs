//! The loops of a forward pass on the CPU.
