//! The origin's HTTP and gRPC door.
