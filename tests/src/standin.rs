//! A stand-in for the origin, which notes what the edge sends and answers as a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::ports;

/// A request of the edge's.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    /// A header's text; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// What the stand-in does with a request.
#[derive(Debug, Clone, Copy)]
pub enum Play {
    /// Answers 200 with an empty object, under the job's id that the edge gave it.
    Answer,
    /// Streams an event every tenth of a second until the edge closes the connection.
    Stream,
    /// Says nothing until the edge closes the connection.
    Silence,
}

/// A running stand-in.
#[derive(Debug, Clone)]
pub struct StandIn {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    closed: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    /// Starts one on a free port, as long as the process lives.
    #[must_use]
    pub fn start(play: fn(&Seen) -> Play) -> Self {
        Self::start_at(ports::free(), play)
    }

    /// Starts one on a port that was free, as long as the process lives.
    #[must_use]
    pub fn start_at(port: u16, play: fn(&Seen) -> Play) -> Self {
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

    /// The requests to a path, in the order in which they came.
    #[must_use]
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// The paths of requests whose connections the edge closed before they were answered whole.
    #[must_use]
    pub fn closed(&self) -> Vec<String> {
        self.closed.lock().unwrap().clone()
    }

    fn serve(&self, stream: TcpStream, play: fn(&Seen) -> Play) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let request = read(&mut reader)?;
            self.seen.lock().unwrap().push(request.clone());
            match play(&request) {
                Play::Answer => answer(&stream, &request)?,
                Play::Stream => {
                    tell(&stream);
                    return self.was_closed(&request);
                }
                Play::Silence => {
                    // Nothing more comes, so this ends with the connection.
                    let _ = reader.read_to_end(&mut Vec::new());
                    return self.was_closed(&request);
                }
            }
        }
    }

    fn was_closed(&self, request: &Seen) -> Option<()> {
        self.closed.lock().unwrap().push(request.path.clone());
        None
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
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
    let mut seen = Seen { method, path, headers, body: String::new() };
    let length: u64 = seen.header("content-length").parse().unwrap_or_default();
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body).ok()?;
    seen.body = String::from_utf8_lossy(&body).into_owned();
    Some(seen)
}

fn answer(mut stream: &TcpStream, request: &Seen) -> Option<()> {
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
    let mut told = stream.write_all(head.as_bytes());
    while told.is_ok() {
        told = stream.write_all(chunk.as_bytes());
        thread::sleep(Duration::from_millis(100));
    }
}
