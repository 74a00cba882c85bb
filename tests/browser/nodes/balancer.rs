//! nginx before two nodes, with the snippet of deploy/ as it stands.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// It ends with the test's thread, whatever happens to that.
pub(crate) struct Balancer {
    process: Child,
    folder: TempDir,
    port: u16,
    nodes: [u16; 2],
}

impl Balancer {
    pub(crate) fn start(port: u16, nodes: [u16; 2]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(folder.path(), port, nodes, [true, true]);
        // Asked to end, its first process ends the others.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "/usr/sbin/nginx", "-e", "stderr", "-p"]).arg(folder.path());
        command.arg("-c").arg(folder.path().join("nginx.conf"));
        let said = fs::File::create(folder.path().join("said")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        let mut process = command.spawn().expect("`cargo xtask test` installs what the tests run");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = || fs::read_to_string(folder.path().join("said")).unwrap();
            assert!(process.try_wait().unwrap().is_none(), "nginx does not start: {}", said());
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { process, folder, port, nodes }
    }

    /// From now on new requests go to these nodes only.
    pub(crate) fn send_to(&self, up: [bool; 2]) {
        write_config(self.folder.path(), self.port, self.nodes, up);
        self.signal("HUP");
    }

    /// One line for each answer: status, method, path.
    pub(crate) fn answers(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("access.log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.signal("TERM");
        let _ = self.process.wait();
    }
}

fn write_config(folder: &Path, port: u16, nodes: [u16; 2], up: [bool; 2]) {
    let snippet = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/nginx-filmjacket.conf");
    let at = folder.display();
    let server = |n: usize| format!("server 127.0.0.1:{}{};", nodes[n], if up[n] { "" } else { " down" });
    // Folders of its own: what Debian's nginx.conf sets for a whole machine.
    let text = format!(
        "daemon off; user root; pid {at}/pid; error_log {at}/error.log;\n\
         events {{}}\n\
         http {{\n\
           log_format brief '$status $request_method $uri'; access_log {at}/access.log brief;\n\
           client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
           fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
           upstream filmjacket {{ {} {} keepalive 16; }}\n\
           server {{ listen 127.0.0.1:{port}; include {snippet}; }}\n\
         }}\n",
        server(0),
        server(1)
    );
    fs::write(folder.join("nginx.conf"), text).unwrap();
}
