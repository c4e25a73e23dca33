//! The Engine trait and the loop that runs jobs under a lease.
