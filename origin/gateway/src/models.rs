//! The models there are, by what they do.

use std::fmt;
use std::sync::Arc;

use cortex_api::{ModelPage, ModelView};
use cortex_domain::id::ModelName;

/// The models there are, by what they do.
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// Those that embed.
    pub embedding: Vec<ModelName>,
    /// Those that go on with a text or a conversation.
    pub chat: Listing,
}

/// Models that come and go with their files, so that they are looked for each time. Clones look alike.
#[derive(Clone)]
pub struct Listing {
    names: Arc<[ModelName]>,
    is_here: Arc<dyn Fn(&ModelName) -> bool + Send + Sync>,
}

impl Listing {
    /// Those of `names` that `is_here` finds; the first of them is the usual one.
    pub fn new(
        names: impl IntoIterator<Item = ModelName>,
        is_here: impl Fn(&ModelName) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { names: names.into_iter().collect(), is_here: Arc::new(is_here) }
    }

    /// Whether a model is there; looks for no other.
    pub(crate) fn has(&self, name: &ModelName) -> bool {
        self.names.contains(name) && (self.is_here)(name)
    }

    /// All that are there.
    pub(crate) fn now(&self) -> Vec<ModelName> {
        self.names.iter().filter(|name| (self.is_here)(name)).cloned().collect()
    }
}

impl Default for Listing {
    /// None, ever.
    fn default() -> Self {
        Self::new([], |_| false)
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Models {
    pub(crate) fn page(&self) -> ModelPage {
        let Self { embedding, chat } = self;
        let of_kind = |kind: &'static str| {
            move |name: &ModelName| ModelView::new(name.as_str(), 0, "cortex").of_kind(kind)
        };
        let embedding = embedding.iter().map(of_kind("embedding"));
        ModelPage::new(embedding.chain(chat.now().iter().map(of_kind("chat"))).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn only_the_model_that_is_asked_for_is_looked_for() {
        let name = |name: &str| name.parse::<ModelName>().unwrap();
        let looked = Arc::new(Mutex::new(Vec::new()));
        let listing = Listing::new([name("a"), name("b"), name("c")], {
            let looked = looked.clone();
            move |name| {
                looked.lock().unwrap().push(name.to_string());
                name.as_str() != "b"
            }
        });
        assert!(listing.has(&name("c")) && !listing.has(&name("b")) && !listing.has(&name("d")));
        assert_eq!(*looked.lock().unwrap(), ["c", "b"]);
        assert_eq!(listing.now(), [name("a"), name("c")]);
    }
}
