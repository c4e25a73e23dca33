//! Joins the metrics of several processes into one text, as Prometheus expects it: each metric has
//! its help and type once, followed by all of its samples.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// The metrics of another process, in Prometheus' text format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessMetrics {
    pub process: String,
    pub text: String,
}

/// Joins the metrics of this process, in text format, with those of others. `label` tells which
/// process a sample of another one is from.
///
/// A sample of another process is left out if its metric has another type here.
#[must_use]
pub fn join(own: &str, label: &str, others: &[ProcessMetrics]) -> String {
    let mut families = BTreeMap::new();
    add(&mut families, own, None);
    for other in others {
        let value = other.process.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        add(&mut families, &other.text, Some(&format!("{label}=\"{value}\"")));
    }
    let mut joined = String::with_capacity(own.len());
    for (name, Family { help, kind, samples }) in families {
        for (keyword, text) in [("HELP", help), ("TYPE", kind)] {
            if let Some(text) = text {
                joined.extend(["# ", keyword, " ", name, " ", text, "\n"]);
            }
        }
        for sample in samples {
            joined.extend([sample.as_ref(), "\n"]);
        }
    }
    joined
}

#[derive(Default)]
struct Family<'a> {
    help: Option<&'a str>,
    kind: Option<&'a str>,
    samples: Vec<Cow<'a, str>>,
}

fn add<'a>(families: &mut BTreeMap<&'a str, Family<'a>>, text: &'a str, label: Option<&str>) {
    let mut current: Option<(&str, bool)> = None;
    for line in text.lines() {
        if let Some((keyword, name, rest)) = comment(line) {
            let family = families.entry(name).or_default();
            let known = if keyword == "TYPE" { &mut family.kind } else { &mut family.help };
            let same = keyword != "TYPE" || known.is_none_or(|kind| kind == rest);
            known.get_or_insert(rest);
            current = match current {
                Some((open, fits)) if open == name => Some((name, fits && same)),
                _ => Some((name, same)),
            };
        } else if let Some((name, fits)) = current
            && fits
            && !line.is_empty()
        {
            let sample = label.map_or(Cow::Borrowed(line), |label| Cow::Owned(labelled(line, label)));
            families.entry(name).or_default().samples.push(sample);
        }
    }
}

/// Splits a line such as `# HELP name text`.
fn comment(line: &str) -> Option<(&str, &str, &str)> {
    let (keyword, rest) = line.strip_prefix("# ")?.split_once(' ')?;
    let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
    matches!(keyword, "HELP" | "TYPE").then_some((keyword, name, text))
}

/// Adds a label to a sample.
fn labelled(sample: &str, label: &str) -> String {
    let end = sample.find(['{', ' ']).unwrap_or(sample.len());
    let (name, rest) = sample.split_at(end);
    match rest.strip_prefix('{') {
        Some(labels) if labels.starts_with('}') => format!("{name}{{{label}{labels}"),
        Some(labels) => format!("{name}{{{label},{labels}"),
        None => format!("{name}{{{label}}}{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 2\n\
                       # HELP b B.\n# TYPE b gauge\nb 3\n";

    fn named(process: &str, text: &str) -> ProcessMetrics {
        ProcessMetrics { process: process.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn each_metric_has_one_head_and_all_samples() {
        let other = "# HELP b B.\n# TYPE b gauge\nb 4\n# HELP c C.\n# TYPE c histogram\n\
                     c_bucket{le=\"1\"} 5\nc_sum 6\nc_count 7\n\
                     # HELP a_total A.\n# TYPE a_total counter\na_total{x=\"}\"} 8\n";
        let expected = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 2\n\
                        a_total{worker=\"w-1\",x=\"}\"} 8\n\
                        # HELP b B.\n# TYPE b gauge\nb 3\nb{worker=\"w-1\"} 4\n\
                        # HELP c C.\n# TYPE c histogram\nc_bucket{worker=\"w-1\",le=\"1\"} 5\n\
                        c_sum{worker=\"w-1\"} 6\nc_count{worker=\"w-1\"} 7\n";
        assert_eq!(join(OWN, "worker", &[named("w-1", other)]), expected);
    }

    #[test]
    fn without_other_processes_the_text_is_unchanged() {
        assert_eq!(join(OWN, "worker", &[]), OWN);
    }

    #[test]
    fn a_metric_of_another_type_is_left_out() {
        let other = "# HELP b B.\n# TYPE b counter\nb 4\n";
        assert_eq!(join(OWN, "worker", &[named("w-1", other)]), OWN);
    }

    #[test]
    fn the_name_of_a_process_is_escaped() {
        let joined = join("", "worker", &[named("a\"\\\n", "# TYPE b gauge\nb{} 1\n")]);
        assert_eq!(joined, "# TYPE b gauge\nb{worker=\"a\\\"\\\\\\n\"} 1\n");
    }
}
