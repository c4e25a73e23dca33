use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

/// Instructions of one rendering. One turn of a conversation takes a few hundred.
pub(super) const MAX_INSTRUCTIONS: u64 = 2_000_000;
/// How many characters (in bytes) a rendering may emit, including into variables.
const MAX_OUTPUT: u64 = 32 << 20;
/// How many bytes and values a rendering may process beyond that: compare, search, join, copy.
const MAX_WORK: u64 = 512 << 20;
/// The cost of processing one value, in bytes of work.
const VALUE_COST: u64 = 32;
/// How deeply lists and maps may nest: slightly more than in JSON.
const MAX_DEPTH: usize = 200;
/// A key that no template can name; it marks namespaces.
pub(super) const NAMESPACE: &str = "\0namespace";

/// The limit that a rendering exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitExceeded {
    #[error("too many steps")]
    Steps,
    #[error("too much text")]
    Text,
    #[error("too much work on large values")]
    Work,
    #[error("values nested too deeply")]
    Depth,
}

impl From<LimitExceeded> for Error {
    fn from(exceeded: LimitExceeded) -> Self {
        Error::new(ErrorKind::InvalidOperation, "limit exceeded").with_source(exceeded)
    }
}

/// The remaining budget of one rendering.
struct Budget {
    output: u64,
    work: u64,
}

fn budget<'s>(state: &'s mut State<'_, '_>) -> &'s mut Budget {
    state.get_or_insert_extension_with(|| Budget { output: MAX_OUTPUT, work: MAX_WORK })
}

/// Charges for text that is about to be made or emitted.
pub(super) fn make(state: &mut State, bytes: usize) -> Result<(), Error> {
    let left = &mut budget(state).output;
    *left = left.checked_sub(bytes as u64).ok_or(LimitExceeded::Text)?;
    Ok(())
}

/// How many bytes of text may still be made.
pub(super) fn room(state: &mut State) -> usize {
    budget(state).output as usize
}

/// Charges for reading bytes.
pub(super) fn read(state: &mut State, bytes: usize) -> Result<(), Error> {
    let left = &mut budget(state).work;
    *left = left.checked_sub(bytes as u64).ok_or(LimitExceeded::Work)?;
    Ok(())
}

/// Charges for visiting `count` values.
pub(super) fn walk(state: &mut State, count: usize) -> Result<(), Error> {
    read(state, count.saturating_mul(VALUE_COST as usize))
}

/// Charges for reading a value's own text or its items, but not their contents.
pub(super) fn skim(state: &mut State, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => read(state, text.len()),
        None => walk(state, value.len().unwrap_or(0) + 1),
    }
}

/// Charges for reading a value completely, including all text in it.
pub(super) fn survey(state: &mut State, value: &Value) -> Result<(), Error> {
    visit(&mut budget(state).work, value, 0, &mut |value| match value.as_str() {
        Some(text) => Ok(text.len() as u64),
        None => Ok(0),
    })
    .map_err(Error::from)
}

/// Checks that a value can be put into another: it must not nest too deeply, and must not contain a
/// namespace if it goes into one, so that nothing can contain itself.
pub(super) fn enclose(state: &mut State, value: &Value, into_namespace: bool) -> Result<(), Error> {
    visit(&mut budget(state).work, value, 1, &mut |value| {
        if into_namespace && is_namespace(value) { Err(LimitExceeded::Depth) } else { Ok(0) }
    })
    .map_err(Error::from)
}

pub(super) fn is_namespace(value: &Value) -> bool {
    value.kind() == ValueKind::Map
        && value.as_object().is_some_and(|object| object.get_value(&Value::from(NAMESPACE)).is_some())
}

fn visit(
    left: &mut u64,
    value: &Value,
    depth: usize,
    cost: &mut dyn FnMut(&Value) -> Result<u64, LimitExceeded>,
) -> Result<(), LimitExceeded> {
    *left = left.checked_sub(VALUE_COST + cost(value)?).ok_or(LimitExceeded::Work)?;
    let Some(object) = value.as_object() else { return Ok(()) };
    if depth >= MAX_DEPTH {
        return Err(LimitExceeded::Depth);
    }
    match value.kind() {
        ValueKind::Map => {
            for (key, value) in object.try_iter_pairs().into_iter().flatten() {
                visit(left, &key, depth + 1, cost)?;
                visit(left, &value, depth + 1, cost)?;
            }
        }
        ValueKind::Seq | ValueKind::Iterable => {
            for item in object.try_iter().into_iter().flatten() {
                visit(left, &item, depth + 1, cost)?;
            }
        }
        _ => {}
    }
    Ok(())
}
