/// How a model writes the parts of its answers that aren't plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syntax {
    pub reasoning: Option<Reasoning>,
    pub calls: Calls,
    pub ids: ToolCallIds,
}

/// A text with a special meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    pub text: String,
    /// Whether it is a control token of the model. If so, the same characters spelled out as text
    /// have no meaning.
    pub special: bool,
}

/// The markers around reasoning, which comes first in an answer, if at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasoning {
    pub open: Marker,
    pub close: Marker,
}

/// The form of tool calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Calls {
    /// The template has no tools or uses an unknown form.
    None,
    /// Hermes, Qwen: `<tool_call>{"name": .., "arguments": ..}</tool_call>`, any number of times.
    Tagged { open: Marker, close: Marker },
    /// Mistral: `[TOOL_CALLS][{"name": .., "arguments": ..}, ..]`.
    Listed { open: Marker },
    /// Llama 3: the answer is `{"name": .., "parameters": ..}`, several separated by `;`,
    /// optionally after `tag`. `tag` may also be followed by `tool.call(argument="value")` or by a
    /// program for `code_interpreter`.
    Bare { tag: Marker },
}

/// What a template requires of the ids of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolCallIds {
    Any,
    /// Mistral: exactly nine letters and digits.
    NineAlphanumerics,
}

impl Marker {
    fn text(text: &str) -> Self {
        Self { text: text.to_owned(), special: false }
    }

    fn special(text: &str) -> Self {
        Self { text: text.to_owned(), special: true }
    }
}

impl Calls {
    pub(crate) fn open(&self) -> Option<&Marker> {
        match self {
            Self::None => None,
            Self::Tagged { open, .. } | Self::Listed { open } | Self::Bare { tag: open } => Some(open),
        }
    }

    pub(crate) fn close(&self) -> Option<&Marker> {
        match self {
            Self::Tagged { close, .. } => Some(close),
            Self::None | Self::Listed { .. } | Self::Bare { .. } => None,
        }
    }
}

impl Syntax {
    /// Detects the syntax from a template's source. Markers that are usually control tokens are
    /// assumed to be; [`Self::with_control`] corrects that once the tokenizer is known.
    pub fn detect(template: &str) -> Self {
        let has = |text: &str| template.contains(text);
        let reasoning = [("<think>", "</think>"), ("[THINK]", "[/THINK]")]
            .into_iter()
            .find(|(open, close)| has(open) && has(close))
            .map(|(open, close)| Reasoning { open: Marker::text(open), close: Marker::text(close) });
        let calls = if has("[TOOL_CALLS]") && !has("[ARGS]") {
            Calls::Listed { open: Marker::special("[TOOL_CALLS]") }
        } else if has("<tool_call>") && !has("<function=") && !has("<arg_key>") {
            Calls::Tagged { open: Marker::text("<tool_call>"), close: Marker::text("</tool_call>") }
        } else if has("<|python_tag|>") || (has("\"parameters\": ") && has("ipython")) {
            Calls::Bare { tag: Marker::special("<|python_tag|>") }
        } else {
            Calls::None
        };
        let nine = has("|length != 9") || has("| length != 9");
        Self { reasoning, calls, ids: if nine { ToolCallIds::NineAlphanumerics } else { ToolCallIds::Any } }
    }

    /// Sets for every marker whether it is a control token.
    #[must_use]
    pub fn with_control(mut self, is_control: impl Fn(&str) -> bool) -> Self {
        let reasoning =
            self.reasoning.iter_mut().flat_map(|reasoning| [&mut reasoning.open, &mut reasoning.close]);
        let calls = match &mut self.calls {
            Calls::None => vec![],
            Calls::Tagged { open, close } => vec![open, close],
            Calls::Listed { open } => vec![open],
            Calls::Bare { tag } => vec![tag],
        };
        for marker in reasoning.chain(calls) {
            marker.special = is_control(&marker.text);
        }
        self
    }

    /// Whether a prompt ends with the beginning of reasoning, so that the answer starts inside it.
    pub fn opens_reasoning(&self, prompt: &str) -> bool {
        self.reasoning.as_ref().is_some_and(|reasoning| prompt.trim_end().ends_with(&reasoning.open.text))
    }
}
