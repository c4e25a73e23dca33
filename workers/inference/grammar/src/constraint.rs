use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llguidance::Matcher;
use llguidance::api::StopReason;

use crate::compiler::Shared;
use crate::json_text::JsonText;
use crate::jury::Jury;
use crate::lead::{Kind, Lead, Step};
use crate::{ConstraintError, Mask};

/// The grammar of one answer, after the tokens that it has accepted.
///
/// For each token: [`Constraint::mask`], which may run on another thread while the forward pass does, then
/// [`Constraint::accept`] with what was chosen. The text is over when an end token is accepted; where
/// [`Constraint::is_stopped`] nothing else can come.
pub struct Constraint {
    shared: Arc<Shared>,
    matcher: Matcher,
    leads: VecDeque<Lead>,
    /// Where the text is in JSON, if it is JSON.
    text: Option<JsonText>,
    ended: bool,
    /// What looks at the text when it is finished, and the text up to here.
    jury: Option<Arc<Jury>>,
    written: Vec<u8>,
    /// Whether the lexer that clones share is full: no other answer should begin with it.
    spent: Arc<AtomicBool>,
    scratch: Vec<u32>,
}

impl Constraint {
    pub(crate) fn new(
        shared: Arc<Shared>,
        matcher: Matcher,
        text: Option<JsonText>,
        jury: Option<Arc<Jury>>,
    ) -> Self {
        Self {
            shared,
            matcher,
            leads: VecDeque::new(),
            text,
            ended: false,
            jury,
            written: Vec::new(),
            spent: Arc::default(),
            scratch: Vec::new(),
        }
    }

    /// Lets a model think: text is free up to the marker, as `</think>`, which may span tokens or be a control token, and must
    /// come; up to four tokens of blanks may follow it, and then the grammar begins. An empty marker changes nothing.
    pub fn after(self, marker: &str) -> Self {
        self.led_by(marker, Kind::Thinking)
    }

    /// Lets a model answer or call: text is free, and may end, up to the marker that opens a call; then the grammar begins.
    pub fn on(self, marker: &str) -> Self {
        self.led_by(marker, Kind::Text)
    }

    fn led_by(mut self, marker: &str, kind: Kind) -> Self {
        if !marker.is_empty() {
            self.leads.push_front(Lead::new(marker, kind, &self.shared.vocabulary));
        }
        self
    }

    /// The tokens that may come now. Where the text is over, those that end it.
    pub fn mask(&mut self, mask: &mut Mask) -> Result<(), ConstraintError> {
        if let Some(lead) = self.leads.front()
            && (!lead.is_whole() || self.leads.len() > 1)
        {
            lead.mask(&self.shared.vocabulary.tokens, mask);
            if lead.is_whole()
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
        if let Some(lead) = self.leads.front() {
            lead.mask(&self.shared.vocabulary.tokens, mask);
        }
        Ok(())
    }

    /// Goes on by a token. A token that doesn't fit is refused and leaves the constraint as it was.
    pub fn accept(&mut self, token: u32) -> Result<(), ConstraintError> {
        let shared = Arc::clone(&self.shared);
        if shared.vocabulary.ends.contains(&token) {
            if !self.may_end()? {
                return Err(ConstraintError::Refused { token });
            }
            self.ended = true;
            return self.judge();
        }
        if self.ended {
            return Err(ConstraintError::Refused { token });
        }
        let bytes = shared.vocabulary.tokens.get(token as usize).ok_or(ConstraintError::Refused { token })?;
        while let Some(lead) = self.leads.front_mut() {
            match lead.accept(token, bytes) {
                Step::Taken => return Ok(()),
                Step::Refused => return Err(ConstraintError::Refused { token }),
                Step::Over if self.leads.len() > 1 => {
                    self.leads.pop_front();
                }
                Step::Over => break,
            }
        }
        if self.text.is_some_and(|mut text| !text.read(bytes)) && !self.is_last_way_on(token)? {
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
        if self.jury.is_some() {
            self.written.extend_from_slice(bytes);
            if self.is_stopped() {
                return self.judge();
            }
        }
        Ok(())
    }

    /// Looks at the finished text, once.
    fn judge(&mut self) -> Result<(), ConstraintError> {
        match self.jury.take() {
            Some(jury) => jury.judge(&self.written).map_err(ConstraintError::Invalid),
            None => Ok(()),
        }
    }

    /// Whether nothing but an end token can come.
    pub fn is_stopped(&self) -> bool {
        self.ended || (self.leads.is_empty() && self.matcher.is_stopped())
    }

    /// Whether an end token is allowed here.
    pub fn may_end(&mut self) -> Result<bool, ConstraintError> {
        match self.leads.front() {
            Some(lead) if !lead.is_whole() => return Ok(lead.may_end()),
            Some(_) if self.leads.len() > 1 => return Ok(self.leads[1].may_end()),
            _ => {}
        }
        if self.is_stopped() {
            return Ok(true);
        }
        self.matcher.is_accepting().map_err(|_| self.failure())
    }

    /// The tokens that must come now, if the vocabulary encodes; tell [`Constraint::accept`] each one that is used. Empty while
    /// the text is free or where there is a choice.
    pub fn forced(&mut self) -> Vec<u32> {
        if self.leads.is_empty() && !self.is_stopped() {
            self.matcher.compute_ff_tokens()
        } else {
            Vec::new()
        }
    }

    /// Whether a token is allowed that makes the text one that readers refuse, as nothing else is left.
    fn is_last_way_on(&mut self, token: u32) -> Result<bool, ConstraintError> {
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

/// The same grammar after the same tokens, to go its own way. Clones share the lexer's states, so that what one answer found
/// the next needn't look for.
impl Clone for Constraint {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            matcher: self.matcher.clone(),
            spent: Arc::clone(&self.spent),
            leads: self.leads.clone(),
            text: self.text,
            ended: self.ended,
            jury: self.jury.clone(),
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
