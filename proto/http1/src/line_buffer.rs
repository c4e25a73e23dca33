//! A buffer for bytes that are held back until they are complete.

/// The received bytes of a line, or of a head with all of its lines.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer(Vec<u8>);

/// Why bytes are not a valid line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LineError {
    TooLong,
    BareLineEnd,
}

impl LineBuffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds bytes until `end`, which ends with CR and LF. Returns the bytes after it, or `None`
    /// while the end is missing.
    ///
    /// # Errors
    /// Returns an error if a line ends otherwise, or the end is not among the first `limit` bytes.
    /// No more than those are buffered.
    pub(crate) fn add<'a>(
        &mut self,
        bytes: &'a [u8],
        end: &[u8],
        limit: usize,
    ) -> Result<Option<&'a [u8]>, LineError> {
        let known = self.0.len();
        let last = self.0.last().copied();
        let room = limit.saturating_sub(known).min(bytes.len());
        self.0.extend_from_slice(&bytes[..room]);
        let from = known.saturating_sub(end.len() - 1);
        let found = self.0[from..].windows(end.len()).position(|window| window == end);
        let whole = found.map(|at| from + at + end.len());
        // This is checked as bytes arrive, so that a client that never sends a CR is rejected at
        // once.
        if has_bare_line_end(last, &self.0[known..whole.unwrap_or(self.0.len())]) {
            return Err(LineError::BareLineEnd);
        }
        match whole {
            Some(length) => {
                self.0.truncate(length);
                Ok(Some(&bytes[length - known..]))
            }
            None if self.0.len() >= limit => Err(LineError::TooLong),
            None => Ok(None),
        }
    }
}

/// Returns whether a CR or an LF occurs alone. A CR at the very end is not judged yet.
fn has_bare_line_end(mut last: Option<u8>, bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| {
        let before = last.replace(*byte);
        (before == Some(b'\r')) != (*byte == b'\n')
    })
}
