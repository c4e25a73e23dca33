//! Probes a grammar for a few tokens before it is used for an answer.

use crate::schema::Halt;
use crate::{Constraint, ConstraintError, Mask};

/// The number of tokens per probe.
const STEPS: usize = 8;
/// How many allowed tokens are considered to choose one.
const CHOICES: usize = 64;

/// How a probe chooses tokens.
#[derive(Clone, Copy)]
enum TokenChoice {
    /// The longest: covers much text in few steps.
    Long,
    /// One from the middle of the allowed ones, at a different position at each step.
    Spread,
}

/// Computes masks along two texts that the grammar allows.
///
/// # Errors
/// Fails if a mask takes too much work or allows no token.
pub(crate) fn walk(constraint: &Constraint, halt: &Halt) -> Result<(), ConstraintError> {
    for choice in [TokenChoice::Long, TokenChoice::Spread] {
        let mut constraint = constraint.clone();
        let mut mask = Mask::new();
        for step in 0..STEPS {
            halt.check().map_err(|why| ConstraintError::TooComplex { why: why.to_owned() })?;
            constraint.mask(&mut mask)?;
            if mask.is_empty() {
                return Err(ConstraintError::DeadEnd);
            }
            let Some(token) = choose(&constraint, &mask, choice, step) else { break };
            match constraint.accept(token) {
                // A random text needn't be valid.
                Err(ConstraintError::Invalid(_)) => break,
                accepted => accepted?,
            }
            if constraint.is_stopped() {
                break;
            }
        }
    }
    Ok(())
}

/// An allowed token that doesn't end the text.
fn choose(constraint: &Constraint, mask: &Mask, choice: TokenChoice, step: usize) -> Option<u32> {
    let allowed: Vec<u32> = mask.allowed().filter(|token| !constraint.ends_with(*token)).collect();
    let at = |place: usize| allowed.get(place % allowed.len().max(1)).copied();
    match choice {
        TokenChoice::Spread => at(step.wrapping_mul(0x9E37_79B9).wrapping_add(allowed.len() / 2)),
        TokenChoice::Long => {
            let stride = allowed.len().div_ceil(CHOICES).max(1);
            allowed.iter().step_by(stride).copied().max_by_key(|token| constraint.bytes_of(*token))
        }
    }
}
