//! `job.model.load` and `job.model.unload`. The input is `{"model": NAME}`, and a load sends its
//! steps as frames of JSON.

use bytes::Bytes;
use cortex_api::body::parse;
use cortex_api::{LoadStep, Problem};
use cortex_domain::ErrorCode;
use cortex_domain::id::ModelName;
use cortex_inference::generate::ModelRegistry;
use cortex_runtime::Context;
use cortex_wire::stream::Encoder;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    model: String,
}

pub(super) async fn load(registry: &ModelRegistry, context: &Context) -> Result<Bytes, Problem> {
    let name = name(context)?;
    let mut progress = registry.progress();
    let mut loading = std::pin::pin!(registry.get(&name));
    let handle = loop {
        tokio::select! {
            handle = &mut loading => break handle?,
            Ok(()) = progress.changed() => {
                let step = progress.borrow_and_update().clone();
                if let Some((loaded, at)) = step && loaded == name {
                    context.frames.send(line(at)).await;
                }
            }
            () = context.stop.cancelled() => return Err(Problem::new(ErrorCode::Conflict, "the load was cancelled")),
        }
    };
    let (engine, mib) = (handle.engine(), 1 << 20);
    let identity = engine.identity();
    let answer = json!({
        "model": name.as_str(),
        "device": identity.device,
        "quantisation": identity.quantisation,
        "sha256": identity.sha256,
        "context": engine.longest(),
        "memory_mib": engine.bytes() / mib,
    });
    Ok(answer.to_string().into())
}

pub(super) async fn unload(registry: &ModelRegistry, context: &Context) -> Result<Bytes, Problem> {
    let name = name(context)?;
    if registry.unload(&name).await {
        return Ok(json!({"model": name.as_str(), "unloaded": true}).to_string().into());
    }
    Err(Problem::new(ErrorCode::UnknownModel, format!("the model `{name}` is not loaded on this worker"))
        .at("model"))
}

fn name(context: &Context) -> Result<ModelName, Problem> {
    let input: Input = parse(&context.input)?;
    input.model.parse().map_err(|_| {
        Problem::new(ErrorCode::InvalidRequest, "invalid `model`: must be a model name").at("model")
    })
}

fn line(step: LoadStep) -> Bytes {
    Encoder::lines(&[json!(step).to_string()])
}
