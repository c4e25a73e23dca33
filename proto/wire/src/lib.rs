//! The bytes on the wire: protobuf packets and their conversions.
