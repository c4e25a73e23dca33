//! `cortex chat`.

use crate::args::ApiArgs;
use cortex_domain::id::ModelName;
mod conversation;
mod editor;
mod input;

use std::io::{self, IsTerminal, Read};

use editor::LineEditor;

use crate::exit::{Exit, Failure};
use crate::output;
use crate::target;
use cortex_client::{Api, ChatMessage, ChatRequest};
use cortex_node::Home;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// What to say; `-` for standard input. Without it there is a conversation
    pub(crate) prompt: Option<String>,
    /// The model [default: the first one that chats]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<ModelName>,
    /// What the model is told to be
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// 0 for the likeliest words, up to 2 for stranger ones
    #[arg(long, value_name = "T")]
    pub(crate) temperature: Option<f64>,
    /// Tokens of an answer at most
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u32>,
    /// Makes an answer repeatable
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<i64>,
}

/// Says one thing and shows the answer, or holds a conversation.
///
/// # Errors
/// If the API can't be reached or refuses, or there is no model that chats.
pub(crate) async fn run(home: &Home, args: Args, json: bool) -> Result<Exit, Failure> {
    let api = target::api(home, &args.api)?;
    let prompt = match args.prompt.as_deref() {
        Some("-") => Some(piped()?),
        None if !io::stdin().is_terminal() => Some(piped()?),
        prompt => prompt.map(str::to_owned),
    };
    let model = match args.model {
        Some(model) => model.to_string(),
        None => first(&api).await?,
    };
    let system = args.system.map(|content| ChatMessage { role: "system", content });
    let request = ChatRequest {
        model,
        messages: system.into_iter().collect(),
        temperature: args.temperature,
        max_tokens: args.max_tokens,
        seed: args.seed,
        stream: false,
    };
    match prompt {
        Some(prompt) => once(&api, request, prompt, json).await,
        None if json => {
            Err(Failure::message(Exit::BadInput, "--json is for a prompt: `cortex chat PROMPT --json`"))
        }
        None => conversation::run(&api, request, LineEditor::open(home.chat_history())?).await,
    }
}

async fn once(api: &Api, mut request: ChatRequest, prompt: String, json: bool) -> Result<Exit, Failure> {
    request.messages.push(ChatMessage { role: "user", content: prompt });
    if json {
        output::json(&api.chat(&request).await?)?;
        return Ok(Exit::Done);
    }
    conversation::stream_answer(api, &request, &mut String::new()).await?;
    output::out("");
    Ok(Exit::Done)
}

/// The first model that chats.
async fn first(api: &Api) -> Result<String, Failure> {
    let models = api.models().await?;
    let chats = models.into_iter().find(|model| model.kind.as_deref() == Some("chat"));
    chats.map(|model| model.id).ok_or_else(|| {
        let detail = "there is no chat model: models.yaml lists none";
        Failure::message(Exit::Negative, detail)
    })
}

fn piped() -> Result<String, Failure> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text)?;
    let text = text.trim_end();
    if text.is_empty() {
        return Err(Failure::message(Exit::BadInput, "standard input says nothing"));
    }
    Ok(text.to_owned())
}
