//! The rights of a worker that reads inputs and writes drafts on the server itself.

use std::fmt::Write as _;

use cortex_domain::id::WorkerId;

/// Returns a line for the server's ACL file, or after `ACL SETUSER` without the first word. The hash
/// is the SHA-256 of the user's password.
///
/// A worker may read inputs and write drafts by their exact keys. It can't list keys, and it can
/// neither read nor write a result, because the pattern of drafts has one more part. The user works
/// only with database 0.
#[must_use]
pub fn worker_acl(user: &WorkerId, password_hash: &[u8; 32]) -> String {
    let mut line = format!("user {user} reset on #");
    for byte in password_hash {
        // Writing to a string does not fail.
        let _ = write!(line, "{byte:02x}");
    }
    line.push_str(" %R~ctx:* %W~res:*:* -@all +get +set +ping");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_the_user_the_hash_and_the_rights() {
        let line = worker_acl(&"w1".parse().unwrap(), &[0xab; 32]);
        let hash = "ab".repeat(32);
        assert_eq!(line, format!("user w1 reset on #{hash} %R~ctx:* %W~res:*:* -@all +get +set +ping"));
    }
}
