//! `docs/api/`: a page for each group of routes, from the OpenAPI document and the examples that a
//! test runs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::generated::{check, nothing_else, read};
use crate::page::Page;
use crate::schema::Schema;

const FOLDER: &str = "docs/api";

/// An operation of the document.
struct Operation<'a> {
    method: String,
    path: &'a str,
    value: &'a Value,
}

impl Operation<'_> {
    fn id(&self) -> &str {
        self.value["operationId"].as_str().unwrap()
    }

    fn tag(&self) -> &str {
        self.value["tags"][0].as_str().unwrap()
    }

    fn title(&self) -> String {
        format!("`{} {}`", self.method, self.path)
    }
}

fn document() -> Value {
    serde_json::from_str(&read("docs/openapi.json")).unwrap()
}

fn examples() -> Vec<Value> {
    serde_json::from_str(&read("docs/api/examples.json")).unwrap()
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, value) in methods.as_object().unwrap() {
            operations.push(Operation { method: method.to_uppercase(), path, value });
        }
    }
    operations
}

#[test]
fn the_pages_of_the_api_are_up_to_date() {
    let (document, examples) = (document(), examples());
    let mut pages = BTreeMap::from([(format!("{FOLDER}/README.md"), overview(&document))]);
    for tag in document["tags"].as_array().unwrap() {
        let name = tag["name"].as_str().unwrap();
        pages.insert(format!("{FOLDER}/{name}.md"), group(&document, &examples, tag));
    }
    check(&pages);
    nothing_else(FOLDER, &pages);
}

#[test]
fn every_operation_has_an_example() {
    let document = document();
    let operations = operations(&document);
    let shown: BTreeSet<_> =
        examples().iter().map(|example| example["operation"].as_str().unwrap().to_owned()).collect();
    let all: BTreeSet<_> = operations.iter().map(|operation| operation.id().to_owned()).collect();
    assert_eq!(shown, all, "docs/api/examples.json has an example for each operation and for nothing else");
}

fn overview(document: &Value) -> String {
    let mut page = Page::generated("HTTP API");
    page.paragraph(document["info"]["description"].as_str().unwrap());
    page.paragraph(
        "[openapi.json](../openapi.json) describes the same API as an OpenAPI 3.1 document. The edge and the origin serve it \
         at `GET /openapi.json`. [Errors](../errors/README.md) describes each problem type. In the examples, `$URL` is the \
         address of the edge and `$KEY` is a key: `make up` prints both. A test runs every example against a real edge, \
         origin and workers.",
    );
    page.heading(2, "Authentication");
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    let rows = schemes.iter().map(|(name, scheme)| {
        let sent = match scheme["type"].as_str() {
            Some("http") => "`Authorization: Bearer KEY`".to_owned(),
            _ => format!("`{}`", scheme["name"].as_str().unwrap()),
        };
        vec![format!("`{name}`"), sent, scheme["description"].as_str().unwrap().to_owned()]
    });
    page.table(&["scheme", "header", "meaning"], &rows.collect::<Vec<_>>());
    page.heading(2, "Routes");
    for tag in document["tags"].as_array().unwrap() {
        let name = tag["name"].as_str().unwrap();
        page.paragraph(&format!("[{name}]({name}.md): {}", tag["description"].as_str().unwrap()));
        let of_tag = operations(document).into_iter().filter(|operation| operation.tag() == name);
        let rows = of_tag.map(|operation| {
            let link = format!("[{}]({name}.md#{})", operation.title(), anchor(&operation.title()));
            vec![link, operation.value["summary"].as_str().unwrap_or_default().to_owned()]
        });
        page.table(&["route", "meaning"], &rows.collect::<Vec<_>>());
    }
    page.text()
}

fn group(document: &Value, examples: &[Value], tag: &Value) -> String {
    let name = tag["name"].as_str().unwrap();
    let mut page = Page::generated(&format!("API: {name}"));
    page.paragraph(tag["description"].as_str().unwrap());
    let of_tag: Vec<_> =
        operations(document).into_iter().filter(|operation| operation.tag() == name).collect();
    let mut used = BTreeSet::new();
    for operation in &of_tag {
        write_operation(&mut page, document, operation, examples);
        references(operation.value, &mut used);
    }
    // A type may name further types.
    let mut known = BTreeSet::new();
    while let Some(name) = used.iter().find(|name| !known.contains(*name)).cloned() {
        references(&document["components"]["schemas"][&name], &mut used);
        known.insert(name);
    }
    if !known.is_empty() {
        page.heading(2, "Types");
    }
    for name in &known {
        let schema = Schema { document, value: &document["components"]["schemas"][name] };
        page.heading(3, name);
        page.paragraph(&schema.description());
        write_type(&mut page, schema);
    }
    page.text()
}

