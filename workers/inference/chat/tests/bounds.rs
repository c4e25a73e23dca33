//! Templates that try to use excessive resources: each quickly ends with a named error.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use cortex_chat::{
    CompileError, Conversation, Message, Now, Options, RenderError, Role, SpecialTokens, Template,
};

fn outcome(source: &str) -> String {
    let begun = Instant::now();
    let conversation = Conversation {
        messages: vec![Message::text(Role::User, "x".repeat(1 << 20)), Message::text(Role::Tool, "y")],
    };
    let outcome = match Template::compile(source, SpecialTokens::new()) {
        Err(error) => error.to_string(),
        Ok(template) => match template.render(&conversation, &Options::at(Now::from_unix(0, 0))) {
            Ok(text) => format!("{} bytes", text.len()),
            Err(RenderError::Broken(why)) => panic!("{source:.200}: {why}"),
            Err(error) => error.to_string(),
        },
    };
    assert!(begun.elapsed() < Duration::from_secs(60), "{source:.200} took {:?}: {outcome}", begun.elapsed());
    outcome
}

fn exceeds_limits(source: &str) {
    let outcome = outcome(source);
    assert!(outcome.starts_with("the chat template exceeded its limits: "), "{source:.200}: {outcome}");
}

/// Repeats `body` many times; `range` itself is limited.
fn often(body: &str) -> String {
    format!(
        "{{% set ns = namespace(s='x', l=[1], v=none) %}}{{% for i in range(9999) %}}{{% for j in range(9999) %}}\
         {body}{{% endfor %}}{{% endfor %}}"
    )
}

#[test]
fn loops_are_limited() {
    exceeds_limits(&often(""));
    exceeds_limits(&often("some text"));
}

#[test]
fn doubling_is_limited() {
    exceeds_limits(&often("{% set ns.s = ns.s ~ ns.s %}"));
    exceeds_limits(&often("{% set ns.s = ns.s + ns.s %}"));
    exceeds_limits(&often("{% set ns.s = ns.s * 2 %}"));
    exceeds_limits(&often("{% set ns.l = ns.l + ns.l %}"));
    exceeds_limits(&often("{% set ns.l = ns.l * 2 %}"));
    exceeds_limits(&often("{% set ns.l = [ns.l, ns.l] %}"));
    exceeds_limits(&often("{% set ns.l = {'a': ns.l} %}"));
    exceeds_limits(&often("{% set ns.l = (ns.l, 1) %}"));
    exceeds_limits(&often("{% set ns.l = dict(a=ns.l) %}"));
    exceeds_limits(&often("{% set ns.s %}{{ ns.s }}{{ ns.s }}{% endset %}"));
    exceeds_limits(&often("{% set ns.s = ns.s.replace('x', 'xx') %}"));
    exceeds_limits(&often("{% set ns.s = ns.s | replace('', 'xx') %}"));
    exceeds_limits(&often("{% set ns.s = ns.s.join([ns.s, ns.s, ns.s]) %}"));
    exceeds_limits(&often("{% set ns.s = [ns.s, ns.s] | join(ns.s) %}"));
    exceeds_limits(&often("{% set ns.s = [ns.s, ns.s] | string %}"));
    exceeds_limits(&often("{% set ns.s = [ns.s, ns.s] | tojson %}"));
    exceeds_limits(&often("{% set ns.s = (ns.s ~ '\\n') | indent(900, true) %}"));
    exceeds_limits(&often("{% set ns.s = '%s%s' | format(ns.s, ns.s) %}"));
    exceeds_limits(&often("{% set ns.l = (ns.l | list) + (ns.l | map('string') | list) %}"));
}

