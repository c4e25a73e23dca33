//! `cortex chat`.

mod conversation;
mod editor;
mod input;

use std::io::{self, IsTerminal, Read};

use cortex_client::{Api, ChatMessage, ChatRequest};
use cortex_domain::id::ModelName;
use cortex_node::Home;

use self::editor::LineEditor;
use crate::args::ApiArgs;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::target;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) api: ApiArgs,
    /// The prompt, or `-` for standard input [default: start a conversation]
    pub(crate) prompt: Option<String>,
    /// The model [default: the first chat model]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<ModelName>,
    /// The system prompt
    #[arg(long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// The sampling temperature, 0 to 2
    #[arg(long, value_name = "T")]
    pub(crate) temperature: Option<f64>,
    /// The maximum number of tokens of an answer
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u32>,
    /// The seed of the sampler, which makes an answer repeatable
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<i64>,
}

/// Answers one prompt, or holds a conversation.
///
/// # Errors
/// Returns an error if the API can't be reached or refuses the request, or if there is no chat
/// model.
pub(crate) async fn run(home: &Home, args: Args, json: bool) -> Result<Exit, Failure> {
    let api = target::api(home, &args.api)?;
    let prompt = match args.prompt.as_deref() {
        Some("-") => Some(read_stdin()?),
        None if !io::stdin().is_terminal() => Some(read_stdin()?),
        prompt => prompt.map(str::to_owned),
    };
    let model = match args.model {
        Some(model) => model.to_string(),
        None => first_chat_model(&api).await?,
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
        Some(prompt) => answer_prompt(&api, request, prompt, json).await,
        None if json => {
            let message = "--json needs a prompt: a conversation is not one document";
            Err(Failure::message(Exit::BadInput, message, "pass the prompt: `cortex chat PROMPT --json`"))
        }
        None => conversation::run(&api, request, LineEditor::open(home.chat_history())?).await,
    }
}

async fn answer_prompt(
    api: &Api,
    mut request: ChatRequest,
    prompt: String,
    json: bool,
) -> Result<Exit, Failure> {
    request.messages.push(ChatMessage { role: "user", content: prompt });
    if json {
        output::print_json(&api.chat(&request).await?)?;
        return Ok(Exit::Done);
    }
    conversation::stream_answer(api, &request, &mut String::new()).await?;
    output::print("")?;
    Ok(Exit::Done)
}

/// Returns the name of the first chat model.
async fn first_chat_model(api: &Api) -> Result<String, Failure> {
    let models = api.models().await?;
    let chats = models.into_iter().find(|model| model.kind.as_deref() == Some("chat"));
    chats.map(|model| model.id).ok_or_else(|| {
        let help =
            "`cortex models list` shows the models; a chat worker has to run (`cortex up --workers chat=1`)";
        Failure::message(Exit::Negative, "there is no chat model", help)
    })
}

fn read_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    io::stdin().lock().read_to_string(&mut text)?;
    let text = text.trim_end();
    if text.is_empty() {
        let help = "pass a prompt: `cortex chat PROMPT`, or `cortex chat - < FILE`";
        return Err(Failure::message(Exit::BadInput, "standard input is empty", help));
    }
    Ok(text.to_owned())
}
