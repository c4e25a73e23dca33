//! Native transport: the bus and the payload memory.