#[test]
fn work_on_large_values_is_limited() {
    let message = "messages[0].content";
    for body in [
        format!("{{% if {message} == {message} ~ '' %}}{{% endif %}}"),
        format!("{{% if 'y' in {message} %}}{{% endif %}}"),
        format!("{{% if {message} < {message} < {message} %}}{{% endif %}}"),
        format!("{{% for c in {message} %}}{{% break %}}{{% endfor %}}"),
        format!("{{% set ns.v = {message}[5] %}}"),
        format!("{{% set ns.v = {message}[::2] %}}"),
        format!("{{% set ns.v = {message} | upper | length %}}"),
        format!("{{% set ns.v = {message}.split() %}}"),
        format!("{{% set ns.v = {message}.count('y') %}}"),
        format!("{{% set ns.v = {message} | list | sort %}}"),
        "{% set ns.v = messages | map(attribute='content') | map('upper') | list %}".to_owned(),
        "{% if messages[0] == messages[1] %}{% endif %}".to_owned(),
        "{% set ns.v = messages | tojson %}".to_owned(),
        format!("{{{{ {message} }}}}"),
        "{% set raw %}RAW{% endset %}".replace("RAW", &"r".repeat(100_000)),
    ] {
        exceeds_limits(&often(&body));
    }
}

#[test]
fn no_value_contains_itself() {
    exceeds_limits("{% set a = namespace() %}{% set a.a = a %}{{ a }}");
    exceeds_limits("{% set a = namespace() %}{% set b = namespace(a=[a]) %}{{ b }}");
    exceeds_limits("{% set a = namespace() %}{% set a.l = {'x': [a]} %}{{ a == a }}");
}

#[test]
fn recursion_is_limited() {
    for source in [
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}",
        "{% for x in messages recursive %}{{ loop(messages) }}{% endfor %}",
    ] {
        let outcome = outcome(source);
        assert!(outcome.contains("recursion"), "{source}: {outcome}");
    }
}

#[test]
fn widths_and_counts_are_limited() {
    for source in [
        "{{ '%999999999d' | format(1) }}",
        "{{ '%*d' | format(999999999, 1) }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ '{:{}}'.format(1, 999999999) }}",
        "{{ [1] | batch(999999999, 'x') | list }}",
        "{{ [1] | slice(999999999) | list }}",
        "{{ 'a' | indent(999999999) }}",
        "{{ [1] | tojson(indent=999999999) }}",
        "{{ range(999999999) | list }}",
        "{{ 1 | round(999999999) }}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ raise_exception(messages) }}",
        "{{ debug() }}",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% block x %}{{ self.x() }}{% endblock %}",
        "{% import 'x' as x %}",
        "{{ dict(*messages) }}",
        "{{ strftime_now('%') }}",
        "{{ strftime_now('%Q') }}",
    ] {
        outcome(source);
    }
}

#[test]
fn sources_are_limited() {
    for source in [
        format!("{{{{ {}1 }}}}", "1+".repeat(120_000)),
        format!("{{{{ a{} }}}}", ".a".repeat(120_000)),
        format!("{{{{ a{} }}}}", "|d".repeat(120_000)),
        format!("{{{{ {}a }}}}", "not ".repeat(60_000)),
        format!("{{{{ {}a }}}}", "-".repeat(200_000)),
        format!("{{{{ {}{} }}}}", "[".repeat(60_000), "]".repeat(60_000)),
        format!("{{{{ {}{} }}}}", "(".repeat(2_000), ")".repeat(2_000)),
        "{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' * 9999999 }}".repeat(1_000),
        "{{ [1] * 9999999 }}".repeat(1_000),
        "{{ 'x' * 9999 * 9999 }}".repeat(1_000),
        "{% if a %}".repeat(20_000),
        format!("{{% if a %}}{}{{% endif %}}", "{% elif a %}".repeat(20_000)),
    ] {
        let error = Template::compile(&source, SpecialTokens::new());
        match error {
            Err(CompileError::Syntax { .. }) => {}
            Err(error) => panic!("{source:.50}: {error}"),
            Ok(_) => assert!(source.contains("elif"), "{source:.50}"),
        }
    }
    let long = Template::compile(&"x".repeat(300_000), SpecialTokens::new()).unwrap_err();
    assert!(matches!(long, CompileError::TooLong { .. }));
}
