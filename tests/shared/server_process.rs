//! The server as a process of its own, in a folder and on a port that stay when it is killed and started again.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use std::cell::RefCell;
use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Another process may take a free port before the server has it; then it ends, and another port has its turn.
const TRIES: usize = 5;

/// It ends with the test's thread, whatever happens to that.
pub(crate) struct ServerProcess {
    folder: PathBuf,
    port: u16,
    disk: Option<u64>,
    process: RefCell<Child>,
}

impl ServerProcess {
    /// Starts one in this folder with `settings`, and waits until it serves. Its data folder `data` is a disk of so many
    /// bytes, if any are given: there for the process alone, and gone with it.
    pub(crate) fn start(folder: &Path, settings: &str, disk: Option<u64>) -> Self {
        fs::create_dir(folder.join("data")).unwrap();
        for _ in 0..TRIES {
            let port = free_port();
            let config = folder.join("filmjacket.toml");
            let text = format!("listen = \"127.0.0.1:{port}\"\ndata = {:?}\n{settings}\n", folder.join("data"));
            fs::write(&config, text).unwrap();
            fs::set_permissions(&config, Permissions::from_mode(0o600)).unwrap();
            let mut process = spawn(folder, disk);
            if answers(&mut process, port) {
                return Self { folder: folder.to_owned(), port, disk, process: RefCell::new(process) };
            }
        }
        panic!("the server ended {TRIES} times: {}", fs::read_to_string(folder.join("log")).unwrap());
    }

    /// kill -9
    pub(crate) fn kill(&self) {
        let mut process = self.process.borrow_mut();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Asks it to end (SIGTERM).
    pub(crate) fn terminate(&self) {
        let id = self.process.borrow().id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
    }

    /// Starts it again on what it left.
    pub(crate) fn start_again(&self) {
        let mut process = spawn(&self.folder, self.disk);
        assert!(answers(&mut process, self.port), "it does not start again:\n{}", self.log());
        *self.process.borrow_mut() = process;
    }

    /// Whether it runs.
    pub(crate) fn lives(&self) -> bool {
        self.process.borrow_mut().try_wait().unwrap().is_none()
    }

    /// Everything that it logged, in all its lives.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The answer to one request, head and all; nothing while nobody listens.
    pub(crate) fn ask(&self, path: &str) -> String {
        ask(self.port, path)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.process.get_mut().kill();
        let _ = self.process.get_mut().wait();
        if std::thread::panicking() {
            let _ = std::io::stderr().write_all(self.log().as_bytes());
        }
    }
}

fn spawn(folder: &Path, disk: Option<u64>) -> Child {
    let mut command = Command::new("unshare");
    if let Some(bytes) = disk {
        let mount = format!("mount -t tmpfs -o size={bytes},mode=700 tmpfs data && exec \"$@\"");
        // Whoever is not root is in a namespace where they are.
        command.args(["--map-root-user", "--mount", "sh", "-c", &mount, "sh", "setpriv"]);
    } else {
        command = Command::new("setpriv");
    }
    command.args(["--pdeathsig", "KILL", "--", env!("CARGO_BIN_EXE_filmjacket")]);
    command.args(["--config", "filmjacket.toml", "serve"]).current_dir(folder);
    // What configures the tests is no setting of the server's.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FILMJACKET_")) {
        command.env_remove(name);
    }
    let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("util-linux is on every Debian")
}

/// Whether it serves before it ends.
fn answers(process: &mut Child, port: u16) -> bool {
    while process.try_wait().unwrap().is_none() {
        if ask(port, "/healthz").starts_with("HTTP/1.1 200 ") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

fn ask(port: u16, path: &str) -> String {
    let mut answer = String::new();
    if let Ok(mut line) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        if line.write_all(request.as_bytes()).is_ok() {
            let _ = line.read_to_string(&mut answer);
        }
    }
    answer
}

/// A port that nobody has at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
