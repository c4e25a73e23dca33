//! Grammars that an answer must keep, as masks over the vocabulary.
