//! A real mail server: Exim from Debian, on loopback and in a folder of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The name in its certificate.
pub(crate) const HOST: &str = "localhost";
pub(crate) const USER: &str = "images";
pub(crate) const PASSWORD: &str = "a secret";

/// It takes mail from those who log in over TLS; defers recipients whose name is in the folder `grey`; has no mailbox
/// `nobody`; and writes each mail into the folder `mail`.
const CONFIGURATION: &str = r"
exim_path = FOLDER/exim4
spool_directory = FOLDER/spool
log_file_path = FOLDER/%slog
pid_file_path = FOLDER/pid
primary_hostname = mail.clinic.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = PORT_STARTTLS : PORT_TLS
tls_on_connect_ports = PORT_TLS
tls_advertise_hosts = *
tls_certificate = FOLDER/tls.crt
tls_privatekey = FOLDER/tls.key
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
log_selector = +smtp_connection
deliver_drop_privilege = true
host_lookup =
dkim_verify_signers =
smtp_accept_queue_per_connection = 0
rfc1413_hosts =
keep_environment = ^LD_ : ^NSS_
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  deny message = 5.7.0 log in first
       !authenticated = *
  defer message = 4.7.1 greylisted, come back later
        condition = ${if exists{FOLDER/grey/$local_part}}
  deny message = 5.1.1 no such mailbox
       local_parts = nobody
  accept
begin routers
all:
  driver = accept
  transport = folder
begin transports
folder:
  driver = appendfile
  directory = FOLDER/mail
begin retry
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{images}}{eq{$auth3}{a secret}}}}
  server_set_id = $auth2
";

const TRIES: usize = 5;

/// A running Exim; it ends with the test's thread, whatever happens to that.
pub(crate) struct Exim {
    folder: TempDir,
    process: Child,
    pub(crate) starttls: u16,
    pub(crate) tls: u16,
}

impl Exim {
    pub(crate) fn start() -> Self {
        let folder = prepare();
        // Another process may take a free port before Exim has it; then Exim ends at once, and other ports have their turn.
        for _ in 0..TRIES {
            let [starttls, tls] = [free_port(), free_port()];
            let mut process = spawn(folder.path(), starttls, tls);
            if is_listening(&mut process, tls) {
                return Self { folder, process, starttls, tls };
            }
        }
        let said = fs::read_to_string(folder.path().join("said")).unwrap();
        panic!("Exim ended {TRIES} times: {said}");
    }

    /// As if the machine lost its power: connections that are open are gone too.
    pub(crate) fn kill(&mut self) {
        let group = format!("-{}", self.process.id());
        assert!(Command::new("kill").args(["-KILL", "--", &group]).status().unwrap().success());
        self.process.wait().unwrap();
    }

    pub(crate) fn restart(&mut self) {
        self.process = spawn(self.folder.path(), self.starttls, self.tls);
        assert!(is_listening(&mut self.process, self.tls), "the port is taken");
    }

    /// The certificate that it shows.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    /// From now on mail to this name is put off.
    pub(crate) fn greylist(&self, name: &str) {
        fs::write(self.folder.path().join("grey").join(name), "").unwrap();
    }

    pub(crate) fn stop_greylisting(&self, name: &str) {
        fs::remove_file(self.folder.path().join("grey").join(name)).unwrap();
    }

    /// Every mail that it took over, as delivered: another process of Exim's does that a moment later.
    pub(crate) fn mail(&self) -> Vec<Vec<u8>> {
        let asked = Instant::now();
        while self.log().matches(" <= ").count() > self.log().matches(" Completed\n").count() {
            assert!(asked.elapsed() < Duration::from_secs(20), "mail lies about: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut files: Vec<_> =
            fs::read_dir(self.folder.path().join("mail")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| fs::read(file).unwrap()).collect()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("mainlog")).unwrap()
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

fn tool(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/exim").join(path)
}

/// A folder that Exim can work in as nobody in particular, with its program: nobody may not look into root's folders.
fn prepare() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let within = |name: &str| folder.path().join(name);
    let mut folders = fs::read_dir(tool("usr/lib")).expect("`cargo xtask test` unpacks it").flatten();
    let libraries = folders.find(|entry| entry.file_name().to_string_lossy().ends_with("-linux-gnu")).unwrap();
    fs::create_dir(within("lib")).unwrap();
    for library in fs::read_dir(libraries.path()).unwrap().flatten() {
        if library.file_name().to_string_lossy().contains(".so") {
            fs::copy(library.path(), within("lib").join(library.file_name())).unwrap();
        }
    }
    fs::copy(tool("usr/sbin/exim4"), within("exim4")).unwrap();
    let rcgen::CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    fs::write(within("tls.crt"), cert.pem()).unwrap();
    fs::write(within("tls.key"), signing_key.serialize_pem()).unwrap();
    let [user, group] = ids();
    fs::write(within("passwd"), format!("Debian-exim:x:{user}:{group}::/:/bin/false\nroot:x:0:0::/:/bin/false\n"))
        .unwrap();
    fs::write(within("group"), format!("Debian-exim:x:{group}:\n")).unwrap();
    for name in ["mail", "grey", "spool"] {
        fs::create_dir(within(name)).unwrap();
        fs::set_permissions(within(name), fs::Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    folder
}

fn spawn(folder: &Path, starttls: u16, tls: u16) -> Child {
    let text = CONFIGURATION.replace("FOLDER", folder.to_str().unwrap());
    let text = text.replace("PORT_STARTTLS", &starttls.to_string()).replace("PORT_TLS", &tls.to_string());
    let file = folder.join("exim.conf");
    fs::write(&file, text).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if is_root() {
        let [user, group] = ids();
        command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]);
    }
    command.args(["env", "--"]).arg(assignment("LD_LIBRARY_PATH", &folder.join("lib")));
    command.arg(assignment("LD_PRELOAD", &folder.join("lib/libnss_wrapper.so")));
    command.arg(assignment("NSS_WRAPPER_PASSWD", &folder.join("passwd")));
    command.arg(assignment("NSS_WRAPPER_GROUP", &folder.join("group")));
    command.arg(folder.join("exim4")).arg("-C").arg(file).args(["-bdf", "-q1h"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.join("said")).unwrap())
        .process_group(0);
    command.spawn().expect("setpriv is part of util-linux")
}

fn assignment(name: &str, value: &Path) -> String {
    format!("{name}={}", value.display())
}

fn is_listening(process: &mut Child, port: u16) -> bool {
    while process.try_wait().unwrap().is_none() {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn is_root() -> bool {
    own_id("-u") == 0
}

/// The user and group that it runs as: the test's own, or nobody's instead of root's.
fn ids() -> [u32; 2] {
    if is_root() { [65534, 65534] } else { [own_id("-u"), own_id("-g")] }
}

fn own_id(which: &str) -> u32 {
    String::from_utf8(Command::new("id").arg(which).output().unwrap().stdout).unwrap().trim().parse().unwrap()
}
