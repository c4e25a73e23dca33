//! Native transport: the bus, the payload memory, and the link between a worker process and the origin.
//!
//! `incoming` bounds the connections of a gRPC door.
//!
//! Also the two things that every native process draws from the machine and hands to the rules as arguments: the
//! time and random bytes.

pub mod bus;
pub mod clock;
pub mod entropy;
pub mod incoming;
pub mod link;
pub mod origin;
pub mod payload;
pub mod write_timeout;
