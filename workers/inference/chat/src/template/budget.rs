use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

/// Instructions of one rendering. A turn of a conversation takes some hundred.
pub(super) const FUEL: u64 = 2_000_000;
/// Characters (in bytes) a rendering may emit, be it into a variable.
const OUTPUT: u64 = 32 << 20;
/// Bytes and values a rendering may touch beyond that: compare, search, join, copy.
const WORK: u64 = 512 << 20;
/// What touching one value costs in bytes of work.
const VALUE: u64 = 32;
/// Nesting of lists and maps: what JSON may have, and some.
const DEPTH: usize = 200;
/// A key no template can name: marks namespaces.
pub(super) const NAMESPACE: &str = "\0namespace";

/// What a rendering ran out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    #[error("too many steps")]
    Steps,
    #[error("too much text")]
    Text,
    #[error("too much work on large values")]
    Work,
    #[error("values nested too deeply")]
    Depth,
}

impl From<Exhausted> for Error {
    fn from(exhausted: Exhausted) -> Self {
        Error::new(ErrorKind::InvalidOperation, "out of bounds").with_source(exhausted)
    }
}

/// What is left to one rendering.
struct Budget {
    output: u64,
    work: u64,
}

fn budget<'s>(state: &'s mut State<'_, '_>) -> &'s mut Budget {
    state.get_or_insert_extension_with(|| Budget { output: OUTPUT, work: WORK })
}

/// Pays for text about to be made or emitted.
pub(super) fn make(state: &mut State, bytes: usize) -> Result<(), Error> {
    let left = &mut budget(state).output;
    *left = left.checked_sub(bytes as u64).ok_or(Exhausted::Text)?;
    Ok(())
}

/// What text may still be made, in bytes.
pub(super) fn room(state: &mut State) -> usize {
    budget(state).output as usize
}

/// Pays for reading bytes.
pub(super) fn read(state: &mut State, bytes: usize) -> Result<(), Error> {
    let left = &mut budget(state).work;
    *left = left.checked_sub(bytes as u64).ok_or(Exhausted::Work)?;
    Ok(())
}

/// Pays for walking over `count` values.
pub(super) fn walk(state: &mut State, count: usize) -> Result<(), Error> {
    read(state, count.saturating_mul(VALUE as usize))
}

/// Pays for reading a value's own text or its items, but not what is inside them.
pub(super) fn skim(state: &mut State, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => read(state, text.len()),
        None => walk(state, value.len().unwrap_or(0) + 1),
    }
}

/// Pays for reading all of a value, text included.
pub(super) fn survey(state: &mut State, value: &Value) -> Result<(), Error> {
    visit(&mut budget(state).work, value, 0, &mut |value| match value.as_str() {
        Some(text) => Ok(text.len() as u64),
        None => Ok(0),
    })
    .map_err(Error::from)
}

/// Makes sure that a value can be put into another: not too deep, and no namespace in it if it is to go into one, so
/// that nothing ever contains itself.
pub(super) fn enclose(state: &mut State, value: &Value, into_namespace: bool) -> Result<(), Error> {
    visit(&mut budget(state).work, value, 1, &mut |value| {
        if into_namespace && is_namespace(value) { Err(Exhausted::Depth) } else { Ok(0) }
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
    cost: &mut dyn FnMut(&Value) -> Result<u64, Exhausted>,
) -> Result<(), Exhausted> {
    *left = left.checked_sub(VALUE + cost(value)?).ok_or(Exhausted::Work)?;
    let Some(object) = value.as_object() else { return Ok(()) };
    if depth >= DEPTH {
        return Err(Exhausted::Depth);
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
