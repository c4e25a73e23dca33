//! The harness that starts the real parts, and the end-to-end tests.
