//! The steps of the demo. Every line of a timeline is a recorded event of the job.

use std::collections::BTreeMap;
use std::time::Duration;

use cortex_api::{CreateJobBody, EmbeddingsResponse, JobView};
use cortex_client::{CallError, ChatMessage, ChatRequest};
use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use cortex_domain::topics;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::rank::rank;
use super::stack::DemoStack;
use crate::exit::Failure;
use crate::output::{self, Timeline, print};

const QUESTION: &str = "Which machine keeps working while I am asleep?";
const SENTENCES: [&str; 6] = [
    "The server in the basement runs all night.",
    "Sourdough needs flour, water, salt and time.",
    "A job that was accepted is never lost, even when the laptop is closed.",
    "Der Rechner zu Hause arbeitet auch nachts weiter.",
    "The ferry to the island leaves at half past nine.",
    "GPUs are good at multiplying matrices.",
];

const INDENT: &str = "   ";

const CONVERSATION: [&str; 2] = ["What is 37 plus 48?", "What is the capital of France?"];

/// How long a job may take to end. The edge looks for its origin every 15 s.
const JOB_TIMEOUT: Duration = Duration::from_secs(90);

/// Runs every step in order.
///
/// # Errors
/// Returns an error if a step doesn't have the expected outcome.
pub(crate) async fn run(stack: &mut DemoStack) -> Result<(), Failure> {
    synchronous(stack).await?;
    asynchronous(stack).await?;
    conversation(stack).await?;
    denied(stack).await?;
    origin_away(stack).await
}

async fn synchronous(stack: &DemoStack) -> Result<(), Failure> {
    print("1. A synchronous request: POST /v1/embeddings, edge -> origin -> worker, and back")?;
    let (id, answer) = stack.api.embeddings(&stack.model, &texts()).await?;
    show_ranking(&answer)?;
    // The store writes the events of a synchronous job after the response.
    until_ended(stack, id).await?;
    show_timeline(stack, id).await
}

async fn asynchronous(stack: &DemoStack) -> Result<(), Failure> {
    print("2. The same as a job: POST /api/v1/jobs -> 202 -> queue -> drain -> origin -> worker")?;
    let accepted = stack.api.create(&job(&topics::EMBED, embeddings(stack))?, None).await?;
    print(&format!("   202 Accepted, job {}", accepted.id))?;
    let ended = until_ended(stack, accepted.id).await?;
    let result = ended.result.as_deref().map(RawValue::get).unwrap_or_default();
    show_ranking(&serde_json::from_str(result)?)?;
    show_timeline(stack, accepted.id).await
}

async fn conversation(stack: &DemoStack) -> Result<(), Failure> {
    print("3. A conversation: POST /v1/chat/completions with a streamed answer")?;
    let mut messages = Vec::new();
    for question in CONVERSATION {
        messages.push(ChatMessage { role: "user", content: question.to_owned() });
        let request = ChatRequest {
            model: stack.chat_model.clone(),
            messages: messages.clone(),
            ..ChatRequest::default()
        };
        let mut answer = stack.api.chat_stream(&request).await?;
        let (mut answer_text, mut frames) = (String::new(), 0);
        while let Some(chunk) = answer.next().await? {
            let deltas = chunk.choices.iter().filter_map(|choice| choice.delta.content.as_deref());
            answer_text.extend(deltas);
            frames += 1;
        }
        if answer_text.trim().is_empty() {
            return Err(Failure::defect("the model returned an empty answer"));
        }
        print(&format!("   > {question}"))?;
        print(&format!("   {answer_text}   ({frames} events)"))?;
        messages.push(ChatMessage { role: "assistant", content: answer_text });
    }
    print("")?;
    Ok(())
}

async fn denied(stack: &DemoStack) -> Result<(), Failure> {
    print("4. A job that the policy denies: no worker receives it")?;
    let input = json!({"command": "delete", "namespace": "prod"});
    let accepted = stack.api.create(&job(&topics::K8S_OPS, input)?, None).await?;
    let ended = until_ended(stack, accepted.id).await?;
    expect(&ended, StateName::Denied)?;
    let reason = ended.error.map(|error| error.detail).unwrap_or_default();
    print(&format!("   job {} is DENIED: {reason}", accepted.id))?;
    show_timeline(stack, accepted.id).await
}

