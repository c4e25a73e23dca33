//! A start with a fault is refused before anything runs, with the remedy and exit code 78.

use std::fs;
use std::net::TcpListener;
use std::process::Output;

use cortex_tests::home::Home;
use cortex_tests::origin::{Setup, kernel};

fn refused(home: &Home, setup: &Setup) -> String {
    let output: Output = setup.command(home).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{text}");
    text
}

#[test]
fn a_port_in_use_is_named_with_its_holder() {
    let home = Home::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let text = refused(&home, &Setup { port, ..Setup::echo() });
    assert!(text.contains(&port.to_string()) && text.contains(&std::process::id().to_string()), "{text}");
}

#[test]
fn a_taken_port_of_grpc_or_the_kernel_is_named_with_its_holder() {
    let home = Home::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let named = |text: &str, flag: &str| {
        assert!(text.contains(&port.to_string()) && text.contains(flag), "{text}");
        assert!(text.contains(&std::process::id().to_string()), "{text}");
    };
    named(&refused(&home, &Setup { grpc_port: port, ..Setup::echo() }), "--grpc-port");

    let output = kernel(&home, port, None).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    named(&String::from_utf8(output.stderr).unwrap(), "--port");
}

#[test]
fn a_wrong_configuration_is_named_with_file_key_and_line() {
    let home = Home::new();
    let file = home.write("safety.yaml", "default:\n  allow: [\"job.>\"]\n  alow: []\n");
    let text = refused(&home, &Setup { safety: Some(file.clone()), ..Setup::echo() });
    assert!(text.contains(&format!("{}:3", file.display())) && text.contains("alow"), "{text}");

    let file = home.write("timeouts.yaml", "heartbeat: [2s\n");
    let text = refused(&home, &Setup { timeouts: Some(file.clone()), ..Setup::echo() });
    assert!(text.contains(&format!("{}:", file.display())), "{text}");
}

#[test]
fn a_corrupt_model_file_is_named_with_both_hashes() {
    let home = Home::new();
    let real = home.path().join("models/all-MiniLM-L6-v2");
    let models = home.path().join("models");
    let real = fs::canonicalize(real).unwrap();
    fs::remove_file(&models).unwrap();
    let copy = models.join("all-MiniLM-L6-v2");
    fs::create_dir_all(&copy).unwrap();
    copy_all(&real, &copy);
    let config = copy.join("config.json");
    let mut bytes = fs::read(&config).unwrap();
    bytes[10] ^= 1;
    fs::write(&config, bytes).unwrap();

    let text = refused(&home, &Setup::embed());
    assert!(text.contains("config.json"), "{text}");
    let hashes = text.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 64).count();
    assert_eq!(hashes, 2, "{text}");
}

fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
