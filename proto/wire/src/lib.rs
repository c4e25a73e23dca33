//! The bytes on the wire: protobuf packets generated from `schema/`, and their conversions to and
//! from the domain. No other crate uses both domain types and protobuf types.
//!
//! `encode_x` returns the bytes of a packet, and `decode_x` reads and validates them. Inside a gRPC
//! message the same conversions are `From` (to `v1`) and `TryFrom` (to the domain).

mod error;
mod event;
mod job;
pub mod link;
mod outbox;
mod packet;
mod safety;
mod state;
pub mod stream;

pub use error::DecodeError;
pub use event::{decode_log, encode_log, log_of_one};
pub use job::{decode_job, encode_job};
pub use outbox::{decode_message, encode_message};
pub use packet::{
    MAX_PACKET, decode_audit_batch, decode_call, decode_call_reply, decode_cancel, decode_heartbeat,
    decode_outcome, decode_progress, decode_submit, decode_task, decode_task_reply, encode_assignment,
    encode_audit_batch, encode_call, encode_call_reply, encode_cancel, encode_heartbeat, encode_outcome,
    encode_progress, encode_submit, encode_task_reply, receive_heartbeat, receive_progress,
};
pub use safety::{decode_decision, decode_policy_request, encode_decision, encode_policy_request};

/// The types that are generated from the schema.
#[allow(missing_debug_implementations, unreachable_pub, clippy::all, clippy::unwrap_used)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/cortex.v1.rs"));
}
