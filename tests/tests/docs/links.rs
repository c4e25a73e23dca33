//! Checks that every relative link leads to a file, and every anchor to a heading.

use crate::api::anchor;
use crate::generated::read;
use crate::graph::root;
use crate::markdown::{PAGES, heading, lines};

/// Returns the targets of a page's links, with the numbers of their lines.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for line in lines(text).into_iter().filter(|line| !line.in_code) {
        // The text of a link may be code. A link inside code does not count.
        let mut rest = line.text;
        while let Some((_, after)) = rest.split_once("](") {
            let target = after.split(')').next().unwrap();
            found.push((line.number, target.split(' ').next().unwrap().to_owned()));
            rest = after;
        }
    }
    found
}

/// Returns the anchors of a page. A heading that repeats gets a number.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for line in lines(text).into_iter().filter(|line| !line.in_code) {
        let Some((_, title)) = heading(line.text) else { continue };
        let plain = anchor(title);
        let mut name = plain.clone();
        for number in 1.. {
            if !anchors.contains(&name) {
                break;
            }
            name = format!("{plain}-{number}");
        }
        anchors.push(name);
    }
    anchors
}

fn fault(page: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = if file.is_empty() { root().join(page) } else { root().join(folder).join(file) };
    if !path.exists() {
        return Some(format!("there is no {file}"));
    }
    let anchor = anchor.filter(|_| path.extension().is_some_and(|ending| ending == "md"))?;
    let anchors = anchors(&std::fs::read_to_string(&path).unwrap());
    (!anchors.iter().any(|known| known == anchor)).then(|| format!("{target} has no such heading"))
}

#[test]
fn every_link_leads_somewhere() {
    let mut faults = Vec::new();
    for page in PAGES.iter() {
        for (line, target) in targets(&read(page)) {
            faults.extend(fault(page, &target).map(|fault| format!("{page}:{line}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn links_and_anchors_are_read() {
    let text = "# A b\n\nSee [x](y.md#z) and [`q`](https://a.b).\n\n## C\n\n## C\n\n```sh\n[no](link)\n```\n";
    assert_eq!(targets(text), [(3, "y.md#z".to_owned()), (3, "https://a.b".to_owned())]);
    assert_eq!(anchors(text), ["a-b", "c", "c-1"]);
    assert_eq!(fault("docs/a.md", "nowhere.md").as_deref(), Some("there is no nowhere.md"));
    assert_eq!(fault("docs/a.md", "../README.md"), None);
    assert!(fault("docs/a.md", "../README.md#no-such-heading").is_some());
}
