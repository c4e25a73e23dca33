//! What both doors check: keys, signatures, prechecks and problem details.
