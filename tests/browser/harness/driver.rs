//! The processes behind WebDriver: chromedriver, geckodriver, WebKitWebDriver, and the display that WebKit draws on.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::engine::Engine;
use super::files::test_tools;

/// A running driver.
pub(crate) struct Driver {
    process: Child,
    port: u16,
    /// Ends with the last driver that draws on it.
    _display: Option<Arc<Display>>,
}

static CHROMEDRIVER: Mutex<Weak<Driver>> = Mutex::new(Weak::new());
static DISPLAY: Mutex<Weak<Display>> = Mutex::new(Weak::new());

impl Driver {
    /// One that has room for a browser. A chromedriver serves all tests that run at the same time and ends with the last
    /// of them; the others take no second session and serve one browser each.
    ///
    /// `folder` is the browser's own, which WebKit is told through its environment to save to `downloads`.
    pub(super) fn for_browser(engine: Engine, folder: &Path, downloads: &Path) -> Arc<Self> {
        match engine {
            Engine::Shell | Engine::Chromium => shared(&CHROMEDRIVER, Self::chromedriver),
            Engine::Firefox => Arc::new(Self::geckodriver(folder)),
            Engine::WebKit => Arc::new(Self::webkit_driver(folder, downloads)),
        }
    }

    fn chromedriver() -> Self {
        let told = |line: &str| line.strip_suffix('.')?.split_once("successfully on port ")?.1.parse().ok();
        Self::telling_its_port(Command::new("chromedriver").arg("--port=0"), told)
    }

    fn geckodriver(folder: &Path) -> Self {
        let mut command = Command::new(test_tools().join("geckodriver/bin/geckodriver"));
        command.args(["--port", "0", "--websocket-port", "0", "--profile-root"]).arg(folder);
        Self::telling_its_port(&mut command, |line| line.split_once("Listening on 127.0.0.1:")?.1.parse().ok())
    }

    fn telling_its_port(command: &mut Command, told: impl Fn(&str) -> Option<u16>) -> Self {
        let (process, port) = start(command, told);
        Self { process, port, _display: None }
    }

    /// It does not tell its port, so a free one is chosen for it; should another process take that in between, the
    /// driver ends at once and the next port has its turn.
    fn webkit_driver(folder: &Path, downloads: &Path) -> Self {
        let display = shared(&DISPLAY, Display::start);
        // This file is where programs look for the user's download folder.
        let config = folder.join("config");
        std::fs::create_dir(&config).unwrap();
        let folders = format!("XDG_DOWNLOAD_DIR=\"{}\"\n", downloads.display());
        std::fs::write(config.join("user-dirs.dirs"), folders).unwrap();
        loop {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let mut process = Command::new("WebKitWebDriver")
                .arg(format!("--port={port}"))
                .env("XDG_CONFIG_HOME", &config)
                .env("DISPLAY", &display.name)
                .env_remove("WAYLAND_DISPLAY")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect(MISSING);
            while process.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Self { process, port, _display: Some(display) };
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// The port of its WebDriver interface, on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// A display that nobody sees: WebKit has no headless mode.
struct Display {
    process: Child,
    /// As the variable `DISPLAY` names it.
    name: String,
}

impl Display {
    fn start() -> Self {
        let mut command = Command::new("Xvfb");
        // It chooses a free number itself and writes it to standard output.
        command.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1280x1024x24"]);
        let (process, name) = start(&mut command, |line| line.parse().ok().map(|number: u32| format!(":{number}")));
        Self { process, name }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

const TRIES: usize = 5;
const MISSING: &str = "`cargo xtask test` installs what the browser tests run";

/// The one that others are using, or a new one.
fn shared<T>(place: &Mutex<Weak<T>>, make: impl Fn() -> T) -> Arc<T> {
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    place.upgrade().unwrap_or_else(|| {
        let new = Arc::new(make());
        *place = Arc::downgrade(&new);
        new
    })
}

/// Starts a process and reads its output until `told` finds in a line what was waited for. A few times: the number that
/// it chose for itself may be taken by another process before it has it.
fn start<T>(command: &mut Command, told: impl Fn(&str) -> Option<T>) -> (Child, T) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    for _ in 0..TRIES {
        let mut process = command.spawn().expect(MISSING);
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        if let Some(found) = lines.by_ref().map_while(Result::ok).find_map(|line| told(&line)) {
            // It must not be stopped by a full pipe.
            std::thread::spawn(move || lines.for_each(drop));
            return (process, found);
        }
        end(&mut process);
    }
    panic!("{command:?} ended {TRIES} times without telling where it is");
}

fn end(process: &mut Child) {
    let _ = process.kill();
    let _ = process.wait();
}
