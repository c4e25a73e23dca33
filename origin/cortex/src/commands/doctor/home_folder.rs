//! The permissions of the home folder and its secrets.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::check::Check;
use cortex_node::Home;

pub(super) fn checks(home: &Home) -> Vec<Check> {
    let mut checks = vec![private("home folder", home.path(), "700")];
    if home.secrets().exists() {
        checks.push(private("secrets", &home.secrets(), "600"));
    }
    checks
}

fn private(name: &str, path: &Path, mode: &str) -> Check {
    let place = path.display();
    match path.metadata() {
        Err(error) => Check::fail(
            name,
            format!("{place}: {error}"),
            "choose another folder with CORTEX_HOME or --home DIR",
        ),
        Ok(metadata) if metadata.permissions().mode() & 0o077 == 0 => Check::ok(name, place.to_string()),
        Ok(metadata) => {
            let found =
                format!("other users can read {place} (mode {:o})", metadata.permissions().mode() & 0o777);
            Check::warn(name, found, format!("run `chmod {mode} {place}`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};

    use super::super::check::Outcome;
    use super::*;

    #[test]
    fn a_readable_folder_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        assert_eq!(private("home folder", path, "700").outcome, Outcome::Ok);
        set_permissions(path, Permissions::from_mode(0o755)).unwrap();
        let check = private("home folder", path, "700");
        assert_eq!(check.outcome, Outcome::Warn);
        assert!(check.found.contains("mode 755") && check.hint.unwrap().contains("chmod 700"));
        assert_eq!(private("x", &path.join("none"), "700").outcome, Outcome::Fail);
    }
}
