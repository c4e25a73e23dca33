//! Tries a grammar for a few tokens before an answer does.

use crate::schema::Halt;
use crate::{Constraint, ConstraintError, Mask};

/// Tokens of one try.
const STEPS: usize = 8;
/// Tokens that are looked at in a mask to choose one.
const CHOICES: usize = 64;

/// How a try chooses tokens.
#[derive(Clone, Copy)]
enum Taste {
    /// The longest: it goes far in few steps.
    Long,
    /// One in the middle of those that are allowed, in another place at each step.
    Spread,
}

/// Computes masks along two texts that the grammar allows.
///
/// # Errors
/// If a mask takes too much work, or none is left of the tokens.
pub(crate) fn walk(constraint: &Constraint, halt: &Halt) -> Result<(), ConstraintError> {
    for taste in [Taste::Long, Taste::Spread] {
        let mut constraint = constraint.clone();
        let mut mask = Mask::new();
        for step in 0..STEPS {
            halt.check().map_err(|why| ConstraintError::TooComplex { why: why.to_owned() })?;
            constraint.mask(&mut mask)?;
            if mask.is_empty() {
                return Err(ConstraintError::DeadEnd);
            }
            let Some(token) = choose(&constraint, &mask, taste, step) else { break };
            match constraint.accept(token) {
                // A text by chance needn't be valid.
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

/// A token that is allowed and doesn't end the text.
fn choose(constraint: &Constraint, mask: &Mask, taste: Taste, step: usize) -> Option<u32> {
    let allowed: Vec<u32> = mask.allowed().filter(|token| !constraint.ends_with(*token)).collect();
    let at = |place: usize| allowed.get(place % allowed.len().max(1)).copied();
    match taste {
        Taste::Spread => at(step.wrapping_mul(0x9E37_79B9).wrapping_add(allowed.len() / 2)),
        Taste::Long => {
            let stride = allowed.len().div_ceil(CHOICES).max(1);
            allowed.iter().step_by(stride).copied().max_by_key(|token| constraint.bytes_of(*token))
        }
    }
}
