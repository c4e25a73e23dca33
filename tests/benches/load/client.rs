//! A client with little overhead. It keeps connections alive, encodes requests once, and reads only
//! the length and the status of a response.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Outcome;

/// An encoded request, and the expected status of its response.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    status: &'static str,
}

impl Request {
    /// Returns a POST of JSON. `headers` are complete lines.
    pub(crate) fn post(path: &str, headers: &[String], body: &str, status: &'static str) -> Self {
        let mut text =
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n");
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        Self { bytes: text.into_bytes(), status }
    }
}

/// Keeps `clients` requests in flight for a while. Returns how long each took.
pub(crate) async fn drive(
    to: SocketAddr,
    request: &Request,
    clients: usize,
    during: Duration,
) -> Outcome<Vec<Duration>> {
    let mut tasks = JoinSet::new();
    let mut connections = Vec::with_capacity(clients);
    for _ in 0..clients {
        connections.push(Connection::open(to).await?);
    }
    let end = Instant::now() + during;
    for mut connection in connections {
        let request = request.clone();
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while Instant::now() < end {
                let asked = Instant::now();
                connection.call(&request).await?;
                waits.push(asked.elapsed());
            }
            Ok::<_, io::Error>(waits)
        });
    }
    let mut waits = Vec::new();
    while let Some(task) = tasks.join_next().await {
        waits.extend(task??);
    }
    Ok(waits)
}

/// A kept-alive connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(4096) })
    }

    /// Sends a request whose response streams. `on_data` gets everything that has arrived so far,
    /// after each piece.
    pub(crate) async fn follow(
        &mut self,
        request: &Request,
        mut on_data: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        self.stream.write_all(&request.bytes).await?;
        self.answer.clear();
        while !self.answer.ends_with(LAST_CHUNK) {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            if self.answer.get(9..12).is_some_and(|status| status != request.status.as_bytes()) {
                return Err(io::Error::other(String::from_utf8_lossy(&self.answer).into_owned()));
            }
            on_data(&self.answer);
        }
        Ok(())
    }

    async fn call(&mut self, request: &Request) -> io::Result<()> {
        self.stream.write_all(&request.bytes).await?;
        self.answer.clear();
        let mut whole = None;
        while whole.is_none_or(|whole| self.answer.len() < whole) {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            if whole.is_none() {
                whole = length(&self.answer);
            }
        }
        let status = self.answer.get(9..12).unwrap_or_default();
        if status == request.status.as_bytes() {
            Ok(())
        } else {
            Err(io::Error::other(String::from_utf8_lossy(&self.answer).into_owned()))
        }
    }
}

/// The end of a response whose length was not known in advance.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// Returns the length of the whole response, once its head has arrived.
fn length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + body.unwrap_or(0))
}
