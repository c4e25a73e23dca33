//! Options of `cortex up` that it passes on to its chat workers.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ChatWorkerArgs {
    /// The device of chat models: auto, cpu, candle, cuda:N or metal [default: auto]
    #[arg(long, env = "CHAT_DEVICE", value_name = "DEVICE", value_parser = device)]
    chat_device: Option<String>,
    /// The floating-point type of chat models [default: the best of the device]
    #[arg(long, value_name = "DTYPE", value_parser = ["f32", "bf16", "f16"])]
    chat_dtype: Option<String>,
    /// The number of compute threads of a chat worker [default: one per core]
    #[arg(long, value_name = "N")]
    chat_threads: Option<NonZeroU16>,
    /// The maximum number of tokens of a prompt and its answer [default: the model's]
    #[arg(long, value_name = "TOKENS")]
    chat_context: Option<NonZeroU32>,
    /// The size of each model's KV cache in MiB [default: half of the free memory, at most 4096]
    #[arg(long, value_name = "MIB")]
    chat_cache: Option<NonZeroU32>,
    /// The memory for all models of a chat worker in MiB; the least recently used is unloaded first
    /// [default: the free memory]
    #[arg(long, value_name = "MIB")]
    chat_memory: Option<NonZeroU32>,
    /// The timeout for loading a model, in seconds [default: 600]
    #[arg(long, value_name = "SECONDS")]
    chat_load_deadline: Option<NonZeroU32>,
    /// A file with a system prompt that all tenants share in the prefix cache; repeat the option
    /// for several
    #[arg(long, value_name = "FILE")]
    chat_shared_prompt: Vec<PathBuf>,
}

impl ChatWorkerArgs {
    /// Returns the arguments of each chat worker.
    pub(crate) fn arguments(&self) -> Vec<String> {
        self.options("--")
    }

    /// Returns the arguments for another `cortex up`.
    pub(crate) fn up_arguments(&self) -> Vec<String> {
        self.options("--chat-")
    }

    fn options(&self, prefix: &str) -> Vec<String> {
        let number = |number: Option<NonZeroU32>| number.map(|number| number.to_string());
        let options = [
            ("device", self.chat_device.clone()),
            ("dtype", self.chat_dtype.clone()),
            ("threads", self.chat_threads.map(|threads| threads.to_string())),
            ("context", number(self.chat_context)),
            ("cache", number(self.chat_cache)),
            ("memory", number(self.chat_memory)),
            ("load-deadline", number(self.chat_load_deadline)),
        ];
        let shared = self.chat_shared_prompt.iter().map(|path| path.display().to_string());
        let shared = shared.map(|path| ("shared-prompt", Some(path)));
        let all = options.into_iter().chain(shared);
        all.filter_map(|(flag, value)| Some([format!("{prefix}{flag}"), value?])).flatten().collect()
    }
}

fn device(text: &str) -> Result<String, String> {
    let known = matches!(text, "auto" | "cpu" | "candle" | "cuda" | "metal")
        || text.strip_prefix("cuda:").is_some_and(|number| number.parse::<u16>().is_ok());
    if known { Ok(text.to_owned()) } else { Err("expected auto, cpu, candle, cuda:N or metal".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct TestCli {
        #[command(flatten)]
        args: ChatWorkerArgs,
    }

    fn arguments_of(text: &str) -> Vec<String> {
        let words = std::iter::once("up").chain(text.split_whitespace());
        TestCli::try_parse_from(words).unwrap().args.arguments()
    }

    #[test]
    fn only_options_that_are_set_are_passed_on() {
        assert_eq!(arguments_of(""), [""; 0]);
        let all = "--chat-device cuda:1 --chat-dtype bf16 --chat-threads 3 --chat-context 4096 --chat-cache 512 \
                   --chat-memory 9000 --chat-load-deadline 60";
        let expected = "--device cuda:1 --dtype bf16 --threads 3 --context 4096 --cache 512 --memory 9000 \
                        --load-deadline 60";
        assert_eq!(arguments_of(all).join(" "), expected);
        let parsed = TestCli::try_parse_from(std::iter::once("up").chain(all.split_whitespace())).unwrap();
        assert_eq!(parsed.args.up_arguments().join(" "), all);
        let shared = arguments_of("--chat-shared-prompt a.txt --chat-shared-prompt b.txt");
        assert_eq!(shared.join(" "), "--shared-prompt a.txt --shared-prompt b.txt");
    }

    #[test]
    fn an_option_that_a_worker_would_refuse_is_refused() {
        for invalid in [
            "--chat-device gpu",
            "--chat-device cuda:x",
            "--chat-dtype f8",
            "--chat-context 0",
            "--chat-cache -1",
        ] {
            let words = std::iter::once("up").chain(invalid.split_whitespace());
            assert!(TestCli::try_parse_from(words).is_err(), "{invalid}");
        }
    }
}
