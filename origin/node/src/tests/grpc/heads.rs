//! What the gRPC API decides by the head of a call: the page that sent it, and its framing.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cortex_wire::v1::jobs_client::JobsClient;
use tonic::Code;
use tonic::transport::Endpoint;

use super::{GrpcNode, KEY, code_and_problem, echo, with_key};

const PATH: &str = "/cortex.v1.Jobs/Submit";
/// A gRPC message that submits `job.echo` with the input `1`.
const MESSAGE: &[u8] = b"\0\0\0\0\x0d\x0a\x08job.echo\x12\x011";
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// The HTTP/2 frame types that the test reads (RFC 9113, section 6), and the flags of an end.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// With a complete response, successful or not.
    Answered,
    /// The stream was reset, or the connection closed.
    Cut,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head[..], &stream.to_be_bytes()[..], payload].concat()
}

/// Returns a head that no client library would write, with each header as a literal (RFC 7541,
/// section 6.2.2).
fn literals(headers: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat();
    headers.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

fn submit(address: SocketAddr, framing: &[(&str, &str)]) -> Ended {
    let (authority, bearer) = (address.to_string(), format!("Bearer {KEY}"));
    let sound = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", PATH),
        (":authority", authority.as_str()),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", bearer.as_str()),
    ];
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
    let sent = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, END_HEADERS, 1, &literals(&[&sound[..], framing].concat())),
        frame(DATA, END_STREAM, 1, MESSAGE),
    ];
    stream.write_all(&sent.concat()).unwrap();
    end_of_stream(&mut stream).unwrap_or(Ended::Cut)
}

/// Reads frames until one ends the call.
fn end_of_stream(stream: &mut TcpStream) -> io::Result<Ended> {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        io::copy(&mut stream.take(u64::from(length)), &mut io::sink())?;
        let of_call = head[5..] == 1u32.to_be_bytes();
        match head[3] {
            RST_STREAM if of_call => return Ok(Ended::Cut),
            DATA | HEADERS if of_call && head[4] & END_STREAM != 0 => return Ok(Ended::Answered),
            _ => {}
        }
    }
}

async fn jobs(node: &GrpcNode) -> usize {
    let url = format!("http://{}/api/v1/jobs", node.origin.gateway.as_ref().unwrap().address);
    let answer = reqwest::Client::new().get(url).bearer_auth(KEY).send().await.unwrap();
    let page: serde_json::Value = answer.json().await.unwrap();
    page["jobs"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_with_ambiguous_framing_makes_no_job() {
    let folder = tempfile::tempdir().unwrap();
    let node = GrpcNode::new(&folder, "dev").await;
    let length = MESSAGE.len().to_string();
    let (equal, other) = (("content-length", length.as_str()), ("content-length", "5"));
    let chunked = ("transfer-encoding", "chunked");
    for framing in [
        &[equal, equal][..],
        &[equal, other],
        &[other, equal],
        &[other],
        &[equal, chunked],
        &[chunked, equal],
        &[chunked],
        &[("content-length", "18, 18")],
        &[("connection", "close")],
    ] {
        let address = node.grpc;
        tokio::task::block_in_place(|| submit(address, framing));
        assert_eq!(jobs(&node).await, 0, "{framing:?}");
    }
    let sound = tokio::task::block_in_place(|| submit(node.grpc, &[equal]));
    assert_eq!((sound, jobs(&node).await), (Ended::Answered, 1), "a sound head makes one");

    // The API does not serve HTTP/1.1 with any framing.
    for framing in ["Content-Length: 18", "Content-Length: 18\r\nTransfer-Encoding: chunked"] {
        let head = format!("POST {PATH} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {KEY}\r\n", node.grpc);
        let answer = tokio::task::block_in_place(|| {
            let mut stream = TcpStream::connect(node.grpc).unwrap();
            stream.set_read_timeout(Some(READ_TIMEOUT)).unwrap();
            let sent = format!("{head}Content-Type: application/grpc\r\n{framing}\r\n\r\n");
            stream.write_all(&[sent.as_bytes(), MESSAGE].concat()).unwrap();
            let mut answer = Vec::new();
            // The connection may be reset, because the server does not read all bytes.
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8_lossy(&answer).into_owned()
        });
        assert!(!answer.starts_with("HTTP/1.1 2"), "{framing}: {answer}");
    }
    assert_eq!(jobs(&node).await, 1);
    node.origin.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_site_is_refused_over_grpc_too() {
    let folder = tempfile::tempdir().unwrap();
    let node = GrpcNode::new(&folder, "dev").await;
    let port = node.grpc.port();
    let job_name = async |authority: &str, headers: &[(&'static str, &str)]| {
        let endpoint = Endpoint::from_shared(format!("http://{}", node.grpc)).unwrap();
        let channel =
            endpoint.origin(format!("http://{authority}").parse().unwrap()).connect().await.unwrap();
        let mut call = with_key(echo("1"), KEY);
        for (name, value) in headers {
            call.metadata_mut().insert(*name, value.parse().unwrap());
        }
        JobsClient::new(channel).submit(call).await.map_err(|status| code_and_problem(&status))
    };
    let (here, rebound) = (format!("127.0.0.1:{port}"), format!("rebound.example:{port}"));
    let elsewhere = format!("127.0.0.1:{}", port.wrapping_add(1));
    let denied = (Code::PermissionDenied, "denied".to_owned());
    for (authority, headers) in [
        (&rebound, &[][..]),
        (&elsewhere, &[]),
        (&here, &[("origin", "https://evil.example")]),
        (&here, &[("origin", "null")]),
        (&here, &[("sec-fetch-site", "cross-site")]),
        (&here, &[("sec-fetch-site", "same-site")]),
    ] {
        assert_eq!(job_name(authority, headers).await.err(), Some(denied.clone()), "{authority} {headers:?}");
    }
    assert_eq!(jobs(&node).await, 0);
    let own = format!("http://localhost:{port}");
    for headers in [&[][..], &[("origin", own.as_str())], &[("sec-fetch-site", "none")]] {
        assert!(job_name(&format!("localhost:{port}"), headers).await.is_ok(), "{headers:?}");
    }
    node.origin.stop().await;
}
