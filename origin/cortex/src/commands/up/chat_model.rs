//! Which chat model is taken where none is named.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use cortex_domain::id::ModelName;
use cortex_models::{Model, ModelCatalogue, ModelKind, Source};
use cortex_platform::memory;

use crate::exit::{Exit, Failure};
use cortex_node::Home;

/// The chat model to load first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChatModel {
    /// Whatever suits this machine best.
    Auto,
    Named(ModelName),
}

impl ChatModel {
    /// The one that was named or found.
    pub(crate) fn name(&self) -> Option<&ModelName> {
        match self {
            Self::Auto => None,
            Self::Named(name) => Some(name),
        }
    }
}

impl fmt::Display for ChatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Named(name) => write!(f, "{name}"),
        }
    }
}

impl FromStr for ChatModel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            name => name.parse().map(Self::Named).map_err(|_| format!("{name:?} is not the name of a model")),
        }
    }
}

/// A model that may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    name: ModelName,
    /// Of its files.
    bytes: u64,
    here: bool,
    /// It needs no network, here or not.
    bundled: bool,
}

/// SelectionReason a model was taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SelectionReason {
    /// The largest that fits, and its files are here.
    Installed { free: u64 },
    /// The largest that fits, and the hub has it.
    Hub { free: u64 },
    /// A larger one is not here, and the hub can't be reached.
    NoHub { larger: ModelName },
    /// Larger ones need more memory.
    NoRoom { free: u64 },
    /// It is the only one.
    Only,
}

/// How long the hub may take to answer.
const HUB_TIMEOUT: Duration = Duration::from_secs(3);
const HUB_URL: &str = "https://huggingface.co";
/// What a model takes beside its weights, as a rule.
const MEMORY_OVERHEAD: u64 = 512 << 20;

/// The model that is to be loaded first, and why it was taken if nobody named it.
///
/// # Errors
/// If there is none, or the one that was named does not chat.
pub(crate) async fn pick(
    home: &Home,
    catalogue: &ModelCatalogue,
    wanted: &ChatModel,
) -> Result<(Model, Option<SelectionReason>), Failure> {
    if let ChatModel::Named(name) = wanted {
        let model = catalogue.get(name.as_str()).map_err(|error| Failure::new(Exit::Config, error))?;
        if !matches!(model.kind, ModelKind::Chat { .. }) {
            let kind = model.kind.name();
            let detail = format!("`{name}` is of kind {kind}: --chat-model names one that chats");
            return Err(Failure::message(Exit::Config, detail));
        }
        return Ok((model.clone(), None));
    }
    let chat = catalogue.iter().filter(|model| matches!(model.kind, ModelKind::Chat { .. }));
    let candidates = chat.map(|model| Candidate {
        name: model.name.clone(),
        bytes: model.size(),
        here: model.installed(home.path()),
        bundled: model.sources.contains(&Source::Bundled),
    });
    let candidates: Vec<_> = candidates.collect();
    let free = memory::free();
    let needs_hub =
        candidates.iter().any(|candidate| !candidate.here && !candidate.bundled && fits(candidate, free));
    let hub = needs_hub && reaches_hub().await;
    let (name, why) = choose(candidates, free, hub).ok_or_else(|| {
        Failure::message(
            Exit::Config,
            "models.yaml has no chat model: leave them out with --workers echo=1,embed=1",
        )
    })?;
    let model = catalogue.get(name.as_str()).map_err(|error| Failure::new(Exit::Config, error))?;
    Ok((model.clone(), Some(why)))
}

