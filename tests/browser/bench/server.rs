//! The release server as a process of its own, so that its memory can be told.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Enough for a start and for a mail.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; ends when dropped.
pub(super) struct Server {
    process: Child,
    /// What it tells on its console, mail among it.
    lines: Receiver<String>,
    pub(super) origin: String,
}

impl Server {
    /// Starts one on its embedded defaults, which keeps everything in `data`.
    pub(super) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// Starts one with settings beside these, as the environment names them.
    pub(super) fn start_with(data: &Path, settings: &[(&str, String)]) -> Self {
        // Taken in between by another process, the server says so and the bench ends: it is run by hand and seldom.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let origin = format!("http://127.0.0.1:{port}");
        let mut process = Command::new(env!("CARGO_BIN_EXE_filmjacket"))
            .arg("serve")
            .env("FILMJACKET_LISTEN", format!("127.0.0.1:{port}"))
            .env("FILMJACKET_PUBLIC_URL", &origin)
            .env("FILMJACKET_DATA", data)
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .current_dir(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(data.join("log.txt")).unwrap())
            .spawn()
            .unwrap();
        let (tell, lines) = channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || std::fs::read_to_string(data.join("log.txt")).unwrap_or_default();
            assert!(process.try_wait().unwrap().is_none(), "the server ended: {}", log());
            assert!(Instant::now() < deadline, "the server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, lines, origin }
    }

    /// The sign-in code that it mails next.
    pub(super) fn next_code(&self) -> String {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("the code is mailed");
            if let Some((_, code)) = line.split_once("sign-in code ") {
                return code.trim().to_owned();
            }
        }
    }

    /// The most memory that it ever had at once, in MB.
    pub(super) fn peak_memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0 / 1e6
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
