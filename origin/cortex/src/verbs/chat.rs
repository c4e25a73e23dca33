//! `cortex chat`.

mod line;
mod talk;
mod typing;

use std::io::{self, IsTerminal, Read};

use typing::Typing;

use super::place;
use crate::cli::ChatArgs;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::show;
use cortex_client::{Api, ChatMessage, ChatRequest};

/// Says one thing and shows the answer, or holds a conversation.
///
/// # Errors
/// If the API can't be reached or refuses, or there is no model that chats.
pub(crate) async fn chat(home: &Home, args: ChatArgs, json: bool) -> Result<Exit, Failure> {
    let api = place::api(home, &args.api)?;
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
        None => talk::hold(&api, request, Typing::begin(home.chat_history())?).await,
    }
}

async fn once(api: &Api, mut request: ChatRequest, prompt: String, json: bool) -> Result<Exit, Failure> {
    request.messages.push(ChatMessage { role: "user", content: prompt });
    if json {
        show::json(&api.chat(&request).await?)?;
        return Ok(Exit::Done);
    }
    talk::tell(api, &request, &mut String::new()).await?;
    show::out("");
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
