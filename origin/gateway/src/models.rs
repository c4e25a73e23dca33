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
    pub chat: ModelListing,
}

/// Models that come and go with their files, so that they are looked for each time. Clones look alike.
#[derive(Clone)]
pub struct ModelListing {
    names: Arc<[ModelName]>,
    is_available: Arc<dyn Fn(&ModelName) -> bool + Send + Sync>,
}

impl ModelListing {
    /// Those of `names` that `is_available` finds; the first of them is the usual one.
    pub fn new(
        names: impl IntoIterator<Item = ModelName>,
        is_available: impl Fn(&ModelName) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { names: names.into_iter().collect(), is_available: Arc::new(is_available) }
    }

    /// Whether a model is there; looks for no other.
    pub(crate) fn contains(&self, name: &ModelName) -> bool {
        self.names.contains(name) && (self.is_available)(name)
    }

    /// All that are there.
    pub(crate) fn available(&self) -> Vec<ModelName> {
        self.names.iter().filter(|name| (self.is_available)(name)).cloned().collect()
    }
}

impl Default for ModelListing {
    /// None, ever.
    fn default() -> Self {
        Self::new([], |_| false)
    }
}

impl fmt::Debug for ModelListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelListing").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Models {
    pub(crate) fn page(&self) -> ModelPage {
        let Self { embedding, chat } = self;
        let of_kind = |kind: &'static str| {
            move |name: &ModelName| ModelView::new(name.as_str(), 0, "cortex").of_kind(kind)
        };
        let embedding = embedding.iter().map(of_kind("embedding"));
        ModelPage::new(embedding.chain(chat.available().iter().map(of_kind("chat"))).collect())
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
        let listing = ModelListing::new([name("a"), name("b"), name("c")], {
            let looked = looked.clone();
            move |name| {
                looked.lock().unwrap().push(name.to_string());
                name.as_str() != "b"
            }
        });
        assert!(
            listing.contains(&name("c")) && !listing.contains(&name("b")) && !listing.contains(&name("d"))
        );
        assert_eq!(*looked.lock().unwrap(), ["c", "b"]);
        assert_eq!(listing.available(), [name("a"), name("c")]);
    }
}
