//! The comparison for a synchronous call: a minimal echo on axum with one thread, in its own
//! process so that its processor time can be measured.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use tokio::net::TcpListener;

use crate::Outcome;

/// The process, which ends with this value.
#[derive(Debug)]
pub(crate) struct Plain {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Plain {
    pub(crate) fn start() -> Outcome<Self> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program).arg("--plain-echo").stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        let said = child.stdout.take().ok_or("no output")?;
        BufReader::new(said).read_line(&mut address)?;
        Ok(Self { child, address: address.trim().parse()? })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs as that process.
pub(crate) async fn serve() -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    #[expect(clippy::print_stdout, reason = "its address, for the process that started it")]
    {
        println!("{}", listener.local_addr()?);
    }
    let app = Router::new().route("/", post(async |body: Bytes| body));
    Ok(axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| {
            let _ = stream.set_nodelay(true);
        }),
        app,
    )
    .await?)
}
