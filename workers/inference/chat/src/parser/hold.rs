/// Text held back because it may be the beginning of a marker, or line breaks that don't count
/// before one.
#[derive(Clone, Debug, Default)]
pub(super) struct Hold {
    breaks: usize,
    partial: String,
}

/// The effect of a character on the held text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held {
    More,
    /// The marker with this index is complete; this many line breaks preceded it.
    Marker {
        which: usize,
        breaks: usize,
    },
    /// This much is certainly text.
    Text(String),
}

/// How many line breaks are held back: a model may write nothing else for a long time.
const MAX_LINE_BREAKS: usize = 8;

impl Hold {
    pub(super) fn push(&mut self, c: char, markers: &[&str]) -> Held {
        if c == '\n' && self.partial.is_empty() {
            if self.breaks == MAX_LINE_BREAKS {
                return Held::Text("\n".to_owned());
            }
            self.breaks += 1;
            return Held::More;
        }
        self.partial.push(c);
        if let Some(which) = markers.iter().position(|marker| *marker == self.partial) {
            self.partial.clear();
            return Held::Marker { which, breaks: std::mem::take(&mut self.breaks) };
        }
        let begins = |text: &str| markers.iter().any(|marker| marker.starts_with(text));
        if begins(&self.partial) {
            return Held::More;
        }
        let keep = self.partial.char_indices().map(|(at, _)| at).skip(1).find(|at| {
            let rest = &self.partial[*at..];
            rest == "\n" || begins(rest)
        });
        let rest = self.partial.split_off(keep.unwrap_or(self.partial.len()));
        let text = self.take();
        match rest.as_str() {
            "\n" => self.breaks = 1,
            _ => self.partial = rest,
        }
        Held::Text(text)
    }

    /// Returns all held text.
    pub(super) fn take(&mut self) -> String {
        let mut text = "\n".repeat(std::mem::take(&mut self.breaks));
        text.push_str(&std::mem::take(&mut self.partial));
        text
    }

    /// Whether more than line breaks are held.
    pub(super) fn begins_marker(&self) -> bool {
        !self.partial.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.breaks == 0 && self.partial.is_empty()
    }
}