async fn origin_away(stack: &mut DemoStack) -> Result<(), Failure> {
    print("5. The origin stops, as it does when a laptop is closed")?;
    stack.stop_origin().await;
    let accepted =
        stack.api.create(&job(&topics::ECHO, json!({"hello": "from before you woke up"}))?, None).await?;
    print(&format!("   202 Accepted, job {}: the edge's ledger stores it", accepted.id))?;
    match stack.api.embeddings(&stack.model, &texts()).await {
        Err(CallError::Refused(refused)) if refused.status.as_u16() == 503 => {
            let wait = refused.retry_after.unwrap_or_default();
            print(&format!("   a synchronous request gets 503, Retry-After: {wait}"))?;
        }
        Err(other) => return Err(other.into()),
        Ok(_) => return Err(Failure::defect("a request succeeded while the origin was stopped")),
    }
    let waiting = stack.api.job(accepted.id).await?;
    print(&format!("   the edge shows the state of the job: {}", waiting.state))?;
    if !stack.origin_is_away().await {
        return Err(Failure::defect("the edge does not notice that its origin has stopped"));
    }
    print("   Starting the origin again ...")?;
    stack.start_origin().await?;
    let ended = until_ended(stack, accepted.id).await?;
    expect(&ended, StateName::Succeeded)?;
    print(&format!(
        "   the job succeeded: {}",
        ended.result.as_deref().map(RawValue::get).unwrap_or_default()
    ))?;
    show_timeline(stack, accepted.id).await
}

fn texts() -> Vec<&'static str> {
    std::iter::once(QUESTION).chain(SENTENCES).collect()
}

fn embeddings(stack: &DemoStack) -> Value {
    json!({"model": stack.model, "input": texts()})
}

fn job(topic: &Topic, input: Value) -> Result<CreateJobBody, Failure> {
    Ok(CreateJobBody {
        topic: topic.to_string(),
        input: to_raw_value(&input)?,
        priority: None,
        deadline: None,
        max_attempts: None,
        labels: BTreeMap::new(),
    })
}

async fn until_ended(stack: &DemoStack, id: JobId) -> Result<JobView, Failure> {
    let ended = async {
        loop {
            match stack.api.job(id).await {
                Ok(job) if job.state.is_terminal() => return Ok(job),
                // A synchronous job appears a moment after its response.
                Ok(_) | Err(CallError::Refused(_)) => {}
                Err(error) => return Err(Failure::from(error)),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let late = |_| Failure::defect(format!("job {id} has not ended within {} s", JOB_TIMEOUT.as_secs()));
    tokio::time::timeout(JOB_TIMEOUT, ended).await.map_err(late)?
}

fn expect(job: &JobView, state: StateName) -> Result<(), Failure> {
    if job.state == state {
        return Ok(());
    }
    Err(Failure::defect(format!("job {} is {} (expected {state})", job.id, job.state)))
}

fn show_ranking(answer: &EmbeddingsResponse) -> Result<(), Failure> {
    let vectors: Option<Vec<_>> = answer.data.iter().map(|view| view.embedding.decode()).collect();
    let vectors = vectors.unwrap_or_default();
    let Some((question, sentences)) = vectors.split_first().filter(|(_, rest)| rest.len() == SENTENCES.len())
    else {
        return Err(Failure::defect("the response does not have one vector for each text"));
    };
    print(&format!("   {QUESTION}"))?;
    for (index, cosine) in rank(question, sentences) {
        print(&format!("   {cosine:6.3}  {}", SENTENCES[index]))?;
    }
    Ok(())
}

async fn show_timeline(stack: &DemoStack, id: JobId) -> Result<(), Failure> {
    let mut timeline = Timeline::default();
    let width = output::width().saturating_sub(INDENT.len());
    let mut rows = vec![Timeline::header(width).to_owned()];
    for event in stack.api.events(id).await? {
        rows.extend(timeline.push(&event).iter().map(|row| row.render(width)));
    }
    let lines: Vec<_> =
        rows.iter().flat_map(|row| row.lines()).map(|line| format!("{INDENT}{line}")).collect();
    print(&format!("{}\n", lines.join("\n")))?;
    Ok(())
}
