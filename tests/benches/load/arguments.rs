//! What to measure, and for how long.

use std::time::Duration;

use crate::Outcome;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Sync,
    Accepts,
    Embeddings,
    Footprint,
    FirstToken,
    Frames,
}

#[derive(Debug)]
pub(crate) struct Arguments {
    parts: Vec<Part>,
    pub(crate) json: bool,
    pub(crate) rounds: usize,
    /// How long one side of a round lasts.
    pub(crate) side: Duration,
    /// Whether this process is the plain echo that a measurement compares with.
    pub(crate) plain: bool,
}

impl Arguments {
    /// Parses the arguments.
    ///
    /// # Errors
    /// Returns an error for an unknown argument.
    pub(crate) fn read(mut texts: impl Iterator<Item = String>) -> Outcome<Self> {
        let side = Duration::from_secs(2);
        let mut read = Self { parts: Vec::new(), json: false, rounds: 5, side, plain: false };
        while let Some(text) = texts.next() {
            let mut number = || texts.next().ok_or_else(|| format!("{text} needs a number"));
            match text.as_str() {
                "--json" => read.json = true,
                "--rounds" => read.rounds = number()?.parse::<usize>()?.max(1),
                "--seconds" => read.side = Duration::try_from_secs_f64(number()?.parse()?)?,
                "--plain-echo" => read.plain = true,
                // Cargo passes this to every bench.
                "--bench" => {}
                "sync" => read.parts.push(Part::Sync),
                "accepts" => read.parts.push(Part::Accepts),
                "embeddings" => read.parts.push(Part::Embeddings),
                "first-token" => read.parts.push(Part::FirstToken),
                "frames" => read.parts.push(Part::Frames),
                "footprint" => read.parts.push(Part::Footprint),
                other => return Err(format!("{other} means nothing here").into()),
            }
        }
        Ok(read)
    }

    /// Returns whether to measure a part. Everything is measured if no part is named.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }
}
