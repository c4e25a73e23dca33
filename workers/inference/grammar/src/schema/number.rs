use serde_json::{Map, Value};

use super::walk::Refusal;

/// The largest whole number up to which a double holds all.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;
/// A bound that is left out moves by this share of itself: decimals that are nearer would be read as the bound.
const MARGIN: f64 = 1e-9;

/// Rewrites the numeric keywords of one schema: bounds that are left out become bounds that are kept, but for whole numbers.
pub(super) fn rewrite(from: &Map<String, Value>, to: &mut Map<String, Value>) -> Result<(), Refusal> {
    let whole = matches!(from.get("type"), Some(Value::String(kind)) if kind == "integer");
    let low = bound(from, "minimum", "exclusiveMinimum", whole, 1.0)?;
    let high = bound(from, "maximum", "exclusiveMaximum", whole, -1.0)?;
    if let (Some(low), Some(high)) = (&low, &high)
        && low.value > high.value
    {
        return Err(Refusal::new(high.keyword, "no number is left between the bounds"));
    }
    for (bound, inclusive, exclusive) in
        [(&low, "minimum", "exclusiveMinimum"), (&high, "maximum", "exclusiveMaximum")]
    {
        if let Some(bound) = bound {
            let keyword = if bound.exclusive { exclusive } else { inclusive };
            to.insert(keyword.to_owned(), plain(bound.value));
        }
    }
    multiple(from, to, whole, low.as_ref(), high.as_ref())
}

struct Bound {
    value: f64,
    exclusive: bool,
    keyword: &'static str,
}

/// The stricter of the two bounds on one side; `inward` is 1 from below and -1 from above.
fn bound(
    from: &Map<String, Value>,
    inclusive: &'static str,
    exclusive: &'static str,
    whole: bool,
    inward: f64,
) -> Result<Option<Bound>, Refusal> {
    let kept = number(from, inclusive)?;
    let left_out = match from.get(exclusive) {
        None | Some(Value::Bool(false)) => None,
        // Draft 4 says by a flag that the other bound is left out.
        Some(Value::Bool(true)) => kept,
        Some(_) => number(from, exclusive)?,
    };
    let Some(limit) = left_out.filter(|limit| kept.is_none_or(|kept| (limit - kept) * inward >= 0.0)) else {
        return Ok(kept.map(|value| Bound { value, exclusive: false, keyword: inclusive }));
    };
    if whole {
        return Ok(Some(Bound { value: limit, exclusive: true, keyword: exclusive }));
    }
    // Rounded to a decimal, as the bound is written out for the parser.
    let moved = limit + inward * limit.abs().max(1.0) * MARGIN;
    let value = format!("{moved:.12}").parse().unwrap_or(moved);
    Ok(Some(Bound { value, exclusive: false, keyword: exclusive }))
}

fn number(from: &Map<String, Value>, keyword: &'static str) -> Result<Option<f64>, Refusal> {
    let Some(value) = from.get(keyword) else { return Ok(None) };
    let number = value.as_f64().ok_or_else(|| Refusal::new(keyword, "must be a number"))?;
    check_exact(keyword, number)?;
    Ok(Some(number))
}

/// Refuses numbers that don't survive being read as doubles, as readers do.
pub(super) fn check_exact(keyword: &str, number: f64) -> Result<(), Refusal> {
    if number.abs() < MOST_EXACT {
        return Ok(());
    }
    Err(Refusal::new(keyword, "holds a number beyond 2^53, which readers of JSON don't keep exactly"))
}

fn multiple(
    from: &Map<String, Value>,
    to: &mut Map<String, Value>,
    whole: bool,
    low: Option<&Bound>,
    high: Option<&Bound>,
) -> Result<(), Refusal> {
    let keyword = "multipleOf";
    let Some(divisor) = number(from, keyword)? else { return Ok(()) };
    if divisor <= 0.0 {
        return Err(Refusal::new(keyword, "must be above 0"));
    }
    if divisor.fract() != 0.0 && !whole && (divisor * 1e6).fract() != 0.0 {
        return Err(Refusal::new(keyword, "has more than 6 decimals"));
    }
    if divisor > 1e6 {
        return Err(Refusal::new(keyword, "is larger than 1,000,000"));
    }
    if let (Some(low), Some(high)) = (low, high) {
        let first = (low.value / divisor).ceil()
            + if low.exclusive && low.value % divisor == 0.0 { 1.0 } else { 0.0 };
        let last = (high.value / divisor).floor()
            - if high.exclusive && high.value % divisor == 0.0 { 1.0 } else { 0.0 };
        if first > last {
            return Err(Refusal::new(keyword, "has no multiple between the bounds"));
        }
    }
    to.insert(keyword.to_owned(), plain(divisor));
    Ok(())
}

fn plain(number: f64) -> Value {
    if number.fract() == 0.0 { Value::from(number as i64) } else { Value::from(number) }
}
