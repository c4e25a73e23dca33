//! The truth: jobs, their log, payloads and outbox.
