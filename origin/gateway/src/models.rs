//! The available models by kind.

use std::fmt;
use std::sync::Arc;

use cortex_api::{ModelPage, ModelView};
use cortex_domain::id::ModelName;

/// The available models by kind.
#[derive(Clone, Debug, Default)]
pub struct Models {
    /// Embedding models.
    pub embedding: Vec<ModelName>,
    /// Models for chat and completions.
    pub chat: ModelListing,
}

/// Models that are available while their files are installed, which is checked at each use. Clones
/// share the list.
#[derive(Clone)]
pub struct ModelListing {
    names: Arc<[ModelName]>,
    is_available: Arc<dyn Fn(&ModelName) -> bool + Send + Sync>,
}

impl ModelListing {
    /// Lists those of `names` for which `is_available` returns true. The first one is the default.
    pub fn new(
        names: impl IntoIterator<Item = ModelName>,
        is_available: impl Fn(&ModelName) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { names: names.into_iter().collect(), is_available: Arc::new(is_available) }
    }

    /// Returns whether a model is listed and available. It checks no other model.
    pub(crate) fn contains(&self, name: &ModelName) -> bool {
        self.names.contains(name) && (self.is_available)(name)
    }

    /// Returns the available models.
    pub(crate) fn available(&self) -> Vec<ModelName> {
        self.names.iter().filter(|name| (self.is_available)(name)).cloned().collect()
    }
}

impl Default for ModelListing {
    /// Returns an empty list.
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
    fn only_the_requested_model_is_checked() {
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
