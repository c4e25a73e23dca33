use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llguidance::Matcher;
use llguidance::api::StopReason;

use crate::compiler::Shared;
use crate::json_text::JsonText;
use crate::preamble::{Preamble, PreambleKind, TokenEffect};
use crate::validator::AnswerValidator;
use crate::{ConstraintError, Mask};

/// The grammar of one answer, advanced by the tokens accepted so far.
///
/// For each token, call [`Constraint::mask`], which may run on another thread during the forward
/// pass, then [`Constraint::accept`] with the chosen token. The text is complete once an end token
/// is accepted; if [`Constraint::is_stopped`], no other token can follow.
pub struct Constraint {
    shared: Arc<Shared>,
    matcher: Matcher,
    leads: VecDeque<Preamble>,
    /// The position within the JSON text, if the text is JSON.
    text: Option<JsonText>,
    ended: bool,
    /// Validates the finished text, along with the text so far.
    validator: Option<Arc<AnswerValidator>>,
    written: Vec<u8>,
    /// Whether the lexer shared by clones is full, so that new answers shouldn't use it.
    spent: Arc<AtomicBool>,
    scratch: Vec<u32>,
}

impl Constraint {
    pub(crate) fn new(
        shared: Arc<Shared>,
        matcher: Matcher,
        text: Option<JsonText>,
        validator: Option<Arc<AnswerValidator>>,
    ) -> Self {
        Self {
            shared,
            matcher,
            leads: VecDeque::new(),
            text,
            ended: false,
            validator,
            written: Vec::new(),
            spent: Arc::default(),
            scratch: Vec::new(),
        }
    }

    /// Allows reasoning first: text is free up to the marker, such as `</think>`, which may span
    /// tokens or be a control token, and is mandatory. Up to four tokens of whitespace may follow
    /// it, and then the grammar begins. An empty marker has no effect.
    pub fn after(self, marker: &str) -> Self {
        self.with_preamble(marker, PreambleKind::Thinking)
    }

    /// Allows an answer or a call: text is free, and may end, until the marker that opens a call;
    /// then the grammar begins.
    pub fn on(self, marker: &str) -> Self {
        self.with_preamble(marker, PreambleKind::Text)
    }

    fn with_preamble(mut self, marker: &str, kind: PreambleKind) -> Self {
        if !marker.is_empty() {
            self.leads.push_front(Preamble::new(marker, kind, &self.shared.vocabulary));
        }
        self
    }

    /// The tokens allowed next. If the text is complete, those that end it.
    pub fn mask(&mut self, mask: &mut Mask) -> Result<(), ConstraintError> {
        if let Some(preamble) = self.leads.front()
            && (!preamble.is_whole() || self.leads.len() > 1)
        {
            preamble.mask(&self.shared.vocabulary.tokens, mask);
            if preamble.is_whole()
                && let Some(next) = self.leads.get(1)
            {
                next.mask(&self.shared.vocabulary.tokens, mask);
            }
            return Ok(());
        }
        if self.ended {
            mask.copy(&self.shared.ends);
            return Ok(());
        }
        let bits = self.matcher.compute_mask_or_eos().map_err(|_| self.failure())?;
        mask.take(bits);
        if let Some(text) = self.text {
            self.shared.watched.narrow(text, &self.shared.vocabulary.tokens, mask, &mut self.scratch);
        }
        if let Some(preamble) = self.leads.front() {
            preamble.mask(&self.shared.vocabulary.tokens, mask);
        }
        Ok(())
    }

