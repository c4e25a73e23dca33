use std::collections::BTreeMap;
use std::io::Write;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::Secret;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pools {
    pools: BTreeMap<String, Pool>,
    #[serde(default)]
    token: Option<Secret>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pool {
    topics: Vec<String>,
    #[serde(default)]
    limit: u32,
}

fn refused(text: &str) -> ConfigError {
    parse::<Pools>(text, "pools.yaml").unwrap_err()
}

#[test]
fn a_good_file_is_read() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"# ours\npools:\n  echo: {topics: [job.echo], limit: 3}\ntoken: s3cret\n").unwrap();
    let read: Pools = load(file.path()).unwrap();
    assert_eq!(read.pools["echo"].topics, ["job.echo"]);
    assert_eq!(read.pools["echo"].limit, 3);
    assert_eq!(read.token.unwrap().expose(), "s3cret");
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = refused("pools:\n  echo:\n    topics: []\n    colour: red\n");
    assert_eq!(error.to_string(), "pools.yaml:4: unknown key `colour`, expected one of `topics`, `limit`");
    let ConfigError::Wrong { place, .. } = error else { panic!("{error}") };
    assert_eq!(place, FileLocation { line: 4, column: 5 });
}

#[test]
fn a_missing_key_is_named_with_its_path() {
    let error = refused("pools:\n  echo:\n    limit: 1\n");
    assert_eq!(error.to_string(), "pools.yaml:3: missing required key `pools.echo.topics`");
}

#[test]
fn a_repeated_key_is_refused() {
    let error = refused("pools:\n  echo: {topics: []}\n  echo: {topics: []}\n");
    assert_eq!(error.to_string(), "pools.yaml:3: duplicate key `echo`");
    let error = refused("pools: {}\npools: {}\n");
    assert_eq!(error.to_string(), "pools.yaml:2: duplicate key `pools`");
}

#[test]
fn a_wrong_value_is_named_with_its_path() {
    let error = refused("pools:\n  echo:\n    topics: []\n    limit: many\n");
    assert_eq!(error.to_string(), "pools.yaml:4: invalid key `pools.echo.limit`: expected u32");
    let error = refused("pools:\n  echo:\n    topics: 5\n");
    assert!(error.to_string().starts_with("pools.yaml:3: "), "{error}");
}

#[test]
fn a_secret_is_not_shown_in_an_error() {
    for text in
        ["pools: {}\ntoken: {a: hunter2}\n", "pools: 1\ntoken: hunter2\n", "token: hunter2\npools: [}\n"]
    {
        let error = refused(text);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn text_that_is_no_yaml_is_refused_with_its_line() {
    let error = refused("pools:\n  echo: [a\n");
    assert!(matches!(&error, ConfigError::Wrong { fault: Fault::NotYaml { .. }, .. }), "{error:?}");
    assert!(error.to_string().starts_with("pools.yaml:"), "{error}");
}

#[test]
fn aliases_are_bounded() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..9 {
        let earlier = format!("*a{}, ", n - 1).repeat(10);
        text.push_str(&format!("a{n}: &a{n} [{earlier}]\n"));
    }
    assert!(parse::<BTreeMap<String, serde::de::IgnoredAny>>(&text, "bomb.yaml").is_err());
}

#[test]
fn a_second_document_and_an_oversized_file_are_refused() {
    assert!(parse::<Pools>("pools: {}\n---\npools: {}\n", "x").is_err());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![b'#'; MAX_BYTES + 1]).unwrap();
    assert!(matches!(load::<Pools>(file.path()), Err(ConfigError::TooLarge { .. })));
}

#[test]
fn an_absent_file_is_named() {
    let error = load::<Pools>("/nonexistent/pools.yaml").unwrap_err();
    assert!(error.to_string().starts_with("/nonexistent/pools.yaml: can't read the file"), "{error}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-z0-9:{}\\[\\]&*!|>'\"#%@,?\\- \n\t.<]{0,200}") {
        let _ = parse::<Pools>(&text, "fuzz.yaml");
        let _ = parse::<BTreeMap<String, serde::de::IgnoredAny>>(&text, "fuzz.yaml");
    }
}