/// The largest model that fits and can be had.
fn choose(mut candidates: Vec<Candidate>, free: u64, hub: bool) -> Option<(ModelName, SelectionReason)> {
    candidates.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.as_str().cmp(b.name.as_str())));
    if let [only] = candidates.as_slice() {
        return Some((only.name.clone(), SelectionReason::Only));
    }
    let mut unreached = None;
    for candidate in candidates.iter().filter(|candidate| fits(candidate, free)) {
        let smallest = candidates.last().is_some_and(|last| last.name == candidate.name);
        let why = match (candidate.here || candidate.bundled, hub) {
            (false, false) => {
                unreached.get_or_insert(candidate.name.clone());
                continue;
            }
            (false, true) => SelectionReason::Hub { free },
            (true, _) => match unreached {
                Some(larger) => SelectionReason::NoHub { larger },
                None if smallest => SelectionReason::NoRoom { free },
                None => SelectionReason::Installed { free },
            },
        };
        return Some((candidate.name.clone(), why));
    }
    let last = candidates.into_iter().rev().find(|candidate| candidate.here || candidate.bundled)?;
    Some((last.name, SelectionReason::NoRoom { free }))
}

fn fits(candidate: &Candidate, free: u64) -> bool {
    candidate.bytes.saturating_add(MEMORY_OVERHEAD) <= free
}

async fn reaches_hub() -> bool {
    let Ok(client) = reqwest::Client::builder().timeout(HUB_TIMEOUT).build() else { return false };
    client.head(HUB_URL).send().await.is_ok_and(|answer| answer.status().as_u16() < 500)
}

impl fmt::Display for SelectionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gib = |bytes: &u64| *bytes as f64 / (1u64 << 30) as f64;
        match self {
            Self::Installed { free } => {
                write!(f, "the largest that is here and fits {:.1} GiB of free memory", gib(free))
            }
            Self::Hub { free } => {
                write!(f, "the largest that fits {:.1} GiB of free memory; the hub has it", gib(free))
            }
            Self::NoHub { larger } => {
                write!(
                    f,
                    "the hub, which has larger ones, can't be reached; `cortex models pull {larger}` fetches one"
                )
            }
            Self::NoRoom { free } => {
                write!(f, "larger ones need more than {:.1} GiB of free memory", gib(free))
            }
            Self::Only => f.write_str("the only one in models.yaml"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn candidate(name: &str, bytes: u64, here: bool) -> Candidate {
        Candidate { name: name.parse().unwrap(), bytes, here, bundled: name == "small" }
    }

    fn chosen(here: &[&str], free: u64, hub: bool) -> (String, SelectionReason) {
        let all = [("small", 6 << 20), ("middle", GIB / 2), ("large", 5 * GIB)];
        let all = all.map(|(name, bytes)| candidate(name, bytes, here.contains(&name)));
        let (name, why) = choose(all.into(), free, hub).unwrap();
        (name.to_string(), why)
    }

    #[test]
    fn the_largest_that_fits_and_can_be_had_is_taken_with_the_reason() {
        assert_eq!(
            chosen(&["middle"], 8 * GIB, true),
            ("large".into(), SelectionReason::Hub { free: 8 * GIB })
        );
        assert_eq!(
            chosen(&["middle", "large"], 8 * GIB, false),
            ("large".into(), SelectionReason::Installed { free: 8 * GIB })
        );
        let unreached = |larger: &str| SelectionReason::NoHub { larger: larger.parse().unwrap() };
        assert_eq!(chosen(&["middle"], 8 * GIB, false), ("middle".into(), unreached("large")));
        assert_eq!(chosen(&[], 2 * GIB, false), ("small".into(), unreached("middle")));
        assert_eq!(
            chosen(&[], GIB / 2 + (8 << 20), true),
            ("small".into(), SelectionReason::NoRoom { free: GIB / 2 + (8 << 20) })
        );
        assert_eq!(chosen(&[], 0, true).0, "small");
    }

    #[test]
    fn one_of_one_and_none_of_none_is_taken() {
        let only = choose(vec![candidate("x", GIB, false)], 0, false).unwrap();
        assert_eq!(only, ("x".parse().unwrap(), SelectionReason::Only));
        assert_eq!(choose(vec![], GIB, true), None);
    }

    #[test]
    fn a_model_is_named_or_left_open() {
        assert_eq!("auto".parse(), Ok(ChatModel::Auto));
        assert_eq!("a/b".parse(), Ok(ChatModel::Named("a/b".parse().unwrap())));
        assert!("".parse::<ChatModel>().is_err());
    }
}
