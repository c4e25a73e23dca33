//! The JWTs of a server whose users an operator signs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// An operator, its account with JetStream, and users of the account.
pub(crate) struct Operator {
    operator: KeyPair,
    system: KeyPair,
    account: KeyPair,
}

impl Operator {
    pub(crate) fn new() -> Self {
        Self {
            operator: KeyPair::new_operator(),
            system: KeyPair::new_account(),
            account: KeyPair::new_account(),
        }
    }

    /// Returns the lines of the server's configuration.
    pub(crate) fn configuration(&self) -> String {
        let (system, account) = (self.system.public_key(), self.account.public_key());
        let of = |pair: &KeyPair, nats: Value| signed(&self.operator, pair, &nats);
        let unlimited = || {
            json!({
                "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
                "conn": -1, "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1
            })
        };
        let account_of = |limits: Value| json!({"type": "account", "version": 2, "limits": limits});
        let mut plain = unlimited();
        for name in ["mem_storage", "disk_storage", "streams", "consumer"] {
            plain[name] = json!(0);
        }
        format!(
            "operator: {}\nsystem_account: {system}\nresolver: MEMORY\nresolver_preload: {{\n{system}: {}\n{account}: {}\n}}",
            of(&self.operator, json!({"type": "operator", "version": 2, "system_account": system})),
            of(&self.system, account_of(plain)),
            of(&self.account, account_of(unlimited())),
        )
    }

    /// Returns the text of the credentials of a new user, by the key that signs them.
    pub(crate) fn credentials(&self) -> String {
        let (user, nats) = (
            KeyPair::new_user(),
            json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}),
        );
        credentials(&signed(&self.account, &user, &nats), &user)
    }

    /// Returns credentials whose seed is not that of the JWT.
    pub(crate) fn credentials_with_another_seed(&self) -> String {
        let (user, nats) = (
            KeyPair::new_user(),
            json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1}),
        );
        credentials(&signed(&self.account, &user, &nats), &KeyPair::new_user())
    }
}

fn credentials(jwt: &str, user: &KeyPair) -> String {
    let seed = user.seed().unwrap();
    format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

fn signed(by: &KeyPair, subject: &KeyPair, nats: &Value) -> String {
    let claims = json!({
        "jti": "x", "iat": 1_700_000_000, "iss": by.public_key(), "sub": subject.public_key(), "name": "test",
        "nats": nats
    });
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encoded(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), encoded(&claims));
    let signature = URL_SAFE_NO_PAD.encode(by.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}
