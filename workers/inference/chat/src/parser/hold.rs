/// Text held back because it may be the beginning of a marker, or line breaks that don't count before one.
#[derive(Clone, Debug, Default)]
pub(super) struct Hold {
    breaks: usize,
    partial: String,
}

/// What a character made of the held text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held {
    More,
    /// The marker with this number is complete; so many line breaks stood before it.
    Marker {
        which: usize,
        breaks: usize,
    },
    /// This much is nothing but text.
    Text(String),
}

/// Most line breaks that are held back: a model may write nothing else for long.
const BREAKS: usize = 8;

impl Hold {
    pub(super) fn push(&mut self, c: char, markers: &[&str]) -> Held {
        if c == '\n' && self.partial.is_empty() {
            if self.breaks == BREAKS {
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

    /// All that is held, as text.
    pub(super) fn take(&mut self) -> String {
        let mut text = "\n".repeat(std::mem::take(&mut self.breaks));
        text.push_str(&std::mem::take(&mut self.partial));
        text
    }

    /// Whether more is held than line breaks.
    pub(super) fn begins_marker(&self) -> bool {
        !self.partial.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.breaks == 0 && self.partial.is_empty()
    }
}
