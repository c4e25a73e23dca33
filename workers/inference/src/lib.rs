//! Models on candle.
