//! A hub for tests, with several kinds of faults.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::{HUB, content, model, pull, puller};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Habit {
    Honest,
    /// Accepts connections and sends nothing.
    Silent,
    /// Sends half of the requested bytes, then nothing, and keeps the connection open.
    Stalls,
    /// Closes the connection after half a megabyte.
    HangsUp,
    /// Like `HangsUp`, without support for ranges.
    NoRanges,
    /// Sends different bytes.
    Wrong,
    /// Announces more bytes than the catalogue.
    Longer,
    /// Sends more bytes than the catalogue, without announcing them.
    Endless,
    Missing,
}

pub(crate) struct Hub {
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<(String, u64)>>>,
    server: JoinHandle<()>,
}

impl Hub {
    /// Returns the starts of the ranges that were requested for a file.
    pub(crate) fn asked(&self, file: &str) -> Vec<u64> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|(path, _)| path.ends_with(file)).map(|(_, from)| *from).collect()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) async fn start(habit: Habit) -> Hub {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let _ = answer(stream, habit, &seen).await;
            });
        }
    });
    Hub { url, requests, server }
}

async fn answer(stream: TcpStream, habit: Habit, seen: &Mutex<Vec<(String, u64)>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut path, mut from, mut line) = (String::new(), 0, String::new());
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        } else if let Some(rest) = line.strip_prefix("get ") {
            path = rest.split(' ').next().unwrap_or_default().into();
        } else if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap();
        }
    }
    seen.lock().unwrap().push((path.clone(), from));
    let mut body = match path.as_str() {
        "/owner/tiny/resolve/abc/model.bin" => content(),
        "/owner/tiny/resolve/abc/sub/config.json" => b"{}".to_vec(),
        other => panic!("asked for {other}"),
    };
    let from = if matches!(habit, Habit::NoRanges) { 0 } else { from };
    match habit {
        Habit::Wrong => body[0] ^= 1,
        Habit::Longer => body.push(0),
        _ => (),
    }
    let total = body.len();
    let body = &body[usize::try_from(from).unwrap()..];
    let length = body.len();
    let head = match (habit, from) {
        (Habit::Missing, _) => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".into(),
        (Habit::Endless, _) => "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".into(),
        (_, 0) => format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"),
        _ => format!(
            "HTTP/1.1 206 Partial Content\r\ncontent-length: {length}\r\n\
             content-range: bytes {from}-{}/{total}\r\nconnection: close\r\n\r\n",
            total - 1
        ),
    };
    match habit {
        Habit::Silent => std::future::pending().await,
        Habit::Missing => stream.write_all(head.as_bytes()).await?,
        Habit::Stalls => {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body[..length / 2]).await?;
            stream.flush().await?;
            std::future::pending().await
        }
        Habit::HangsUp | Habit::NoRanges => {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(&body[..length.min(500_000)]).await?;
        }
        Habit::Endless => {
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(body).await?;
            }
        }
        Habit::Honest | Habit::Wrong | Habit::Longer => {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body).await?;
        }
    }
    stream.flush().await
}

async fn refusal(habit: Habit) -> String {
    let hub = start(habit).await;
    let home = tempfile::tempdir().unwrap();
    let model = model(HUB);
    let error = pull(&puller(&hub.url), &model, home.path()).await.0.unwrap_err().to_string();
    assert!(!model.dir(home.path()).join("model.bin").exists());
    error
}

#[tokio::test]
async fn a_broken_download_resumes_where_it_stopped() {
    let hub = start(Habit::HangsUp).await;
    let home = tempfile::tempdir().unwrap();
    let (result, reported) = pull(&puller(&hub.url), &model(HUB), home.path()).await;
    result.unwrap();
    assert_eq!(hub.asked("model.bin"), [0, 500_000, 1_000_000]);
    assert!(reported.windows(2).all(|pair| pair[0].done <= pair[1].done), "{reported:?}");
}

#[tokio::test]
async fn a_pull_resumes_what_an_earlier_one_left() {
    let home = tempfile::tempdir().unwrap();
    let stalling = start(Habit::Stalls).await;
    pull(&puller(&stalling.url), &model(HUB), home.path()).await.0.unwrap_err();
    let honest = start(Habit::Honest).await;
    pull(&puller(&honest.url), &model(HUB), home.path()).await.0.unwrap();
    assert_eq!(honest.asked("model.bin"), [600_000]);
}

#[tokio::test]
async fn a_silent_hub_is_given_up() {
    assert!(refusal(Habit::Silent).await.contains("no data for 0.3 s"));
    assert!(refusal(Habit::Stalls).await.contains("no data for 0.3 s"));
}

#[tokio::test]
async fn a_hub_without_ranges_that_hangs_up_is_given_up() {
    let error = refusal(Habit::NoRanges).await;
    assert!(error.contains("unreachable"), "{error}");
}

#[tokio::test]
async fn a_wrong_hash_is_refused_with_both_hashes_and_leaves_no_part() {
    let hub = start(Habit::Wrong).await;
    let home = tempfile::tempdir().unwrap();
    let model = model(HUB);
    let error = pull(&puller(&hub.url), &model, home.path()).await.0.unwrap_err().to_string();
    assert!(error.contains(&model.files[0].sha256.to_string()) && error.contains("is corrupt"), "{error}");
    assert!(!model.dir(home.path()).join("model.bin.part").exists());
}

#[tokio::test]
async fn more_bytes_than_declared_are_refused() {
    for habit in [Habit::Longer, Habit::Endless] {
        let error = refusal(habit).await;
        assert!(error.contains("more than the expected 1200000 bytes"), "{habit:?}: {error}");
    }
}

#[tokio::test]
async fn a_missing_file_is_named() {
    assert!(refusal(Habit::Missing).await.contains("model.bin: the server responded with status 404"));
}
