//! The echo engine, which answers with its input. It is for trying things out, and for measuring
//! everything but the model.

mod options;
mod text;

use bytes::Bytes;
use cortex_domain::ports::Answer;
use cortex_domain::state::Failure;
use cortex_domain::task::Task;
use cortex_domain::topics;
use cortex_wire::stream::Encoder;

use crate::engine::{Context, Engine, Profile};

/// Answers `job.echo` with its input.
///
/// An input object may ask for `delay_ms` before the answer, up to a minute. It may also ask for a
/// number of `frames` before the answer, `pace_ms` apart.
///
/// An operator may assign `job.chat.simple` or `job.complete` to a pool of echo workers. The engine
/// then answers with the last message or the prompt, a word at a time. If that text is such an
/// object, the engine sends as many words as it asks for. With `stamped`, each word is the time at
/// which it was sent, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Engine for Echo {
    fn profile(&self) -> Profile {
        Profile {
            kind: "echo",
            pool: "echo".parse().expect("a valid pool"),
            topics: [topics::ECHO, topics::CHAT_SIMPLE, topics::COMPLETE].map(Into::into).into(),
            capacity: 256,
        }
    }

    fn run(&self, task: Box<Task>, context: Context) -> Answer<'_, Result<Bytes, Failure>> {
        Box::pin(async move {
            match &task.topic {
                topic if *topic == topics::CHAT_SIMPLE => text::chat(&task, &context).await,
                topic if *topic == topics::COMPLETE => text::complete(&task, &context).await,
                _ => echo(context).await,
            }
        })
    }
}

async fn echo(context: Context) -> Result<Bytes, Failure> {
    let options = options::read(&context.input)?;
    options.delay().await;
    let mut pacer = options.pacer();
    for number in 0..options.frames {
        pacer.next().await;
        context.frames.send(Encoder::lines(&[format!("{{\"frame\":{number}}}")])).await;
    }
    if options.frames > 0 {
        context.frames.send(Encoder::end()).await;
    }
    Ok(context.input)
}
