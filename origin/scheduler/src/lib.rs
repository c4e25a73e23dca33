//! Places cleared jobs on workers and settles what they report.
