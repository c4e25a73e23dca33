//! How the client identifies itself and the server.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cortex_bus::{Nats, NatsError, NatsFiles, NatsOptions};
use cortex_domain::ports::Bus as _;
use cortex_domain::share::Share;
use cortex_domain::subject::{Filter, Subject};
use cortex_test_servers::{Nats as Server, NatsOptions as Settings};
use nkeys::KeyPair as Nkey;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::jwt::Operator;
use crate::{TIMEOUT, ping};

/// A certificate authority with a certificate for the server and one for a client.
struct Authority {
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        cortex_platform::crypto::install();
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let new = Self { folder };
        new.write("ca.pem", &pem("CERTIFICATE", issuer.der()));
        for (name, host) in [("server", "127.0.0.1"), ("elsewhere", "other.example"), ("client", "client")] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            new.write(&format!("{name}.pem"), &pem("CERTIFICATE", certificate.der()));
            new.write(&format!("{name}.key"), &pem("PRIVATE KEY", &key.serialize_der()));
        }
        new
    }

    fn write(&self, name: &str, text: &str) {
        write_private(&self.path(name), text);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the server's configuration with the named certificate.
    fn tls(&self, name: &str, more: &str) -> Settings {
        let (certificate, key) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        let ca = self.path("ca.pem");
        let configuration =
            format!("tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {ca:?}{more} }}");
        Settings { configuration, ..Settings::default() }
    }

    fn trusted(&self) -> NatsFiles {
        NatsFiles { authorities: Some(self.path("ca.pem")), ..NatsFiles::default() }
    }

    /// Returns the files of a client that trusts `self` and has the certificate of `of`.
    fn client(&self, of: &Self) -> NatsFiles {
        NatsFiles {
            certificate: Some(of.path("client.pem")),
            key: Some(of.path("client.key")),
            ..self.trusted()
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

pub(crate) fn write_private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

async fn connect(url: &str, files: NatsFiles) -> Result<Nats, NatsError> {
    let mut options = NatsOptions::new(url).unwrap();
    options.files = files;
    tokio::time::timeout(TIMEOUT, Nats::connect(options)).await.expect("an answer in time")
}

/// Checks that the bus carries a request.
async fn works(connected: Result<Nats, NatsError>) {
    let bus = connected.unwrap();
    let mut responder = bus.respond(Filter::only(&Subject::call(Share::FIRST))).await.unwrap();
    tokio::time::timeout(TIMEOUT, ping(&bus, responder.as_mut())).await.unwrap();
}

#[tokio::test]
async fn a_server_with_an_own_authority_is_trusted_by_its_file_alone() {
    let authority = Authority::new();
    let Some(server) = Server::start_with(&authority.tls("server", "")) else { return };
    let urls = [server.url(), server.url().replace("nats://", "tls://")];
    for url in &urls {
        works(connect(url, authority.trusted()).await).await;
        for stranger in [NatsFiles::default(), Authority::new().trusted()] {
            let error = connect(url, stranger).await.unwrap_err();
            assert!(matches!(error, NatsError::Certificate { .. }), "{error}");
            assert!(error.is_of_the_configuration() && error.to_string().contains("127.0.0.1"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_by_name() {
    let authority = Authority::new();
    let Some(server) = Server::start_with(&authority.tls("elsewhere", "")) else { return };
    let error = connect(&server.url(), authority.trusted()).await.unwrap_err();
    assert!(matches!(error, NatsError::Certificate { .. }), "{error}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_demanded() {
    let authority = Authority::new();
    let Some(server) = Server::start() else { return };
    let tls = server.url().replace("nats://", "tls://");
    for (url, files) in [(&tls, NatsFiles::default()), (&server.url(), authority.trusted())] {
        let error = connect(url, files).await.unwrap_err();
        assert!(matches!(error, NatsError::NoTls { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_demands_a_client_certificate_gets_it() {
    let authority = Authority::new();
    let Some(server) = Server::start_with(&authority.tls("server", ", verify: true")) else { return };
    works(connect(&server.url(), authority.client(&authority)).await).await;
    for files in [authority.trusted(), authority.client(&Authority::new())] {
        let error = connect(&server.url(), files).await.unwrap_err();
        assert!(matches!(error, NatsError::ClientCertificate { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_user_is_known_by_its_nkey() {
    let folder = tempfile::tempdir().unwrap();
    let (user, stranger) = (Nkey::new_user(), Nkey::new_user());
    let file = |name: &str, pair: &Nkey| {
        let path = folder.path().join(name);
        write_private(&path, &format!("{}\n", pair.seed().unwrap()));
        NatsFiles { nkey: Some(path), ..NatsFiles::default() }
    };
    let configuration = format!("authorization {{ users: [{{ nkey: {} }}] }}", user.public_key());
    let Some(server) = Server::start_with(&Settings { configuration, ..Settings::default() }) else { return };
    works(connect(&server.url(), file("user", &user)).await).await;
    for wrong in [file("stranger", &stranger), NatsFiles::default()] {
        unauthorised(connect(&server.url(), wrong).await);
    }
    let named = server.url().replace("nats://", "nats://me:s3cret@");
    let error = connect(&named, file("user", &user)).await.unwrap_err();
    assert!(matches!(error, NatsError::UserInAddress), "{error}");
}

#[tokio::test]
async fn a_user_is_known_by_the_jwt_of_its_operator() {
    let folder = tempfile::tempdir().unwrap();
    let (operator, other) = (Operator::new(), Operator::new());
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        write_private(&path, text);
        NatsFiles { credentials: Some(path), ..NatsFiles::default() }
    };
    let settings = Settings { configuration: operator.configuration(), ..Settings::default() };
    let Some(server) = Server::start_with(&settings) else { return };
    works(connect(&server.url(), file("user.creds", &operator.credentials())).await).await;
    unauthorised(connect(&server.url(), file("other.creds", &other.credentials())).await);
    unauthorised(connect(&server.url(), file("seed.creds", &operator.credentials_with_another_seed())).await);
    unauthorised(connect(&server.url(), NatsFiles::default()).await);
}

#[tokio::test]
async fn a_user_is_known_by_its_password_and_a_client_by_its_token() {
    for (authorization, right, wrong) in [
        ("user: me, password: s3cret", "me:s3cret@", ["me:guess@", "you:s3cret@", "guess@", ""]),
        ("token: s3cret", "s3cret@", ["guess@", "me:s3cret@", "S3CRET@", ""]),
    ] {
        let configuration = format!("authorization {{ {authorization} }}");
        let Some(server) = Server::start_with(&Settings { configuration, ..Settings::default() }) else {
            return;
        };
        let url = |user: &str| server.url().replace("nats://", &format!("nats://{user}"));
        works(connect(&url(right), NatsFiles::default()).await).await;
        for wrong in wrong {
            unauthorised(connect(&url(wrong), NatsFiles::default()).await);
        }
    }
}

/// Checks that the server's refusal is named, and that no secret is.
fn unauthorised(connected: Result<Nats, NatsError>) {
    let error = connected.unwrap_err();
    assert!(matches!(error, NatsError::Unauthorised { .. }), "{error}");
    let mut text = format!("{error}");
    write!(text, "{error:?}").unwrap();
    for secret in ["s3cret", "guess", "SU"] {
        assert!(!text.contains(secret), "{text}");
    }
}
