/// Looks for stop strings in a text that comes in parts, and holds back what may be the beginning of one.
///
/// The stop string that ends first wins, the longest of those that end together; how the text is cut into parts makes
/// no difference. Each is followed by its own automaton (Knuth, Morris and Pratt, 1977), so that a text takes linear
/// time.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    stops: Vec<Stop>,
    /// The end of the text so far: as much as the longest stop string begun.
    held: String,
    stopped: Option<usize>,
}

/// What came of a part of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Passed {
    /// What can be shown, never a part of a stop string that is there.
    pub text: String,
    /// The index of the stop string that was found; nothing passes after it.
    pub stopped: Option<usize>,
}

#[derive(Debug, Clone)]
struct Stop {
    text: Vec<u8>,
    /// For each length of a match, the length of the next shorter match that ends at the same place.
    shorter: Vec<usize>,
    matched: usize,
}

impl Stops {
    /// Empty stop strings never match.
    pub fn new(stops: Vec<String>) -> Self {
        Self { stops: stops.into_iter().map(Stop::new).collect(), ..Self::default() }
    }

    pub fn push(&mut self, text: &str) -> Passed {
        if self.stopped.is_some() {
            return Passed { text: String::new(), stopped: self.stopped };
        }
        let before = self.held.len();
        self.held.push_str(text);
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            self.stops.iter_mut().for_each(|stop| stop.step(byte));
            let found = self.stops.iter().enumerate().filter(|(_, stop)| stop.is_found());
            // Of equals, the first given.
            if let Some((index, stop)) = found.rev().max_by_key(|(_, stop)| stop.text.len()) {
                self.stopped = Some(index);
                self.held.truncate(before + at + 1 - stop.text.len());
                return Passed { text: std::mem::take(&mut self.held), stopped: self.stopped };
            }
        }
        let begun = self.stops.iter().map(|stop| stop.matched).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - begun);
        Passed { text: std::mem::replace(&mut self.held, rest), stopped: None }
    }

    /// Gives what was held back and looks afresh: no stop string reaches over this place.
    pub fn restart(&mut self) -> String {
        self.stops.iter_mut().for_each(|stop| stop.matched = 0);
        std::mem::take(&mut self.held)
    }

    /// What was held back when the text ends without a stop string.
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
    fn what_may_be_a_stop_string_is_held_back() {
        let mut stops = Stops::new(vec!["</s>".into(), "\n\n".into()]);
        assert_eq!(stops.push("a</").text, "a");
        assert_eq!(stops.push("b\n"), Passed { text: "</b".into(), stopped: None });
        assert_eq!(stops.push("\nc"), Passed { text: String::new(), stopped: Some(1) });
        assert_eq!(stops.push("d"), Passed { text: String::new(), stopped: Some(1) });
        assert_eq!(stops.finish(), "");
    }

    #[test]
    fn an_empty_stop_string_never_matches() {
        let mut stops = Stops::new(vec![String::new()]);
        assert_eq!(stops.push("abc"), Passed { text: "abc".into(), stopped: None });
    }

    proptest! {
        #[test]
        fn parts_stop_where_the_whole_does(
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
