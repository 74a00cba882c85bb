//! A real proxy before the server: nginx or Caddy from Debian, with TLS, as an administrator would set it up.

use super::client::Client;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A running proxy; it ends with the test's thread, whatever happens to that.
pub(crate) struct Proxy {
    process: Child,
    folder: TempDir,
    port: u16,
    certificate: CertificateDer<'static>,
}

/// Another process may take a free port before the proxy has it; then it ends, and another port has its turn.
const TRIES: usize = 5;

impl Proxy {
    /// nginx with the snippet of deploy/ as it stands, for the server at `upstream`.
    pub(crate) fn nginx(upstream: SocketAddr) -> Self {
        let snippet = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nginx-filmjacket.conf");
        Self::start(|folder, port| {
            let at = folder.display();
            // One process and folders of its own: what Debian's nginx.conf sets for a whole machine.
            let text = format!(
                "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
                 events {{}}\n\
                 http {{\n\
                   access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
                   fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
                   upstream filmjacket {{ server {upstream}; keepalive 16; }}\n\
                   server {{\n\
                     listen 127.0.0.1:{port} ssl; server_name localhost;\n\
                     ssl_certificate {at}/tls.crt; ssl_certificate_key {at}/tls.key;\n\
                     include {snippet};\n\
                   }}\n\
                 }}\n"
            );
            std::fs::write(folder.join("nginx.conf"), text).unwrap();
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "/usr/sbin/nginx", "-e", "stderr", "-p"]).arg(folder);
            command.arg("-c").arg(folder.join("nginx.conf"));
            command
        })
    }

    /// Caddy with the snippet of deploy/ as it stands.
    pub(crate) fn caddy(upstream: SocketAddr) -> Self {
        let snippet = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/Caddyfile-filmjacket");
        Self::start(|folder, port| {
            let at = folder.display();
            let text = format!(
                "{{\n admin off\n auto_https off\n servers {{\n  protocols h1\n }}\n storage file_system {at}/caddy\n}}\n\
                 import {snippet}\n\
                 https://localhost:{port} {{\n bind 127.0.0.1\n tls {at}/tls.crt {at}/tls.key\n import filmjacket {upstream}\n}}\n"
            );
            std::fs::write(folder.join("Caddyfile"), text).unwrap();
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL", "caddy", "run", "--adapter", "caddyfile", "--config"]);
            command.arg(folder.join("Caddyfile")).env("HOME", folder).env("XDG_CONFIG_HOME", folder);
            command
        })
    }

    fn start(command: impl Fn(&Path, u16) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.path().join("tls.crt"), cert.pem()).unwrap();
        std::fs::write(folder.path().join("tls.key"), signing_key.serialize_pem()).unwrap();
        let certificate = cert.der().clone();
        for _ in 0..TRIES {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let said = std::fs::File::create(folder.path().join("said")).unwrap();
            let mut process = command(folder.path(), port)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(said)
                .spawn()
                .expect("`cargo xtask test` installs what the tests run");
            while process.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self { process, folder, port, certificate };
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        panic!("the proxy does not start: {}", std::fs::read_to_string(folder.path().join("said")).unwrap());
    }

    /// A browser that comes through the proxy, by TLS.
    pub(crate) fn client(&self, origin: &str) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(tls.with_root_certificates(roots).with_no_client_auth());
        let http = awc::Client::builder()
            .connector(awc::Connector::new().rustls_0_23(tls))
            .timeout(Duration::from_secs(60))
            .disable_redirects()
            .finish();
        Client::through(http, format!("https://localhost:{}", self.port), origin)
    }

    /// Bytes that it put aside in files of its own.
    pub(crate) fn set_aside(&self) -> u64 {
        let folders = ["body", "proxy"].map(|name| self.folder.path().join(name));
        let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
        files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
