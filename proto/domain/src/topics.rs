//! The topics that this version knows by name. Pools may serve others.

use crate::topic::Topic;

/// Returns its input.
pub const ECHO: Topic = Topic::known("job.echo");
/// Embeds texts.
pub const EMBED: Topic = Topic::known("job.embed");
/// Answers a conversation.
pub const CHAT_SIMPLE: Topic = Topic::known("job.chat.simple");
/// Continues a text.
pub const COMPLETE: Topic = Topic::known("job.complete");
/// Loads a model into a worker.
pub const MODEL_LOAD: Topic = Topic::known("job.model.load");
/// Unloads a model from a worker.
pub const MODEL_UNLOAD: Topic = Topic::known("job.model.unload");
/// Changes a Kubernetes cluster.
pub const K8S_OPS: Topic = Topic::known("job.k8s.ops");

/// Every topic of this module.
pub const ALL: [Topic; 7] = [ECHO, EMBED, CHAT_SIMPLE, COMPLETE, MODEL_LOAD, MODEL_UNLOAD, K8S_OPS];

/// Returns whether the input of a topic's jobs names a model in its member `model`.
#[must_use]
pub fn names_a_model(topic: &Topic) -> bool {
    [CHAT_SIMPLE, COMPLETE, EMBED, MODEL_LOAD, MODEL_UNLOAD].contains(topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_a_valid_topic_and_equals_the_one_that_is_read() {
        for topic in ALL {
            assert_eq!(topic.as_str().parse(), Ok(topic));
        }
    }
}
