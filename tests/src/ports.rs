//! Free ports.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::Mutex;

static USED_PORTS: Mutex<Option<HashSet<u16>>> = Mutex::new(None);

/// Returns a free port that this process has not used before.
#[must_use]
pub fn free() -> u16 {
    let mut given = USED_PORTS.lock().unwrap();
    let given = given.get_or_insert_default();
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if given.insert(port) {
            return port;
        }
    }
}
