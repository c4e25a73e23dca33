//! The bytes on the wire: protobuf packets generated from `schema/`, and their conversions to and from the
//! domain. No other crate names both a domain type and a protobuf type.

/// The generated types, as the schema has them.
#[allow(missing_debug_implementations, unreachable_pub, clippy::all, clippy::unwrap_used)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/cortex.v1.rs"));
}
