//! Modules of one crate that import each other in a circle, so that none can be understood, tested
//! or moved alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;

/// The known circles. Their modules describe parts of one subject.
const KNOWN: [(&str, &[&str]); 3] = [
    ("workers/inference", &["generate", "language"]),
    ("workers/inference/tokens", &["gguf", "hugging_face", "tokenizer"]),
    ("workers/inference/transformer", &["shape", "weights"]),
];

/// The imports of each top-level module of a crate.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// Returns the unknown circles of every crate.
pub(crate) fn new_ones(sources: &[Source], crates: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for folder in crates {
        let circles = circles(&imports(sources, folder, crates));
        let known = KNOWN.iter().find(|(of, _)| of == folder).map(|(_, modules)| *modules);
        for circle in circles.iter().filter(|circle| known.is_none_or(|known| circle.as_slice() != known)) {
            found.push(format!("{folder}: {} import each other", circle.join(", ")));
        }
        if let Some(known) = known.filter(|known| !circles.iter().any(|circle| circle.as_slice() == *known)) {
            found.push(format!("{folder}: the circle of {} is gone or has changed", known.join(", ")));
        }
    }
    found
}

fn imports(sources: &[Source], folder: &str, crates: &[String]) -> Imports {
    let src = format!("{folder}/src/");
    let of_nested = |path: &str| {
        crates.iter().any(|other| {
            other.len() > folder.len() && other.starts_with(folder) && path.starts_with(&format!("{other}/"))
        })
    };
    let mut imports = Imports::new();
    for source in sources.iter().filter(|source| source.path.starts_with(&src) && !of_nested(&source.path)) {
        let module = top_level(&source.path[src.len()..]);
        if ["lib", "main"].contains(&module) {
            continue;
        }
        let text = source.production();
        let of_module = imports.entry(module.to_owned()).or_default();
        of_module.extend(imported(&text, "crate::").filter(|other| other != module));
        let rest = &source.path[src.len()..];
        if !rest.contains('/') || rest == format!("{module}/mod.rs") {
            of_module.extend(imported(&text, "super::").filter(|other| other != module));
        }
    }
    let modules: BTreeSet<String> = imports.keys().cloned().collect();
    for others in imports.values_mut() {
        others.retain(|other| modules.contains(other));
    }
    imports
}

fn top_level(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// Returns the names after a path to the crate's root, single or in braces.
fn imported(text: &str, root: &str) -> impl Iterator<Item = String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    text.split(root).skip(1).flat_map(move |rest| match rest.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap_or_default().split(',').map(name).collect(),
        None => vec![name(rest)],
    })
}

/// Returns the groups of modules that reach each other.
fn circles(imports: &Imports) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> =
        imports.keys().map(|module| (module, reached(module, imports))).collect();
    let mut circles = BTreeSet::new();
    for (module, reached) in &reach {
        let circle: Vec<String> = reached
            .iter()
            .filter(|other| reach.get(other).is_some_and(|back| back.contains(*module)))
            .cloned()
            .collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reached(from: &String, imports: &Imports) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<&String> = imports[from].iter().collect();
    while let Some(module) = left.pop() {
        if reached.insert(module.clone()) {
            left.extend(&imports[module]);
        }
    }
    reached
}

#[test]
fn a_circle_is_found_and_a_line_is_not() {
    let of = |a: &str, b: &str, c: &str| {
        let sources = [("x/src/a.rs", a), ("x/src/b/mod.rs", b), ("x/src/c.rs", c)];
        let sources = sources.map(|(path, text)| Source::new(path, text));
        new_ones(&sources, &["x".to_owned()])
    };
    let (to_b, to_c, to_a) =
        ("use crate::b::B;\n", "use crate::{c::C, other};\n", "fn f() { crate::a::f() }\n");
    assert_eq!(of(to_b, to_c, ""), Vec::<String>::new());
    assert_eq!(of(to_b, to_c, to_a), ["x: a, b, c import each other"]);
    let in_a_comment = format!("// {to_a}");
    assert_eq!(of(to_b, to_c, &in_a_comment), Vec::<String>::new());
    let in_a_test = format!("#[cfg(test)]\nmod tests {{\n    {to_a}}}\n");
    assert_eq!(of(to_b, to_c, &in_a_test), Vec::<String>::new());
}
