//! Numbers within bounds, and their schemas for the parser.

use serde_json::{Map, Value, json};

use super::fact::Edge;

/// Up to this number, a double represents every integer.
pub(super) const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;
/// An exclusive bound is moved by this fraction of itself: decimals that are closer would be read
/// as the bound.
const MARGIN: f64 = 1e-9;
/// Divisors have at most 6 decimal places.
const UNIT: f64 = 1e6;
const MAX_DIVISOR: f64 = 1e6;
/// How many numbers may be excluded: each splits the rest in two.
const MAX_EXCEPTIONS: usize = 64;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Number {
    pub(super) whole: bool,
    low: Option<Edge>,
    high: Option<Edge>,
    /// In millionths.
    divisor: Option<u64>,
    only: Option<Vec<f64>>,
    except: Vec<f64>,
}

/// Whether the parser can enforce a divisor.
pub(super) fn check_divisor(divisor: f64) -> Result<(), &'static str> {
    if divisor <= 0.0 {
        return Err("must be greater than 0");
    }
    if ((divisor * UNIT).round() / UNIT - divisor).abs() > divisor * 1e-12 || divisor * UNIT < 1.0 {
        return Err("must have at most 6 decimal places");
    }
    if divisor > MAX_DIVISOR {
        return Err("must be at most 1,000,000");
    }
    Ok(())
}

/// Whether a number survives being read as a double, as readers do.
pub(super) fn is_exact(number: f64) -> bool {
    number.abs() < MAX_EXACT_INTEGER
}

impl Number {
    pub(super) fn is_any(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn at_least(&mut self, edge: Edge) {
        let stricter = |known: Edge| edge.value > known.value || edge.value == known.value && edge.exclusive;
        if self.low.is_none_or(stricter) {
            self.low = Some(edge);
        }
    }

    pub(super) fn at_most(&mut self, edge: Edge) {
        let stricter = |known: Edge| edge.value < known.value || edge.value == known.value && edge.exclusive;
        if self.high.is_none_or(stricter) {
            self.high = Some(edge);
        }
    }

    /// The divisor must have been checked.
    pub(super) fn multiple_of(&mut self, divisor: f64) {
        let units = (divisor * UNIT).round() as u64;
        self.divisor = Some(match self.divisor {
            None => units,
            Some(known) => (known / greatest_common(known, units)).saturating_mul(units),
        });
    }

    pub(super) fn only(&mut self, numbers: Vec<f64>) {
        let known = self.only.take();
        let enforced = |number: &f64| known.as_ref().is_none_or(|known| known.contains(number));
        self.only = Some(numbers.into_iter().filter(enforced).collect());
    }

    pub(super) fn except(&mut self, number: f64) {
        if !self.except.contains(&number) {
            self.except.push(number);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.only {
            Some(only) => !only.iter().any(|number| self.fits(*number)),
            None => self.ranges().is_empty(),
        }
    }

    /// What can't be expressed for the parser.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.except.len() > MAX_EXCEPTIONS {
            return Some("excludes too many numbers");
        }
        match self.divisor {
            Some(divisor) if divisor as f64 > MAX_DIVISOR * UNIT => {
                Some("have no common multiple up to 1,000,000")
            }
            _ => None,
        }
    }

    /// Schemas of which a number must satisfy one.
    pub(super) fn schemas(&self) -> Vec<Value> {
        if let Some(only) = &self.only {
            let fitting: Vec<Value> =
                only.iter().filter(|number| self.fits(**number)).map(|number| plain(*number)).collect();
            return vec![json!({ "enum": fitting })];
        }
        let ranges = self.ranges().into_iter().map(|(low, high)| {
            let mut schema = Map::new();
            schema.insert("type".to_owned(), if self.whole { "integer" } else { "number" }.into());
            schema.extend(low.map(|low| ("minimum".to_owned(), plain(low))));
            schema.extend(high.map(|high| ("maximum".to_owned(), plain(high))));
            if let Some(divisor) = self.divisor() {
                schema.insert("multipleOf".to_owned(), plain(divisor));
            }
            Value::Object(schema)
        });
        ranges.collect()
    }

    fn divisor(&self) -> Option<f64> {
        let divisor = self.divisor?;
        let whole = UNIT as u64;
        let divisor = if self.whole { divisor / greatest_common(divisor, whole) * whole } else { divisor };
        // Every integer is a multiple of 1.
        (!(self.whole && divisor == whole)).then_some(divisor as f64 / UNIT)
    }

    pub(super) fn fits(&self, number: f64) -> bool {
        let above = |low: Edge| number > low.value || number == low.value && !low.exclusive;
        let below = |high: Edge| number < high.value || number == high.value && !high.exclusive;
        self.low.is_none_or(above)
            && self.high.is_none_or(below)
            && !(self.whole && number.fract() != 0.0)
            && !self.except.contains(&number)
            && self.divisor.is_none_or(|divisor| {
                let times = number * UNIT / divisor as f64;
                (times - times.round()).abs() < 1e-9 * times.abs().max(1.0)
            })
    }

    /// Inclusive bounds, one pair for each range; empty if no number is left.
    fn ranges(&self) -> Vec<(Option<f64>, Option<f64>)> {
        let mut except: Vec<f64> = self.except.iter().copied().take(MAX_EXCEPTIONS).collect();
        except.sort_by(f64::total_cmp);
        let mut ranges = Vec::with_capacity(except.len() + 1);
        let mut low = self.low;
        for number in except {
            let edge = Edge { value: number, exclusive: true };
            let below = self.high.is_none_or(|high| number <= high.value);
            let above = low.is_none_or(|low| number >= low.value);
            if below && above {
                ranges.push((low, Some(edge)));
                low = Some(edge);
            }
        }
        ranges.push((low, self.high));
        ranges.into_iter().filter_map(|(low, high)| self.range(low, high)).collect()
    }

    fn range(&self, low: Option<Edge>, high: Option<Edge>) -> Option<(Option<f64>, Option<f64>)> {
        let (low, high) = if self.whole {
            let up = |edge: Edge| if edge.exclusive { edge.value.floor() + 1.0 } else { edge.value.ceil() };
            let down = |edge: Edge| if edge.exclusive { edge.value.ceil() - 1.0 } else { edge.value.floor() };
            // Readers distinguish integers up to here.
            let most = MAX_EXACT_INTEGER - 1.0;
            (
                Some(low.map_or(-most, |low| up(low).max(-most))),
                Some(high.map_or(most, |high| down(high).min(most))),
            )
        } else {
            (low.map(|edge| inclusive(edge, 1.0)), high.map(|edge| inclusive(edge, -1.0)))
        };
        if let (Some(low), Some(high)) = (low, high) {
            let fits = match self.divisor() {
                None => low <= high,
                Some(divisor) => (low / divisor).ceil() <= (high / divisor).floor(),
            };
            fits.then_some((Some(low), Some(high)))
        } else {
            Some((low, high))
        }
    }
}

/// Moves an exclusive bound to an inclusive one, rounded to the decimal that is written out for the
/// parser.
fn inclusive(edge: Edge, inward: f64) -> f64 {
    if !edge.exclusive {
        return edge.value;
    }
    let inclusive = edge.value + inward * edge.value.abs().max(1.0) * MARGIN;
    format!("{inclusive:.12}").parse().unwrap_or(inclusive)
}

fn greatest_common(left: u64, right: u64) -> u64 {
    if right == 0 { left } else { greatest_common(right, left % right) }
}

pub(super) fn plain(number: f64) -> Value {
    if number.fract() == 0.0 { Value::from(number as i64) } else { Value::from(number) }
}
