//! The id of a worker without a configured one. It is unique across machines and containers. If
//! there is a home folder, the id is kept there for the next start.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use cortex_domain::hex;
use cortex_domain::id::WorkerId;
use cortex_platform::entropy;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::system::uname;

/// The folder of ids in the home folder, with a file for each worker that runs at the same time.
const IDS_FOLDER: &str = "workers";
/// How many ids are kept for one kind of worker.
const MAX_KEPT: usize = 256;
/// How many characters of the machine's name an id shows.
const MAX_HOST_CHARS: usize = 24;
const MAX_ID: u64 = WorkerId::MAX as u64;

/// An id. No other worker with the same home takes it while this value lives.
#[derive(Debug)]
pub(crate) struct OwnId {
    pub(crate) id: WorkerId,
    _held: Option<File>,
}

/// Returns an id for a worker of a kind, and keeps it if there is a home folder.
pub(crate) fn own_id(kind: &str, home: Option<&Path>) -> OwnId {
    let prefix = format!("{kind}-{}-", host(&uname().nodename().to_string_lossy()));
    let kept = home.filter(|home| home.is_dir()).map(|home| kept(&prefix, kind, &home.join(IDS_FOLDER)));
    match kept {
        Some(Ok(kept)) => kept,
        Some(Err(error)) => {
            tracing::warn!(%error, "this worker's id can't be kept and will change at the next start");
            OwnId { id: new_id(&prefix), _held: None }
        }
        None => OwnId { id: new_id(&prefix), _held: None },
    }
}

/// Returns the first kept id that no running worker has.
fn kept(prefix: &str, kind: &str, folder: &Path) -> io::Result<OwnId> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for n in 1..=MAX_KEPT {
        let path = folder.join(format!("{kind}-{n}.id"));
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => continue,
            Err(error) => return Err(error.into()),
        }
        let id = match read(&mut file)?.filter(|id| id.as_str().starts_with(prefix)) {
            Some(id) => id,
            None => write(&mut file, new_id(prefix))?,
        };
        return Ok(OwnId { id, _held: Some(file) });
    }
    Err(io::Error::other(format!("{MAX_KEPT} workers of this kind already run with this home folder")))
}

fn read(file: &mut File) -> io::Result<Option<WorkerId>> {
    let mut text = Vec::new();
    file.take(MAX_ID + 1).read_to_end(&mut text)?;
    Ok(std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()))
}

fn write(file: &mut File, id: WorkerId) -> io::Result<WorkerId> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(id.as_str().as_bytes())?;
    file.sync_all()?;
    Ok(id)
}

fn new_id(prefix: &str) -> WorkerId {
    let id = format!("{prefix}{}", hex::encode(&entropy::random::<6>()));
    id.parse().expect("a kind, a cut name and hexadecimal digits make an id")
}

/// Returns a machine's name in the form that an id may contain.
fn host(name: &str) -> String {
    let sound = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(sound).take(MAX_HOST_CHARS).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "host".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_id_names_its_kind_and_machine_and_is_like_no_other() {
        let (one, other) = (own_id("echo", None).id, own_id("echo", None).id);
        assert_ne!(one, other);
        let prefix = format!("echo-{}-", host(&uname().nodename().to_string_lossy()));
        assert!(one.as_str().starts_with(&prefix), "{one}");
    }

    #[test]
    fn an_id_is_kept_over_a_restart_and_held_while_its_worker_runs() {
        let home = tempfile::tempdir().unwrap();
        let own = |kind| own_id(kind, Some(home.path()));
        let (first, second, other) = (own("echo"), own("echo"), own("chat"));
        assert!(first.id != second.id && first.id != other.id);
        let ids = [first.id.clone(), second.id.clone()];
        drop((first, second));
        let again = [own("echo"), own("echo")];
        assert_eq!(again.each_ref().map(|own| own.id.clone()), ids);
    }

    #[test]
    fn an_id_that_came_with_a_home_from_another_machine_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(IDS_FOLDER).join("echo-1.id");
        fs::create_dir(home.path().join(IDS_FOLDER)).unwrap();
        for foreign in ["echo-elsewhere-0123456789ab", "", "no id", &"x".repeat(100)] {
            fs::write(&file, foreign).unwrap();
            let own = own_id("echo", Some(home.path()));
            assert_ne!(own.id.as_str(), foreign);
            assert_eq!(fs::read_to_string(&file).unwrap(), own.id.as_str());
        }
    }

    #[test]
    fn a_home_that_can_not_be_written_leaves_a_worker_with_an_id() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(IDS_FOLDER), "a file").unwrap();
        assert_ne!(own_id("echo", Some(home.path())).id, own_id("echo", Some(home.path())).id);
        own_id("echo", Some(&home.path().join("missing")));
        assert!(!home.path().join("missing").exists(), "no home folder is created");
    }

    #[test]
    fn any_machines_name_makes_a_part_of_an_id() {
        assert_eq!(host("Mac.local"), "mac-local");
        assert_eq!(host("bücher_1"), "b-cher-1");
        assert_eq!([host(""), host("..."), host("é")], ["host"; 3]);
        assert_eq!(host(&"x".repeat(64)).len(), MAX_HOST_CHARS);
        assert!(new_id(&format!("embed-{}-", host(&"x".repeat(64)))).as_str().len() <= WorkerId::MAX);
    }
}
