//! A stub of the origin, which records what the edge sends and responds as a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::ports;

/// A request from the edge.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl ReceivedRequest {
    /// Returns the text of a header, or an empty text if it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// How the stub responds to a request.
#[derive(Debug, Clone, Copy)]
pub enum StubBehavior {
    /// Responds with 200 and an empty object, under the job id that the edge sent.
    Answer,
    /// Streams an event every tenth of a second until the edge closes the connection.
    Stream,
    /// Sends nothing until the edge closes the connection.
    Silence,
}

/// A running stub.
#[derive(Debug, Clone)]
pub struct OriginStub {
    pub url: String,
    seen: Arc<Mutex<Vec<ReceivedRequest>>>,
    closed: Arc<Mutex<Vec<String>>>,
}

impl OriginStub {
    /// Starts a stub on a free port. It runs until the process ends.
    #[must_use]
    pub fn start(play: fn(&ReceivedRequest) -> StubBehavior) -> Self {
        Self::start_at(ports::free(), play)
    }

    /// Starts a stub on this port. It runs until the process ends.
    #[must_use]
    pub fn start_at(port: u16, play: fn(&ReceivedRequest) -> StubBehavior) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let origin =
            Self { url: format!("http://127.0.0.1:{port}"), seen: Arc::default(), closed: Arc::default() };
        let noting = origin.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noting = noting.clone();
                thread::spawn(move || noting.serve(stream, play));
            }
        });
        origin
    }

    /// Returns the requests to a path, in the order of their arrival.
    #[must_use]
    pub fn seen(&self, path: &str) -> Vec<ReceivedRequest> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// Returns the paths of requests whose connections the edge closed before the response was
    /// complete.
    #[must_use]
    pub fn closed(&self) -> Vec<String> {
        self.closed.lock().unwrap().clone()
    }

    fn serve(&self, stream: TcpStream, play: fn(&ReceivedRequest) -> StubBehavior) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let request = read(&mut reader)?;
            self.seen.lock().unwrap().push(request.clone());
            match play(&request) {
                StubBehavior::Answer => answer(&stream, &request)?,
                StubBehavior::Stream => {
                    tell(&stream);
                    return self.was_closed(&request);
                }
                StubBehavior::Silence => {
                    // The edge sends nothing more, so this ends with the connection.
                    let _ = reader.read_to_end(&mut Vec::new());
                    return self.was_closed(&request);
                }
            }
        }
    }

    fn was_closed(&self, request: &ReceivedRequest) -> Option<()> {
        self.closed.lock().unwrap().push(request.path.clone());
        None
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<ReceivedRequest> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.split('?').next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut seen = ReceivedRequest { method, path, headers, body: String::new() };
    let length: u64 = seen.header("content-length").parse().unwrap_or_default();
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body).ok()?;
    seen.body = String::from_utf8_lossy(&body).into_owned();
    Some(seen)
}

fn answer(mut stream: &TcpStream, request: &ReceivedRequest) -> Option<()> {
    let id = request.header("cortex-job-id");
    let body = format!("{{\"id\":\"{id}\"}}");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\ncortex-job-id: {id}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).ok()
}

fn tell(mut stream: &TcpStream) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let event = "data: {}\n\n";
    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
    let mut written = stream.write_all(head.as_bytes());
    while written.is_ok() {
        written = stream.write_all(chunk.as_bytes());
        thread::sleep(Duration::from_millis(100));
    }
}
