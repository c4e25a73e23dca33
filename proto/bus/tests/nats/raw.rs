//! A client of NATS that says exactly what it is given, and reads what the server refuses.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

use crate::TIMEOUT;

pub(crate) struct Raw(BufReader<TcpStream>);

impl Raw {
    /// Connects as the user with this nkey.
    pub(crate) fn connect(port: u16, user: &KeyPair) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut raw = Self(BufReader::new(stream));
        let info: Value = serde_json::from_str(raw.line().strip_prefix("INFO ").unwrap()).unwrap();
        let nonce = info["nonce"].as_str().unwrap();
        let sig = URL_SAFE_NO_PAD.encode(user.sign(nonce.as_bytes()).unwrap());
        let connect = json!({
            "nkey": user.public_key(), "sig": sig, "verbose": false, "pedantic": false, "protocol": 1,
            "lang": "test", "version": "1", "headers": true, "no_responders": true
        });
        assert_eq!(raw.refusal(&format!("CONNECT {connect}")), None);
        raw
    }

    /// Sends a command, and returns the server's refusal.
    pub(crate) fn refusal(&mut self, command: &str) -> Option<String> {
        self.0.get_mut().write_all(format!("{command}\r\nPING\r\n").as_bytes()).unwrap();
        let mut refusal = None;
        loop {
            let line = self.line();
            match line.strip_prefix("-ERR ") {
                Some(error) => refusal = Some(error.to_owned()),
                None if line == "PONG" => return refusal,
                None => {}
            }
        }
    }

    /// Returns the refusal of an empty message.
    pub(crate) fn publish(&mut self, subject: &str) -> Option<String> {
        self.refusal(&format!("PUB {subject} 0\r\n"))
    }

    /// Returns the refusal of a subscription to a subject, or to a subject and its group.
    pub(crate) fn subscribe(&mut self, subject: &str) -> Option<String> {
        self.refusal(&format!("SUB {subject} 1"))
    }

    /// Reads until a message arrives, and returns its line.
    pub(crate) fn message(&mut self) -> String {
        loop {
            let line = self.line();
            if line.starts_with("MSG ") {
                return line;
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert!(self.0.read_line(&mut line).unwrap() > 0, "the server closed the connection");
        line.trim_end().to_owned()
    }
}
