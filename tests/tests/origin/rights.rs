//! The users that `cortex workers permissions` prints, on real servers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use bytes::Bytes;
use cortex_bus::{Nats as Bus, NatsFiles, NatsOptions};
use cortex_domain::ports::Bus as _;
use cortex_domain::share::Share;
use cortex_domain::subject::{Filter, Subject};
use cortex_test_servers::{Nats, NatsOptions as Settings, Redis, RedisKind};
use cortex_tests::home::Home;
use cortex_tests::process::binary;

const TIMEOUT: Duration = Duration::from_secs(20);

fn permissions(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("cortex"));
    command.args(["workers", "permissions"]).args(arguments).env("CORTEX_HOME", home.path());
    command.output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn is_private(path: &Path) -> bool {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777 == 0o600
}

#[tokio::test]
async fn the_printed_nats_user_can_work() {
    let home = Home::new();
    let nkey = home.path().join("w1.nk");
    let output = permissions(
        &home,
        &["--worker", "w1", "--pool", "echo,embed", "--bus", "nats", "--nats-nkey", nkey.to_str().unwrap()],
    );
    let user = printed(&output);
    assert!(is_private(&nkey));
    let configuration = format!("authorization {{ users: [{{ user: o, password: p }}\n{user}] }}");
    let Some(server) = Nats::start_with(&Settings { configuration, ..Settings::default() }) else { return };
    let origin = NatsOptions::new(&server.url().replace("nats://", "nats://o:p@")).unwrap();
    let origin = Bus::connect(origin).await.unwrap();
    let mut worker = NatsOptions::new(&server.url()).unwrap();
    worker.files = NatsFiles { nkey: Some(nkey), ..NatsFiles::default() };
    worker.worker = Some("w1".parse().unwrap());
    let worker = Bus::connect(worker).await.unwrap();
    let mut heartbeats = origin.subscribe(Filter::HEARTBEATS).await.unwrap();
    let heartbeat = Subject::heartbeat(&"w1".parse().unwrap(), &"echo".parse().unwrap());
    worker.publish(heartbeat, Bytes::from("alive"));
    let received = tokio::time::timeout(TIMEOUT, heartbeats.next()).await.expect("a heartbeat in time");
    assert_eq!(received.unwrap().body, "alive");
    worker.append(Subject::result(Share::FIRST), Bytes::from("done")).await.unwrap();
    worker.append(Subject::submit(Share::FIRST), Bytes::from("forged")).await.unwrap_err();
}

/// Sends a command, and returns the first line of the reply.
fn ask(redis: &mut BufReader<TcpStream>, command: &str) -> String {
    redis.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
    let mut line = String::new();
    redis.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn the_printed_redis_user_can_read_inputs_and_nothing_else() {
    let home = Home::new();
    let file = home.path().join("w1.password");
    let arguments =
        ["--worker", "w1", "--pool", "echo", "--store", "redis", "--redis-password", file.to_str().unwrap()];
    let command = printed(&permissions(&home, &arguments));
    let password = std::fs::read_to_string(&file).unwrap();
    assert!(is_private(&file) && !command.contains(password.trim()));
    assert_eq!(printed(&permissions(&home, &arguments)), command, "the password stays");
    for kind in [RedisKind::Redis, RedisKind::Valkey] {
        let Some(server) = Redis::start(kind) else { return };
        let connect = || {
            let stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
            stream.set_read_timeout(Some(TIMEOUT)).unwrap();
            BufReader::new(stream)
        };
        assert_eq!(ask(&mut connect(), command.trim()), "+OK");
        let mut worker = connect();
        assert_eq!(ask(&mut worker, &format!("AUTH w1 {}", password.trim())), "+OK");
        assert_eq!(ask(&mut worker, "GET ctx:x"), "$-1");
        assert_eq!(ask(&mut worker, "SET res:x:y z"), "+OK");
        for forbidden in ["SET ctx:x y", "GET res:x", "KEYS *", "CONFIG GET *", "FLUSHALL", "EVAL x 0"] {
            let refused = ask(&mut worker, forbidden);
            assert!(refused.starts_with("-NOPERM"), "{forbidden}: {refused}");
        }
        assert!(ask(&mut connect(), "AUTH w1 guess").starts_with("-WRONGPASS"));
    }
}

#[test]
fn a_name_that_would_change_the_configuration_is_refused() {
    let home = Home::new();
    let file = home.path().join("secret");
    let path = file.to_str().unwrap();
    let both = ["--bus", "nats", "--nats-nkey", path, "--store", "redis", "--redis-password", path];
    for bad in ["*", ">", "w.>", "w 1", "w\n1", "w\"1", "w'", "w{", "w}", "w#", "w$X", "../w", "", "w\t", "ä"]
    {
        for named in [["--worker", bad, "--pool", "echo"], ["--worker", "w1", "--pool", bad]] {
            let output = permissions(&home, &[&named[..], &both].concat());
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{named:?}: {text}");
            assert!(output.stdout.is_empty() && !file.exists(), "{named:?}");
        }
    }
    let unknown = permissions(&home, &[&["--worker", "w1", "--pool", "nope"], &both[..4]].concat());
    assert_eq!(unknown.status.code(), Some(65), "{}", String::from_utf8_lossy(&unknown.stderr));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("`nope`") && !file.exists());
    let no_server = permissions(&home, &["--worker", "w1", "--pool", "echo"]);
    assert_eq!(no_server.status.code(), Some(2), "{}", String::from_utf8_lossy(&no_server.stderr));
}
