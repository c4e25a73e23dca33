use bytes::{BufMut, Bytes, BytesMut};

use super::END_MARK;

/// Encodes lines as pieces of a dispatch's progress. The sender cuts a piece into frames.
#[derive(Debug)]
pub struct Encoder;

impl Encoder {
    /// Encodes lines as one piece.
    ///
    /// # Panics
    /// In debug builds, if a line is empty or contains a line break, because a reader would reject
    /// it.
    pub fn lines<L: AsRef<[u8]>>(lines: &[L]) -> Bytes {
        let mut piece = BytesMut::with_capacity(lines.iter().map(|line| line.as_ref().len() + 1).sum());
        for line in lines {
            let line = line.as_ref();
            debug_assert!(!line.is_empty() && !line.contains(&b'\n') && !line.contains(&b'\r'));
            piece.put_slice(line);
            piece.put_u8(b'\n');
        }
        piece.freeze()
    }

    /// Encodes the mark that no more lines follow.
    #[must_use]
    pub fn end() -> Bytes {
        Self::lines(&[END_MARK])
    }
}
