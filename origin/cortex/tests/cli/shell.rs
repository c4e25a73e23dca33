use std::io::Write;
use std::process::{Command, Stdio};

use super::{run, stdout};

/// Runs a script in bash, with `cortex` on the path.
fn bash(script: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_cortex")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let home = tempfile::tempdir().unwrap();
    let output = Command::new("bash")
        .args(["--norc", "-c", script])
        .env("PATH", path)
        .env("CORTEX_HOME", home.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers for the last word of a command line.
fn completions(line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let last = words.len() - 1;
    let previous = words[last - 1];
    let script = format!(
        "source <(cortex completions bash); COMP_WORDS=({line}{empty}); COMP_CWORD={last}; \
         _cortex cortex '{word}' '{previous}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        empty = if words[last].is_empty() { "''" } else { "" },
        word = words[last],
    );
    bash(&script).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    assert_eq!(completions("cortex jo"), ["jobs"]);
    assert_eq!(completions("cortex jobs ev"), ["events"]);
    assert_eq!(completions("cortex workers token re"), ["revoke"]);
    assert_eq!(completions("cortex jobs list --st"), ["--state"]);
    let all = completions("cortex ");
    for name in ["up", "chat", "jobs", "completions"] {
        assert!(all.iter().any(|word| word == name), "{name} in {all:?}");
    }
}

#[test]
fn every_shell_has_a_script() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(home.path(), &format!("completions {shell}"));
        let script = stdout(&output);
        assert!(output.status.success() && script.contains("cortex") && script.contains("events"), "{shell}");
        // Where the shell is installed, it has to accept the script.
        if matches!(shell, "bash" | "zsh" | "fish") && Command::new(shell).arg("--version").output().is_ok() {
            let mut child = Command::new(shell).arg("-n").stdin(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success(), "{shell}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page_without_faults() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let output = run(folder.path(), &format!("man {}", pages.display()));
    assert!(output.status.success(), "{output:?}");
    let names: Vec<_> = std::fs::read_dir(&pages)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for name in ["cortex.1", "cortex-jobs-list.1", "cortex-workers-token-create.1", "cortex-man.1"] {
        assert!(names.iter().any(|page| page == name), "{name} in {names:?}");
    }
    for name in names {
        let text = std::fs::read_to_string(pages.join(&name)).unwrap();
        assert!(!text.contains('\x1b') && text.contains("Examples"), "{name}");
        if Command::new("groff").arg("--version").output().is_ok() {
            let page = pages.join(&name).display().to_string();
            let lint = Command::new("groff").args(["-man", "-ww", "-z", "-Tutf8", "-Kutf8", &page]).output();
            let lint = lint.unwrap();
            assert!(lint.status.success() && lint.stderr.is_empty(), "{name}: {lint:?}");
        }
    }
    let page = stdout(&run(folder.path(), "man"));
    assert_eq!(page, std::fs::read_to_string(pages.join("cortex.1")).unwrap());
}
