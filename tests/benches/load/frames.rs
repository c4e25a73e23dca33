//! How much later the frames of many paced streams are read than over a plain socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::Outcome;
use crate::arguments::Arguments;
use crate::client::{Connection, Request};
use crate::report::Report;
use crate::stats::{median, quantile};

const PART: &str = "frames";
const STREAMS: u32 = 128;
const FRAMES: usize = 100;
const PACE: Duration = Duration::from_millis(20);
/// The text before the time at which a frame was sent, in microseconds since 1970.
const STAMP: &str = r#""content":""#;

pub(crate) async fn measure(arguments: &Arguments, report: &mut Report) -> Outcome<()> {
    let home = Home::new();
    let setup = Setup::echo().with_echoed_texts(&home);
    let origin = Origin::start(&home, &setup).await;
    let script = format!(r#"{{\"frames\": {FRAMES}, \"pace_ms\": {}, \"stamped\": true}}"#, PACE.as_millis());
    let body = format!(
        r#"{{"model": "echo", "stream": true, "messages": [{{"role": "user", "content": "{script}"}}]}}"#
    );
    let headers = [format!("authorization: Bearer {}", origin.api.key)];
    let request = Request::post("/v1/chat/completions", &headers, &body, "200");
    let (ours, theirs) = (SocketAddr::from((Ipv4Addr::LOCALHOST, setup.port)), plain()?);
    let (mut late, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..arguments.rounds {
        plain.push(quantiles(read_all(theirs, &request).await?));
        late.push(quantiles(read_all(ours, &request).await?));
    }
    origin.stop();

    let of = |rounds: &[[f64; 2]], at: usize| median(rounds.iter().map(|round| round[at]).collect());
    for (rounds, name) in [(&plain, "a plain socket"), (&late, "worker, origin, client")] {
        report.add(PART, &format!("128 paced streams, {name}: p50"), of(rounds, 0), "ms");
        report.add(PART, &format!("128 paced streams, {name}: p99"), of(rounds, 1), "ms");
    }
    let added = late.iter().zip(&plain).map(|(late, plain)| late[1] - plain[1]).collect();
    report.at_most(PART, "added p99, link and origin together", median(added), 0.3, "ms");
    Ok(())
}

fn quantiles(mut late: Vec<Duration>) -> [f64; 2] {
    [0.5, 0.99].map(|share| quantile(&mut late, share))
}

/// Returns how late each frame of all streams was read. The starts of the streams are spread over
/// one pace.
async fn read_all(from: SocketAddr, request: &Request) -> Outcome<Vec<Duration>> {
    let mut tasks = JoinSet::new();
    for _ in 0..STREAMS {
        let (mut connection, request) = (Connection::open(from).await?, request.clone());
        tasks.spawn(async move {
            let (mut late, mut seen) = (Vec::with_capacity(FRAMES), 0);
            connection.follow(&request, |answer| late.extend(arrived(answer, &mut seen))).await?;
            Ok::<_, std::io::Error>(late)
        });
        tokio::time::sleep(PACE / STREAMS).await;
    }
    let mut all = Vec::new();
    while let Some(late) = tasks.join_next().await {
        let late = late??;
        if late.len() != FRAMES {
            return Err(format!("{} of {FRAMES} frames came", late.len()).into());
        }
        all.extend(late);
    }
    Ok(all)
}

/// Returns how late the frames after the first `seen` ones are.
fn arrived(answer: &[u8], seen: &mut usize) -> Vec<Duration> {
    let now = now();
    let mut late = Vec::new();
    // Only complete events count. The rest is read with what completes it.
    let Some(end) = answer.windows(2).rposition(|two| two == b"\n\n") else { return late };
    let Ok(text) = std::str::from_utf8(&answer[*seen..end.max(*seen)]) else { return late };
    for (at, _) in text.match_indices(STAMP) {
        let digits = text[at + STAMP.len()..].split(' ').next().and_then(|digits| digits.parse().ok());
        late.extend(digits.map(|sent| now.saturating_sub(Duration::from_micros(sent))));
    }
    *seen = end.max(*seen);
    late
}

/// Returns the time since 1970, which other processes share.
fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Sends the same frames from its own thread, with nothing in between.
fn plain() -> Outcome<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || runtime.block_on(serve(listener)));
    Ok(address)
}

async fn serve(listener: std::net::TcpListener) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        drop(tokio::spawn(pace(stream)));
    }
}

async fn pace(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_buf(&mut Vec::with_capacity(4096)).await?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
    let mut ticks = tokio::time::interval(PACE);
    for _ in 0..FRAMES {
        ticks.tick().await;
        let event = format!("data: {{{STAMP}{} \"}}\n\n", now().as_micros());
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
    }
    stream.write_all(b"0\r\n\r\n").await
}
