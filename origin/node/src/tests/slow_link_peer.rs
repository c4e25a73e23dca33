//! A node stops in time even if peers of the workers' link read nothing.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, UnixStream};
use tokio::time::Instant;

use crate::scheduler::LINKS_TIMEOUT;
use crate::{ApiSockets, Config, Files, Home, Operator, Roles, Route, Secrets, Sockets, build};

/// The start of HTTP/2 (RFC 9113): the preface and empty settings.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0cortexos";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_stops_in_time_while_a_peer_of_the_link_pings_and_never_reads() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(Some(folder.path().join("home"))).unwrap();
    let config = Config::load(&Files::default(), None, Operator::of_tests()).unwrap();
    let secrets = Secrets::open(&home).unwrap();
    let sockets = Sockets {
        api: Some(ApiSockets { http: TcpListener::bind("127.0.0.1:0").await.unwrap(), grpc: None }),
        metrics: None,
    };
    let node = build(config, &Roles::all(), &home, &secrets, sockets).await.unwrap();
    let Route::Unix(path) = &node.scheduler.as_ref().unwrap().link else { panic!("a Unix socket") };
    let mut peer = UnixStream::connect(path).await.unwrap();
    peer.write_all(BEGINNING).await.unwrap();
    let pinging = tokio::spawn(async move { while peer.write_all(PING).await.is_ok() {} });

    let began = Instant::now();
    node.stop().await;
    assert!(began.elapsed() < LINKS_TIMEOUT, "after {:?}", began.elapsed());
    pinging.await.unwrap();
}
