//! TLS as the server itself speaks it: one version, a certificate that is renewed without a restart, slow handshakes.

use crate::harness::Site;
use filmjacket::config::{Config, TlsSettings};
use filmjacket::jobs;
use filmjacket::tls::Certificate;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const HOST: &str = "films.clinic.example";

/// Draws a certificate for the host and writes it where the server looks for it.
fn renew(folder: &Path) -> CertificateDer<'static> {
    renew_for(HOST, folder)
}

fn renew_for(host: &str, folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([host.to_owned()]).unwrap();
    write(folder, "tls.key", &signing_key.serialize_pem());
    write(folder, "tls.crt", &cert.pem());
    cert.der().clone()
}

fn write(folder: &Path, name: &str, text: &str) {
    // A new file in the old one's place, as programs that renew certificates do it.
    let (path, new) = (folder.join(name), folder.join("new"));
    std::fs::write(&new, text).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn with_tls(config: &mut Config) {
    speak_tls_as(HOST, config);
}

/// Has the server speak TLS itself, with a certificate of its own (`tls.crt` in its folder), as in production.
pub(crate) fn speak_tls_as(host: &str, config: &mut Config) {
    renew_for(host, &config.data);
    let text = format!("public_url = 'https://{host}'\nsign_in.allow = ['clinic.example']");
    config.public_url = Config::parse(&text, std::iter::empty()).unwrap().public_url;
    config.tls = Some(TlsSettings { certificate: config.data.join("tls.crt"), key: config.data.join("tls.key") });
}

fn certificate(site: &Site) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_file(site.data().join("tls.crt")).unwrap()
}

/// The whole answer to one request by TLS, from a client that trusts this certificate alone.
async fn get(
    address: SocketAddr,
    trusted: CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    path: &str,
) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let connector = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
    let line = TcpStream::connect(address).await?;
    let mut line = connector.connect(ServerName::try_from(HOST).unwrap(), line).await?;
    line.write_all(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    line.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

const TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];

#[actix_web::test]
async fn pages_come_by_tls_1_3_with_hsts_and_by_nothing_older_or_in_clear() {
    let site = Site::start_with(with_tls).await;
    let answer = get(site.address(), certificate(&site), TLS13, "/").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer:.200}");
    assert!(answer.contains("strict-transport-security: max-age=63072000; includeSubDomains"), "{answer:.2000}");
    let older = get(site.address(), certificate(&site), &[&version::TLS12], "/").await.unwrap_err();
    assert!(older.to_string().contains("ProtocolVersion"), "{older}");
    let mut clear = TcpStream::connect(site.address()).await.unwrap();
    clear.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    drop(clear.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[actix_web::test]
async fn a_renewed_certificate_is_taken_into_use_without_a_restart() {
    let site = Site::start_with(with_tls).await;
    let first = certificate(&site);
    let second = renew(site.data());
    assert!(get(site.address(), second.clone(), TLS13, "/healthz").await.is_err(), "nobody has looked yet");
    jobs::renew_certificate(site.app());
    get(site.address(), second, TLS13, "/healthz").await.unwrap();
    assert!(get(site.address(), first, TLS13, "/healthz").await.is_err());
}

#[actix_web::test]
async fn a_broken_renewal_leaves_the_certificate_before_in_use_until_it_is_mended() {
    let site = Site::start_with(with_tls).await;
    let (first, in_use) = (certificate(&site), site.app().certificate.as_ref().unwrap());
    let key = std::fs::read_to_string(site.data().join("tls.key")).unwrap();
    renew(site.data());
    write(site.data(), "tls.key", &key);
    let refused = in_use.renew().unwrap_err().to_string();
    assert!(refused.contains("tls.crt") && refused.contains("cannot be used together"), "{refused}");
    assert!(!in_use.renew().unwrap(), "the same fault is told once");
    get(site.address(), first.clone(), TLS13, "/healthz").await.unwrap();
    std::fs::remove_file(site.data().join("tls.crt")).unwrap();
    assert!(in_use.renew().unwrap_err().to_string().contains("cannot be read"));
    get(site.address(), first, TLS13, "/healthz").await.unwrap();
    let mended = renew(site.data());
    assert!(in_use.renew().unwrap());
    get(site.address(), mended, TLS13, "/healthz").await.unwrap();
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let refused = || Certificate::load(&certificate, &key).unwrap_err().to_string();
    assert!(refused().contains("tls.crt cannot be read"), "{}", refused());
    renew(folder.path());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refused().contains("chmod o-rwx"), "{}", refused());
    write(folder.path(), "tls.key", "nothing");
    assert!(refused().contains("tls.key holds no private key"), "{}", refused());
    write(folder.path(), "tls.crt", "nothing");
    assert!(refused().contains("tls.crt holds no certificate"), "{}", refused());
}

#[actix_web::test]
async fn a_handshake_that_does_not_go_on_is_cut_and_hundreds_of_them_keep_nobody_out() {
    let site = Site::start_with(|config| {
        with_tls(config);
        config.patience.head = Duration::from_secs(2);
    })
    .await;
    let mut silent = Vec::new();
    // More than the framework would handle at a time by itself, whatever this machine's cores.
    for _ in 0..256 * (1 + std::thread::available_parallelism().map_or(1, usize::from)) {
        silent.push(TcpStream::connect(site.address()).await.unwrap());
    }
    get(site.address(), certificate(&site), TLS13, "/healthz").await.unwrap();
    for mut client in silent {
        let mut answer = Vec::new();
        drop(client.read_to_end(&mut answer).await);
        assert!(answer.is_empty());
    }
}