    /// Advances by a token. A token that doesn't fit is rejected and leaves the constraint
    /// unchanged.
    pub fn accept(&mut self, token: u32) -> Result<(), ConstraintError> {
        let shared = Arc::clone(&self.shared);
        if shared.vocabulary.ends.contains(&token) {
            if !self.may_end()? {
                return Err(ConstraintError::Refused { token });
            }
            self.ended = true;
            return self.validate();
        }
        if self.ended {
            return Err(ConstraintError::Refused { token });
        }
        let bytes = shared.vocabulary.tokens.get(token as usize).ok_or(ConstraintError::Refused { token })?;
        while let Some(preamble) = self.leads.front_mut() {
            match preamble.accept(token, bytes) {
                TokenEffect::Taken => return Ok(()),
                TokenEffect::Refused => return Err(ConstraintError::Refused { token }),
                TokenEffect::Over if self.leads.len() > 1 => {
                    self.leads.pop_front();
                }
                TokenEffect::Over => break,
            }
        }
        if self.text.is_some_and(|mut text| !text.read(bytes)) && !self.is_only_option(token)? {
            return Err(ConstraintError::Refused { token });
        }
        match self.matcher.try_consume_tokens(&[token]) {
            Ok(1) => {}
            Ok(_) => return Err(ConstraintError::Refused { token }),
            Err(_) => return Err(self.failure()),
        }
        self.leads.clear();
        if let Some(text) = &mut self.text {
            text.read(bytes);
        }
        if self.validator.is_some() {
            self.written.extend_from_slice(bytes);
            if self.is_stopped() {
                return self.validate();
            }
        }
        Ok(())
    }

    /// Validates the finished text, once.
    fn validate(&mut self) -> Result<(), ConstraintError> {
        match self.validator.take() {
            Some(validator) => validator.validate(&self.written).map_err(ConstraintError::Invalid),
            None => Ok(()),
        }
    }

    /// Whether only an end token can follow.
    pub fn is_stopped(&self) -> bool {
        self.ended || (self.leads.is_empty() && self.matcher.is_stopped())
    }

    /// Whether an end token is allowed here.
    pub fn may_end(&mut self) -> Result<bool, ConstraintError> {
        match self.leads.front() {
            Some(preamble) if !preamble.is_whole() => return Ok(preamble.may_end()),
            Some(_) if self.leads.len() > 1 => return Ok(self.leads[1].may_end()),
            _ => {}
        }
        if self.is_stopped() {
            return Ok(true);
        }
        self.matcher.is_accepting().map_err(|_| self.failure())
    }

    /// The tokens that must come next, if the vocabulary has an encoder; pass each one that is used
    /// to [`Constraint::accept`]. Empty while the text is free or if there is a choice.
    pub fn forced(&mut self) -> Vec<u32> {
        if self.leads.is_empty() && !self.is_stopped() {
            self.matcher.compute_ff_tokens()
        } else {
            Vec::new()
        }
    }

    /// Whether a token is allowed although it makes the text one that readers reject, because no
    /// other is left.
    fn is_only_option(&mut self, token: u32) -> Result<bool, ConstraintError> {
        let mut mask = Mask::new();
        self.mask(&mut mask)?;
        Ok(mask.allows(token))
    }

    /// Whether a token ends texts.
    pub(crate) fn ends_with(&self, token: u32) -> bool {
        self.shared.vocabulary.ends.contains(&token)
    }

    /// How many bytes a token adds.
    pub(crate) fn bytes_of(&self, token: u32) -> usize {
        self.shared.vocabulary.tokens.get(token as usize).map_or(0, Vec::len)
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Relaxed)
    }

    fn failure(&self) -> ConstraintError {
        self.spent.store(true, Ordering::Relaxed);
        let why = self.matcher.get_error().unwrap_or_default();
        let why = why.lines().next().unwrap_or_default().to_owned();
        match self.matcher.stop_reason() {
            StopReason::LexerTooComplex | StopReason::ParserTooComplex => ConstraintError::TooComplex { why },
            StopReason::NoExtensionBias | StopReason::NoExtension => ConstraintError::DeadEnd,
            _ if ["too complex", "too many", "max is"].iter().any(|sign| why.contains(sign)) => {
                ConstraintError::TooComplex { why }
            }
            _ if why.contains("NoExtension") => ConstraintError::DeadEnd,
            _ => ConstraintError::Failed { why },
        }
    }
}

/// Copies the grammar in its current state. Clones share the lexer's states, so that an answer
/// reuses what earlier ones computed.
impl Clone for Constraint {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            matcher: self.matcher.clone(),
            spent: Arc::clone(&self.spent),
            leads: self.leads.clone(),
            text: self.text,
            ended: self.ended,
            validator: self.validator.clone(),
            written: self.written.clone(),
            scratch: Vec::new(),
        }
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Constraint")
            .field("leads", &self.leads.len())
            .field("stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}
