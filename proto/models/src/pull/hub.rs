//! Files over HTTP. A download resumes where an earlier attempt stopped.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};
use tokio::time::timeout;

use super::partial_file::PartialFile;
use super::{Meter, SourceError, blocking};
use crate::ModelFile;

/// How often one file is requested, while each response delivers some bytes.
const ATTEMPTS: u32 = 5;

pub(super) async fn fetch(
    base: &str,
    silence: Duration,
    files: &[&ModelFile],
    dir: &Path,
    meter: Meter<'_>,
) -> Result<(), SourceError> {
    let client = Client::builder()
        .user_agent(concat!("cortexos/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(silence)
        .build()
        .map_err(unreachable)?;
    let mut before = 0;
    for file in files {
        let mut part = PartialFile::open(file, dir)?;
        let url = format!("{base}/{}", file.path);
        let meter = |fetched: u64| meter(before + fetched);
        for attempt in 1..=ATTEMPTS {
            let had = part.len();
            match append(&client, &url, file, silence, &mut part, &meter).await {
                Ok(()) if part.len() == file.size => break,
                Ok(()) | Err(SourceError::Unreachable(_)) if part.len() > had && attempt < ATTEMPTS => (),
                ended => {
                    ended?;
                    break;
                }
            }
        }
        blocking(move || part.finish()).await?;
        before += file.size;
    }
    Ok(())
}

async fn append(
    client: &Client,
    url: &str,
    file: &ModelFile,
    silence: Duration,
    part: &mut PartialFile,
    meter: Meter<'_>,
) -> Result<(), SourceError> {
    if part.len() == file.size {
        return Ok(());
    }
    let mut request = client.get(url);
    if part.len() > 0 {
        request = request.header(RANGE, format!("bytes={}-", part.len()));
    }
    let mut response = receive(silence, request.send()).await?;
    match response.status() {
        StatusCode::OK => part.restart()?,
        StatusCode::PARTIAL_CONTENT if continues(&response, part.len()) => (),
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            part.restart()?;
            return Err(SourceError::Unreachable(format!(
                "{}: the server can't resume the transfer: pull again",
                file.path
            )));
        }
        status => return Err(SourceError::Status { file: file.path.to_string(), status: status.as_u16() }),
    }
    if response.content_length().is_some_and(|rest| rest.saturating_add(part.len()) > file.size) {
        return Err(SourceError::Oversized { file: file.path.to_string(), size: file.size });
    }
    while let Some(bytes) = receive(silence, response.chunk()).await? {
        part.write(&bytes)?;
        meter(part.len());
    }
    Ok(())
}

/// Waits for the source's next data.
async fn receive<T>(
    silence: Duration,
    next: impl Future<Output = reqwest::Result<T>>,
) -> Result<T, SourceError> {
    timeout(silence, next).await.map_err(|_| SourceError::Silent(silence))?.map_err(unreachable)
}

/// Returns whether the response starts at the requested byte.
fn continues(response: &Response, at: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()) == Some(at)
}

/// Reports the innermost cause, which is the useful one: "connection refused", "name not known".
fn unreachable(error: reqwest::Error) -> SourceError {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    SourceError::Unreachable(cause.to_string())
}
