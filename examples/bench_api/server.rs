//! The server under test: a process of its own, so that its time and memory can be told from the caller's.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running process that listens.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts the product on a folder, with settings beside its own defaults, and waits until it answers.
    pub(crate) fn start(binary: &Path, data: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new(binary);
        command.arg("serve").env("FILMJACKET_DATA", data).env("FILMJACKET_LOG__FILTER", "warn").stdout(Stdio::null());
        command.envs(settings.iter().copied());
        // Networks are told by calls, as if through a proxy.
        command.env("FILMJACKET_TRUSTED_PROXIES", "[\"127.0.0.1/32\"]");
        Self::start_command(command)
    }

    /// Starts anything that takes its address from `FILMJACKET_LISTEN`.
    pub(crate) fn start_command(mut command: Command) -> Self {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let child = command.env("FILMJACKET_LISTEN", address.to_string()).spawn().unwrap();
        let server = Self { address, child };
        let begun = Instant::now();
        while !server.answers() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    fn answers(&self) -> bool {
        let Ok(mut socket) = TcpStream::connect(self.address) else { return false };
        let asked = socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
        let mut answer = String::new();
        asked.is_ok() && socket.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Processor time used so far, in seconds: fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = stat.rsplit_once(") ").unwrap().1;
        let ticks: u32 = after_name.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().unwrap()).sum();
        f64::from(ticks) / 100.0
    }

    /// The most memory that it ever held, in MiB (proc_pid_status(5), VmHWM).
    pub(crate) fn peak_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
