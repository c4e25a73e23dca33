//! Text to tokens and back, as the models were trained with.
