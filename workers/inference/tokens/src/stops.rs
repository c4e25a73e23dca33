/// Looks for stop strings in a text that arrives in parts, and holds back text that may be the
/// beginning of one.
///
/// The stop string that ends first wins, or the longest of those that end together; the split into
/// parts makes no difference. Each stop string has its own automaton (Knuth, Morris and Pratt,
/// 1977), so that a text takes linear time.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    stops: Vec<Stop>,
    /// The end of the text so far: as long as the longest partial match.
    held: String,
    stopped: Option<usize>,
}

/// The result of pushing a part of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StopOutput {
    /// Text that can be shown; it never contains part of a stop string that was found.
    pub text: String,
    /// The index of the stop string that was found; no text follows it.
    pub stopped: Option<usize>,
}

#[derive(Debug, Clone)]
struct Stop {
    text: Vec<u8>,
    /// For each match length, the next shorter length that also matches at the same end.
    shorter: Vec<usize>,
    matched: usize,
}

impl Stops {
    /// Empty stop strings never match.
    pub fn new(stops: Vec<String>) -> Self {
        Self { stops: stops.into_iter().map(Stop::new).collect(), ..Self::default() }
    }

    pub fn push(&mut self, text: &str) -> StopOutput {
        if self.stopped.is_some() {
            return StopOutput { text: String::new(), stopped: self.stopped };
        }
        let before = self.held.len();
        self.held.push_str(text);
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            self.stops.iter_mut().for_each(|stop| stop.step(byte));
            let found = self.stops.iter().enumerate().filter(|(_, stop)| stop.is_found());
            // Among equals, the first one given.
            if let Some((index, stop)) = found.rev().max_by_key(|(_, stop)| stop.text.len()) {
                self.stopped = Some(index);
                self.held.truncate(before + at + 1 - stop.text.len());
                return StopOutput { text: std::mem::take(&mut self.held), stopped: self.stopped };
            }
        }
        let begun = self.stops.iter().map(|stop| stop.matched).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - begun);
        StopOutput { text: std::mem::replace(&mut self.held, rest), stopped: None }
    }

    /// Returns the held text and starts over: no stop string extends across this point.
    pub fn restart(&mut self) -> String {
        self.stops.iter_mut().for_each(|stop| stop.matched = 0);
        std::mem::take(&mut self.held)
    }

    /// Returns the held text at the end of a text without a stop string.
    pub fn finish(self) -> String {
        self.held
    }
}

impl Stop {
    fn new(text: String) -> Self {
        let text = text.into_bytes();
        let mut stop = Self { shorter: vec![0; text.len() + 1], text, matched: 0 };
        for length in 2..=stop.text.len() {
            stop.step(stop.text[length - 1]);
            stop.shorter[length] = stop.matched;
        }
        stop.matched = 0;
        stop
    }

    fn step(&mut self, byte: u8) {
        while self.matched > 0 && self.text.get(self.matched) != Some(&byte) {
            self.matched = self.shorter[self.matched];
        }
        if self.text.get(self.matched) == Some(&byte) {
            self.matched += 1;
        }
    }

    fn is_found(&self) -> bool {
        self.matched > 0 && self.matched == self.text.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &str, stops: &[String]) -> (String, Option<usize>) {
        let found =
            stops.iter().enumerate().filter(|(_, stop)| !stop.is_empty()).filter_map(|(index, stop)| {
                text.find(stop.as_str()).map(|start| (start + stop.len(), start, index))
            });
        match found.min() {
            Some((_, start, index)) => (text[..start].to_owned(), Some(index)),
            None => (text.to_owned(), None),
        }
    }

    #[test]
    fn a_possible_stop_string_is_held_back() {
        let mut stops = Stops::new(vec!["</s>".into(), "\n\n".into()]);
        assert_eq!(stops.push("a</").text, "a");
        assert_eq!(stops.push("b\n"), StopOutput { text: "</b".into(), stopped: None });
        assert_eq!(stops.push("\nc"), StopOutput { text: String::new(), stopped: Some(1) });
        assert_eq!(stops.push("d"), StopOutput { text: String::new(), stopped: Some(1) });
        assert_eq!(stops.finish(), "");
    }

    #[test]
    fn an_empty_stop_string_never_matches() {
        let mut stops = Stops::new(vec![String::new()]);
        assert_eq!(stops.push("abc"), StopOutput { text: "abc".into(), stopped: None });
    }

    proptest! {
        #[test]
        fn parts_stop_at_the_same_place_as_the_whole(
            parts in proptest::collection::vec("[aé\n]{0,4}", 0..12),
            stops in proptest::collection::vec("[aé\n]{0,5}", 0..4),
        ) {
            let mut follower = Stops::new(stops.clone());
            let (mut text, mut stopped) = (String::new(), None);
            for part in &parts {
                let passed = follower.push(part);
                text.push_str(&passed.text);
                stopped = passed.stopped;
            }
            text.push_str(&follower.finish());
            prop_assert_eq!((text, stopped), whole(&parts.concat(), &stops));
        }
    }
}