fn write_operation(page: &mut Page, document: &Value, operation: &Operation<'_>, examples: &[Value]) {
    let value = operation.value;
    page.heading(2, &operation.title());
    page.paragraph(value["summary"].as_str().unwrap_or_default());
    page.paragraph(value["description"].as_str().unwrap_or_default());
    let caller = match value["security"].as_array().unwrap().as_slice() {
        [] => "anyone".to_owned(),
        schemes => {
            let names = schemes.iter().flat_map(|scheme| scheme.as_object().unwrap().keys());
            names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
        }
    };
    let served = match value["x-served-by"].as_str() {
        Some(server) => format!("the {server}"),
        None => "the edge and the origin".to_owned(),
    };
    let mut facts = format!("Served by {served}. Authentication: {caller}.");
    if let Some(limit) = value["x-max-body-bytes"].as_u64() {
        facts.push_str(&format!(" Maximum body size: {limit} bytes."));
    }
    page.paragraph(&facts);
    let schema = Schema { document, value };
    let parameters = value["parameters"].as_array().into_iter().flatten().map(|parameter| {
        let parameter = schema.at(parameter).resolved().value;
        let required = if parameter["required"] == true { ", required" } else { "" };
        vec![
            format!("`{}`", parameter["name"].as_str().unwrap()),
            format!("{}{required}", parameter["in"].as_str().unwrap()),
            schema.at(&parameter["schema"]).name(),
            parameter["description"].as_str().unwrap_or_default().to_owned(),
        ]
    });
    page.table(&["parameter", "in", "type", "meaning"], &parameters.collect::<Vec<_>>());
    let body = &value["requestBody"]["content"]["application/json"]["schema"];
    if body.is_object() {
        page.paragraph(&format!("Body: {}.", schema.at(body).name()));
    }
    let answers = value["responses"].as_object().unwrap().iter().map(|(status, response)| {
        let bodies = response["content"].as_object().into_iter().flatten().map(|(kind, content)| {
            let data = &content["schema"]["x-event-data"];
            let name =
                if data.is_object() { schema.at(data).name() } else { schema.at(&content["schema"]).name() };
            format!("`{kind}`: {name}")
        });
        let meaning = response["description"].as_str().unwrap_or_default();
        vec![status.clone(), bodies.collect::<Vec<_>>().join("\n"), linked(meaning)]
    });
    page.table(&["status", "body", "meaning"], &answers.collect::<Vec<_>>());
    for example in examples.iter().filter(|example| example["operation"] == operation.id()) {
        write_example(page, operation, example);
    }
}

/// Links the problem types that a description begins its lines with.
fn linked(meaning: &str) -> String {
    let line = |line: &str| match line.strip_prefix('`').and_then(|rest| rest.split_once("`:")) {
        Some((slug, rest)) => format!("[`{slug}`](../errors/{slug}.md):{rest}"),
        None => line.to_owned(),
    };
    meaning.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn write_example(page: &mut Page, operation: &Operation<'_>, example: &Value) {
    page.paragraph(&format!("Example: {}.", example["title"].as_str().unwrap()));
    let path = example["path"].as_str().unwrap().replace("{id}", "$ID");
    let mut curl = match operation.method.as_str() {
        "GET" => format!("curl -s \"$URL{path}\""),
        method => format!("curl -s -X {method} \"$URL{path}\""),
    };
    if example["server"] == "signed" {
        page.paragraph(
            "The request also needs the headers of a signature, which `cortex keys` and the origin add.",
        );
    } else if operation.value["security"].as_array().is_some_and(|schemes| !schemes.is_empty()) {
        curl.push_str(" \\\n  -H \"Authorization: Bearer $KEY\"");
    }
    for (name, value) in example["headers"].as_object().into_iter().flatten() {
        curl.push_str(&format!(" \\\n  -H '{name}: {}'", value.as_str().unwrap()));
    }
    if let Some(body) = example.get("body") {
        curl.push_str(&format!(" \\\n  -H 'Content-Type: application/json' -d '{}'", quoted(body)));
    }
    page.code("sh", &curl);
    let shortened = if example["shortened"] == true { ", shortened" } else { "" };
    page.paragraph(&format!("Response, with status {}{shortened}:", example["status"]));
    match &example["answer"] {
        Value::String(text) => page.code("text", text),
        answer => page.code("json", &serde_json::to_string_pretty(answer).unwrap()),
    }
}

/// Writes a body for a shell's single quotes.
fn quoted(body: &Value) -> String {
    let text = serde_json::to_string(body).unwrap();
    let text = if text.len() > 70 { serde_json::to_string_pretty(body).unwrap() } else { text };
    text.replace('\'', "'\\''")
}

fn write_type(page: &mut Page, schema: Schema<'_>) {
    let fields = schema.fields();
    let rows = fields.iter().map(|field| {
        let required = if field.required { "yes" } else { "" };
        vec![
            format!("`{}`", field.name),
            field.schema.name(),
            required.to_owned(),
            field.schema.description(),
        ]
    });
    page.table(&["field", "type", "required", "meaning"], &rows.collect::<Vec<_>>());
    if !fields.is_empty() {
        return;
    }
    let alternatives = schema.alternatives();
    if alternatives.is_empty() {
        page.paragraph(&format!("Type: {}.", schema.name()));
        return;
    }
    for alternative in alternatives {
        if alternative.fields().is_empty() || alternative.value["$ref"].is_string() {
            page.paragraph(&format!("One form: {}. {}", alternative.name(), alternative.description()));
        } else {
            page.paragraph(&format!("One form: an object. {}", alternative.description()));
            write_type(page, alternative);
        }
    }
}

/// Collects the names of the types that a value refers to.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    if let Some(name) = value["$ref"].as_str().and_then(|name| name.strip_prefix("#/components/schemas/")) {
        found.insert(name.to_owned());
    }
    match value {
        Value::Object(members) => members.values().for_each(|member| references(member, found)),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Returns the anchor of a heading, as GitHub makes it.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

#[test]
fn a_heading_has_githubs_anchor() {
    assert_eq!(anchor("`GET /api/v1/jobs/{id}`"), "get-apiv1jobsid");
    assert_eq!(anchor("What to do"), "what-to-do");
}
