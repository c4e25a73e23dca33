//! What every native process draws from the machine it runs on and hands to the rules as arguments: time and random bytes. Also
//! how its gRPC doors bound the connections they hold.

pub mod clock;
pub mod crypto;
pub mod entropy;
pub mod incoming;
pub mod write_timeout;
