use super::lists::key;
use super::{run, server, stderr};

#[test]
fn an_error_ends_with_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let served = folder.path().join("served");
    server::start(&served);
    let key = key(&served);
    let config = folder.path().join("timeouts.yaml");
    std::fs::write(&config, "laese: 10s\n").unwrap();
    let secrets = folder.path().join("empty");
    std::fs::write(&secrets, "").unwrap();
    for (home, line, message, help) in [
        (&home, "jobs list".to_owned(), "CortexOS is not running", "`cortex up`"),
        (
            &home,
            format!("jobs list --url http://127.0.0.1:9 --key @{key}"),
            "http://127.0.0.1:9",
            "`cortex up`",
        ),
        (
            &home,
            format!("jobs list --url localhost --key @{key}"),
            "invalid address \"localhost\"",
            "http://",
        ),
        (&home, "chat hi --url http://127.0.0.1:9".to_owned(), "missing API key", "--key @FILE"),
        (&home, "models verify nothing".to_owned(), "nothing", "`cortex models list`"),
        (&home, "serve gateway".to_owned(), "gateway", "`cortex serve all`"),
        (&home, format!("serve all --timeouts {}", config.display()), "timeouts.yaml:1", "correct the file"),
        (&home, "up --workers nap=1".to_owned(), "--workers nap=1", "echo=1"),
        (&home, "workers token revoke x".to_owned(), "`x`", "`cortex workers token list`"),
        (&home, "workers list".to_owned(), "not running", "`cortex up`"),
        (&home, "health".to_owned(), "not running", "`cortex up`"),
        (&home, "submit job.echo hello".to_owned(), "INPUT is not JSON", "double quotes"),
        (&home, "submit job.echo @/missing".to_owned(), "/missing", "`@FILE`"),
        (&home, "submit job.echo {} --label x".to_owned(), "invalid --label x", "NAME=VALUE"),
        (&home, "jobs list --key s3cret".to_owned(), "--key", "@FILE"),
        (&home, "keys revoke ctx_x_s3cret".to_owned(), "invalid key id", "`cortex keys list`"),
        (&home, "chat --json".to_owned(), "not running", "`cortex up`"),
        (
            &served,
            format!("jobs get 019a9ff0-0000-7000-8000-000000000002 --key @{key}"),
            "not-found",
            "`cortex jobs list`",
        ),
        (&served, format!("chat - --key @{key}"), "standard input is empty", "`cortex chat PROMPT`"),
    ] {
        let output = run(home, &line);
        let text = stderr(&output);
        assert!(!output.status.success(), "{line}");
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.len() >= 2 && lines[0].starts_with("cortex: "), "{line}: {text}");
        assert!(lines[0].contains(message), "{line}: {text}");
        let last = lines[lines.len() - 1];
        assert!(last.starts_with("  help: ") && last.contains(help), "{line}: {text}");
        assert!(!text.contains("s3cret"), "{line}: {text}");
    }
}
