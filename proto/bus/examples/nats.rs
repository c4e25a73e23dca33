//! Compares the bus on NATS with the plain client on the same server.
//!
//! `cargo run --release -p cortex-bus --example nats [rounds] [seconds]`
//!
//! The server is the one that `CORTEX_TEST_NATS` names, with `sync_interval: always`.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cortex_bus::{Nats, NatsOptions};
use cortex_domain::ports::Bus;
use cortex_domain::share::Share;
use cortex_domain::subject::{Filter, Subject};
use cortex_test_servers::Nats as Server;
use futures::StreamExt;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const IN_FLIGHT: usize = 256;
const BODY: &[u8] = &[b'x'; 64];

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let rounds: usize = args.next().map_or(Ok(5), |text| text.parse())?;
    let seconds = Duration::from_secs(args.next().map_or(Ok(2), |text| text.parse())?);
    let out = &mut io::stdout().lock();

    let Some(server) = Server::start() else { return Ok(()) };
    let bus = Arc::new(Nats::connect(NatsOptions::new(&server.url())?).await?);
    let client = async_nats::connect(server.url()).await?;
    let jetstream = async_nats::jetstream::new(client.clone());

    let mut requests = bus.respond(Filter::only(&Subject::call(Share::FIRST))).await?;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            request.reply.send(request.body);
        }
    });
    let mut plain = client.queue_subscribe("plain", "q".into()).await?;
    let replier = client.clone();
    tokio::spawn(async move {
        while let Some(message) = plain.next().await {
            if let Some(reply) = message.reply {
                let _ = replier.publish(reply, message.payload).await;
            }
        }
    });
    client.flush().await?;

    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for _ in 0..rounds {
        let bus = bus.clone();
        let append = || {
            let bus = bus.clone();
            async move {
                bus.append(Subject::result(Share::FIRST), Bytes::from_static(BODY))
                    .await
                    .map_err(Failure::from)
            }
        };
        ours.appends.push(rate(seconds, append).await?);
        let append = || {
            let jetstream = jetstream.clone();
            async move {
                jetstream.publish("sys.job.result.0", Bytes::from_static(BODY)).await?.await?;
                Ok(())
            }
        };
        theirs.appends.push(rate(seconds, append).await?);
        // Otherwise the queue is full at some time.
        jetstream.get_stream("CORTEX").await?.purge().await?;
        let ask = || {
            let bus = bus.clone();
            async move {
                let asked = bus.request(
                    Subject::call(Share::FIRST),
                    Bytes::from_static(BODY),
                    Duration::from_secs(5),
                );
                asked.await.map(drop).map_err(Failure::from)
            }
        };
        ours.requests.push(median_time(seconds, ask).await?);
        let ask = || {
            let client = client.clone();
            async move { client.request("plain", Bytes::from_static(BODY)).await.map(drop).map_err(Failure::from) }
        };
        theirs.requests.push(median_time(seconds, ask).await?);
    }
    let (appends, plain_appends) = (median(ours.appends), median(theirs.appends));
    let (request, plain_request) = (median(ours.requests), median(theirs.requests));
    writeln!(out, "                            bus      async-nats   ratio")?;
    writeln!(
        out,
        "appends/s, {IN_FLIGHT} in flight  {appends:9.0} {plain_appends:9.0}   {:.2}",
        appends / plain_appends
    )?;
    writeln!(
        out,
        "request p50, us          {request:9.1} {plain_request:9.1}   {:.2}",
        request / plain_request
    )?;
    Ok(())
}

#[derive(Default)]
struct Figures {
    /// Appends a second.
    appends: Vec<f64>,
    /// The median time of a request, in microseconds.
    requests: Vec<f64>,
}

async fn rate<F: Future<Output = Result<(), Failure>> + Send>(
    during: Duration,
    operation: impl Fn() -> F + Sync,
) -> Result<f64, Failure> {
    let (started, done) = (Instant::now(), AtomicU64::new(0));
    let one = async || {
        while started.elapsed() < during {
            operation().await?;
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<_, Failure>(())
    };
    futures::future::try_join_all((0..IN_FLIGHT).map(|_| one())).await?;
    Ok(done.into_inner() as f64 / started.elapsed().as_secs_f64())
}

async fn median_time<F: Future<Output = Result<(), Failure>>>(
    during: Duration,
    operation: impl Fn() -> F,
) -> Result<f64, Failure> {
    let (started, mut times) = (Instant::now(), Vec::new());
    while started.elapsed() < during {
        let asked = Instant::now();
        operation().await?;
        times.push(asked.elapsed().as_secs_f64() * 1e6);
    }
    Ok(median(times))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
