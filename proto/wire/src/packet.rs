//! The packets on the bus. Each has at most [`MAX_PACKET`] bytes. Larger data lies behind a
//! pointer.

mod audit;
mod call;
mod cancel;
mod heartbeat;
mod outcome;
mod progress;
mod reply;
mod submit;
mod task;

pub use audit::{decode_audit_batch, encode_audit_batch};
pub use call::{decode_call, decode_call_reply, encode_call, encode_call_reply};
pub use cancel::{decode_cancel, encode_cancel};
pub use heartbeat::{decode_heartbeat, encode_heartbeat, receive_heartbeat};
pub use outcome::{decode_outcome, encode_outcome};
pub use progress::{decode_progress, encode_progress, receive_progress};
pub use reply::{decode_task_reply, encode_task_reply};
pub use submit::{decode_submit, encode_submit};
pub use task::{decode_task, encode_assignment};

use crate::error::{DecodeError, MessageName};
use crate::v1;

/// The longest packet that is decoded, in bytes.
pub const MAX_PACKET: usize = 1024 * 1024;

/// The version of the packets that this process sends, and the newest that it understands.
const VERSION: u32 = 1;

impl MessageName {
    /// Decodes a packet.
    fn packet<M: prost::Message + Default>(self, bytes: &[u8]) -> Result<M, DecodeError> {
        if bytes.len() > MAX_PACKET {
            let reason = format!("must have at most {MAX_PACKET} bytes, not {}", bytes.len());
            return Err(DecodeError::Malformed { message: self.0, reason });
        }
        let v1::PacketVersion { version } = self.parse(bytes)?;
        if version > VERSION {
            return Err(DecodeError::NewerVersion { message: self.0, version });
        }
        self.parse(bytes)
    }
}
