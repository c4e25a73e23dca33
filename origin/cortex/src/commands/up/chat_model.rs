//! Chooses the chat model to load at the start.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use cortex_domain::id::ModelName;
use cortex_models::{Model, ModelCatalogue, ModelKind, Source};
use cortex_node::Home;
use cortex_platform::memory;

use crate::commands::models::unknown_model;
use crate::exit::{Exit, Failure};

/// The setting `--chat-model`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChatModel {
    /// The largest model that fits into memory and is available.
    Auto,
    Named(ModelName),
}

impl ChatModel {
    /// Returns the name, unless the choice is still open.
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

/// A model that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Candidate {
    name: ModelName,
    /// The size of its files.
    bytes: u64,
    installed: bool,
    /// Whether the program contains it, so that it needs no network.
    bundled: bool,
}

/// Why a model was chosen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SelectionReason {
    /// It is the largest that fits, and it is installed.
    Installed { free: u64 },
    /// It is the largest that fits, and the hub has it.
    Hub { free: u64 },
    /// A larger one is not installed, and the hub can't be reached.
    NoHub { larger: ModelName },
    /// Larger ones need more memory.
    NoRoom { free: u64 },
    /// It is the only one.
    Only,
}

/// How long the hub may take to respond.
const HUB_TIMEOUT: Duration = Duration::from_secs(3);
const HUB_URL: &str = "https://huggingface.co";
/// The memory that a model usually needs in addition to its weights.
const MEMORY_OVERHEAD: u64 = 512 << 20;

/// Returns the chat model to load at the start, and the reason if it was chosen automatically.
///
/// # Errors
/// Returns an error if there is no chat model, or if the named model is not one.
pub(crate) async fn pick(
    home: &Home,
    catalogue: &ModelCatalogue,
    setting: &ChatModel,
) -> Result<(Model, Option<SelectionReason>), Failure> {
    if let ChatModel::Named(name) = setting {
        let model = catalogue.get(name.as_str()).map_err(|error| unknown_model(Exit::Config, error))?;
        if !matches!(model.kind, ModelKind::Chat { .. }) {
            let kind = model.kind.name();
            let message = format!("--chat-model {name}: expected a chat model, but it is of kind {kind}");
            return Err(Failure::message(Exit::Config, message, "`cortex models list` shows the kinds"));
        }
        return Ok((model.clone(), None));
    }
    let chat = catalogue.iter().filter(|model| matches!(model.kind, ModelKind::Chat { .. }));
    let candidates = chat.map(|model| Candidate {
        name: model.name.clone(),
        bytes: model.size(),
        installed: model.installed(home.path()),
        bundled: model.sources.contains(&Source::Bundled),
    });
    let candidates: Vec<_> = candidates.collect();
    let free = memory::free();
    let needs_hub = candidates
        .iter()
        .any(|candidate| !candidate.installed && !candidate.bundled && fits(candidate, free));
    let hub = needs_hub && reaches_hub().await;
    let (name, why) = choose(candidates, free, hub).ok_or_else(|| {
        Failure::message(
            Exit::Config,
            "the models file has no chat model",
            "start without chat workers: `cortex up --workers echo=1,embed=1`",
        )
    })?;
    let model = catalogue.get(name.as_str()).map_err(|error| unknown_model(Exit::Config, error))?;
    Ok((model.clone(), Some(why)))
}

/// Chooses the largest model that fits into `free` bytes and is available.
fn choose(mut candidates: Vec<Candidate>, free: u64, hub: bool) -> Option<(ModelName, SelectionReason)> {
    candidates.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.as_str().cmp(b.name.as_str())));
    if let [only] = candidates.as_slice() {
        return Some((only.name.clone(), SelectionReason::Only));
    }
    let mut unreached = None;
    for candidate in candidates.iter().filter(|candidate| fits(candidate, free)) {
        let smallest = candidates.last().is_some_and(|last| last.name == candidate.name);
        let why = match (candidate.installed || candidate.bundled, hub) {
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
    let last = candidates.into_iter().rev().find(|candidate| candidate.installed || candidate.bundled)?;
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
                write!(f, "the largest installed model that fits into {:.1} GiB of free memory", gib(free))
            }
            Self::Hub { free } => {
                write!(
                    f,
                    "the largest model that fits into {:.1} GiB of free memory, from the hub",
                    gib(free)
                )
            }
            Self::NoHub { larger } => {
                write!(
                    f,
                    "the hub has a larger one but can't be reached; `cortex models pull {larger}` downloads it"
                )
            }
            Self::NoRoom { free } => {
                write!(f, "larger models need more than {:.1} GiB of free memory", gib(free))
            }
            Self::Only => f.write_str("the only one in the models file"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn candidate(name: &str, bytes: u64, installed: bool) -> Candidate {
        Candidate { name: name.parse().unwrap(), bytes, installed, bundled: name == "small" }
    }

    fn chosen(installed: &[&str], free: u64, hub: bool) -> (String, SelectionReason) {
        let all = [("small", 6 << 20), ("middle", GIB / 2), ("large", 5 * GIB)];
        let all = all.map(|(name, bytes)| candidate(name, bytes, installed.contains(&name)));
        let (name, why) = choose(all.into(), free, hub).unwrap();
        (name.to_string(), why)
    }

    #[test]
    fn the_largest_model_that_fits_and_is_available_is_chosen_with_the_reason() {
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
    fn a_single_model_is_chosen_in_any_case() {
        let only = choose(vec![candidate("x", GIB, false)], 0, false).unwrap();
        assert_eq!(only, ("x".parse().unwrap(), SelectionReason::Only));
        assert_eq!(choose(vec![], GIB, true), None);
    }

    #[test]
    fn the_setting_is_auto_or_a_name() {
        assert_eq!("auto".parse(), Ok(ChatModel::Auto));
        assert_eq!("a/b".parse(), Ok(ChatModel::Named("a/b".parse().unwrap())));
        assert!("".parse::<ChatModel>().is_err());
    }
}
