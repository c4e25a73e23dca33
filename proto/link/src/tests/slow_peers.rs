//! Peers that read nothing. Writes to them never finish, and their frames are not read meanwhile.

use std::path::Path;
use std::time::Duration;

use cortex_platform::write_timeout::STALL_TIMEOUT;
use tokio::io::{AsyncWriteExt, copy};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Instant;

use super::origin::{Origin, worker};
use super::{Dial, Limits, LinkAddress, Route, TEST_TIMEOUT, joined};
use crate::admission::ADMISSION_TIMEOUT;
use crate::{STOP_TIMEOUT, open};

/// The start of HTTP/2 (RFC 9113): the preface and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0cortexos";
/// The time that the link needs in addition to its timeouts.
const TOLERANCE: Duration = Duration::from_secs(1);

fn socket(folder: &Path) -> LinkAddress {
    LinkAddress::Unix(folder.join("run/link"))
}

async fn connect(origin: &Origin) -> UnixStream {
    let Route::Unix(path) = &origin.route else { panic!("a Unix socket") };
    UnixStream::connect(path).await.unwrap()
}

/// Sends pings and reads no response. Returns when the origin has closed the connection.
async fn ping(mut peer: UnixStream) -> Duration {
    let began = Instant::now();
    while peer.write_all(PING).await.is_ok() {}
    began.elapsed()
}

/// Waits until the origin's responses and the peer's pings fill the buffers between them.
async fn stuck<T>(pinging: &tokio::task::JoinHandle<T>) {
    for _ in 0..100_000 {
        tokio::task::yield_now().await;
    }
    assert!(!pinging.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_pings_and_never_reads_is_cut_off_when_it_is_not_admitted_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::at(&socket(folder.path())).await;
    let mut peer = connect(&origin).await;
    peer.write_all(PREFACE).await.unwrap();
    let cut = ping(peer).await;
    assert!(cut <= ADMISSION_TIMEOUT + TOLERANCE, "after {cut:?}");
}

#[tokio::test(start_paused = true)]
async fn an_admitted_worker_that_pings_and_never_reads_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::at(&socket(folder.path())).await;
    let peer = admitted(&origin, folder.path()).await;
    let cut = ping(peer).await;
    assert!(cut <= STALL_TIMEOUT + TOLERANCE, "after {cut:?}");
}

#[tokio::test(start_paused = true)]
async fn an_origin_stops_in_time_while_peers_read_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let origin = Origin::at(&socket(folder.path())).await;
    let admitted = admitted(&origin, folder.path()).await;
    let mut stranger = connect(&origin).await;
    stranger.write_all(PREFACE).await.unwrap();
    let peers = [admitted, stranger].map(|peer| tokio::spawn(ping(peer)));
    for pinging in &peers {
        stuck(pinging).await;
    }
    let began = Instant::now();
    origin.stop().await;
    assert!(began.elapsed() <= STOP_TIMEOUT + TOLERANCE, "after {:?}", began.elapsed());
}

/// Returns a connection of an admitted worker that then stops reading.
async fn admitted(origin: &Origin, folder: &Path) -> UnixStream {
    let between = folder.join("between");
    let listener = UnixListener::bind(&between).unwrap();
    let dial = Dial { route: Route::Unix(between), token: "token".into(), limits: Limits::default() };
    let (link, mut inbox) = open(dial, Box::new(|| worker("w1")));
    let mut to_origin = connect(origin).await;
    let passing = async {
        let (mut to_worker, _) = listener.accept().await.unwrap();
        let (mut from_worker, mut worker) = to_worker.split();
        let (mut from_origin, mut origin) = to_origin.split();
        let passed =
            tokio::try_join!(copy(&mut from_worker, &mut origin), copy(&mut from_origin, &mut worker));
        passed.unwrap();
    };
    tokio::select! {
        () = passing => panic!("the link broke"),
        () = async { tokio::time::timeout(TEST_TIMEOUT, joined(&mut inbox)).await.unwrap() } => {}
    }
    drop((link, inbox));
    to_origin
}
