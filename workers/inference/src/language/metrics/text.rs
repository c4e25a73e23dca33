//! The metrics in Prometheus' text format.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Histogram, Metrics, OUTCOMES, names};

/// Renders the metrics of engines, each under its model's name.
pub fn render(engines: &[(&str, &Metrics)]) -> String {
    let mut page = Page { text: String::new(), engines };
    page.write().expect("a String takes all that is written");
    page.text
}

struct Page<'a> {
    text: String,
    engines: &'a [(&'a str, &'a Metrics)],
}

impl Page<'_> {
    fn write(&mut self) -> fmt::Result {
        if self.engines.is_empty() {
            return Ok(());
        }
        self.histogram(
            names::FIRST_TOKEN,
            "_seconds",
            "Time from a request to the first token of its response.",
            |metrics| &metrics.first_token,
        )?;
        self.histogram(
            names::BETWEEN_TOKENS,
            "_seconds",
            "Time between one token and the next of the same response.",
            |metrics| &metrics.between_tokens,
        )?;
        self.histogram(
            names::REQUEST,
            "_seconds",
            "Time from a request to the end of its response.",
            |metrics| &metrics.request,
        )?;
        self.histogram(names::SEQUENCES, "", "Sequences in one step of the engine.", |metrics| {
            &metrics.sequences
        })?;
        self.histogram(names::STEP_TOKENS, "", "Tokens in one step of the engine.", |metrics| {
            &metrics.step_tokens
        })?;
        self.histogram(
            names::CACHE_USE,
            "_ratio",
            "The part of the KV cache that sequences hold, at each step.",
            |metrics| &metrics.cache_use,
        )?;
        let help = "Tokens of prompts (input), of those found in the prefix cache (cached), and of \
                    responses (output).";
        self.family(names::TOKENS, "_total", "counter", help, |metrics| {
            let counts = [
                ("input", &metrics.prompt_tokens),
                ("cached", &metrics.found_tokens),
                ("output", &metrics.generated_tokens),
            ];
            labelled(names::TOKEN_TYPE, counts)
        })?;
        self.family(names::ANSWERS, "_total", "counter", "Responses that ended.", |metrics| {
            labelled(names::OUTCOME, OUTCOMES.into_iter().zip(&metrics.ended))
        })?;
        let help = "Requests that were rejected because the queue was full.";
        self.family(names::REFUSED, "_total", "counter", help, |metrics| {
            vec![(None, read(&metrics.refused))]
        })?;
        let help = "Sequences that lost their KV cache to others and continued later.";
        self.family(names::PREEMPTED, "_total", "counter", help, |metrics| {
            vec![(None, read(&metrics.preempted))]
        })?;
        self.family(names::QUEUE, "", "gauge", "Sequences that run or wait.", |metrics| {
            labelled(names::STATE, [("running", &metrics.running), ("waiting", &metrics.waiting)])
        })?;
        self.family(names::CACHE_BLOCKS, "", "gauge", "Blocks of the KV cache.", |metrics| {
            let (held, kept) = (read(&metrics.held), read(&metrics.kept));
            let free = read(&metrics.blocks).saturating_sub(held + kept);
            let states = [("held", held), ("kept", kept), ("free", free)];
            states.map(|(state, count)| (Some((names::STATE, state)), count)).into()
        })
    }

    fn family(
        &mut self,
        name: &str,
        suffix: &str,
        kind: &str,
        help: &str,
        of: impl Fn(&Metrics) -> Vec<(Option<(&str, &str)>, u64)>,
    ) -> fmt::Result {
        let name = plain(name) + suffix;
        writeln!(self.text, "# HELP {name} {help}")?;
        writeln!(self.text, "# TYPE {name} {kind}")?;
        for (model, metrics) in self.engines {
            for (label, value) in of(metrics) {
                write!(self.text, "{name}{{{}", Model(model))?;
                if let Some((key, text)) = label {
                    write!(self.text, ",{}=\"{text}\"", plain(key))?;
                }
                writeln!(self.text, "}} {value}")?;
            }
        }
        Ok(())
    }

    fn histogram(
        &mut self,
        name: &str,
        suffix: &str,
        help: &str,
        of: impl Fn(&Metrics) -> &Histogram,
    ) -> fmt::Result {
        let name = plain(name) + suffix;
        writeln!(self.text, "# HELP {name} {help}")?;
        writeln!(self.text, "# TYPE {name} histogram")?;
        for (model, metrics) in self.engines {
            let (model, counts) = (Model(model), of(metrics).read());
            let mut all = 0;
            for (bound, count) in counts.up_to {
                let bound = bound.map_or("+Inf".into(), |bound| bound.to_string());
                writeln!(self.text, "{name}_bucket{{{model},le=\"{bound}\"}} {count}")?;
                all = count;
            }
            writeln!(self.text, "{name}_sum{{{model}}} {}", counts.sum)?;
            writeln!(self.text, "{name}_count{{{model}}} {all}")?;
        }
        Ok(())
    }
}

/// The label with the model's name.
struct Model<'a>(&'a str);

impl fmt::Display for Model<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        write!(f, "{}=\"{value}\"", plain(names::MODEL))
    }
}

fn plain(name: &str) -> String {
    name.replace('.', "_")
}

fn labelled<'a>(
    key: &'a str,
    counts: impl IntoIterator<Item = (&'a str, &'a AtomicU64)>,
) -> Vec<(Option<(&'a str, &'a str)>, u64)> {
    counts.into_iter().map(|(text, count)| (Some((key, text)), read(count))).collect()
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_page_names_each_model_and_counts_its_tokens() {
        let metrics = Metrics::default();
        metrics.admitted(100, 64);
        metrics.first_token(Duration::from_millis(30));
        metrics.next_token(Duration::from_millis(3));
        let page = render(&[("a \"b\"", &metrics)]);
        let model = r#"gen_ai_response_model="a \"b\"""#;
        for line in [
            format!("gen_ai_server_time_to_first_token_seconds_bucket{{{model},le=\"0.04\"}} 1"),
            format!("gen_ai_server_time_to_first_token_seconds_bucket{{{model},le=\"0.02\"}} 0"),
            format!("gen_ai_server_time_to_first_token_seconds_sum{{{model}}} 0.03"),
            format!("gen_ai_server_token_usage_total{{{model},gen_ai_token_type=\"cached\"}} 64"),
            format!("gen_ai_server_token_usage_total{{{model},gen_ai_token_type=\"output\"}} 2"),
            "# TYPE cortex_inference_cache_blocks gauge".into(),
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
    }

    #[test]
    fn every_line_is_a_comment_or_a_name_with_labels_and_a_number() {
        let page = render(&[("a", &Metrics::default()), ("b", &Metrics::default())]);
        for line in page.lines().filter(|line| !line.starts_with("# ")) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(series.ends_with('}') && series.contains('{'), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
