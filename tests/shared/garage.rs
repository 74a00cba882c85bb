//! A real S3 server, Garage, for the tests of one process: started by the first that asks, ended with the process.
//!
//! Included by path in each test binary that needs it. Each test takes a prefix of its own in the one bucket.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use filmjacket::blobs::{Blobs, DirectSettings, S3, S3Settings};
use protocol::direct::SignedRequest;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The bucket that is there from the start.
pub(crate) const BUCKET: &str = "films";

/// What requests are signed for.
pub(crate) const REGION: &str = "garage";

/// The key that may do everything with the bucket, and make others. Known to everyone, for a server on loopback.
pub(crate) const KEY_ID: &str = "GK0123456789abcdef01234567";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

const MISSING: &str = "`cargo xtask test` installs what the tests run";

/// Where it listens, such as `http://127.0.0.1:3900`.
pub(crate) fn endpoint() -> &'static str {
    &single().0
}

/// The endpoint of the one server, and its configuration.
fn single() -> &'static (String, PathBuf) {
    static SINGLE: OnceLock<(String, PathBuf)> = OnceLock::new();
    SINGLE.get_or_init(|| {
        let folder = own_folder("one");
        let node = (0..TRIES).find_map(|_| start_single(&folder)).expect("Garage starts");
        (format!("http://127.0.0.1:{}", node.1), folder.join(CONFIG))
    })
}

/// The file with a server's configuration, in its folder.
const CONFIG: &str = "garage.toml";

/// A prefix that no other test has.
pub(crate) fn own_prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}/", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// How to reach the bucket through `endpoint`, below `prefix`.
pub(crate) fn settings(endpoint: &str, prefix: &str, spool: &Path) -> S3Settings {
    S3Settings {
        bucket: BUCKET.into(),
        endpoint: Some(endpoint.into()),
        region: REGION.into(),
        path_style: true,
        access_key_id: KEY_ID.into(),
        secret_access_key: SECRET.to_owned().into(),
        prefix: prefix.into(),
        server_side_encryption: None,
        spool: spool.to_owned(),
        deadline: Duration::from_secs(30),
        direct: None,
    }
}

/// The same bucket, to which pages of `site` may talk themselves.
pub(crate) fn direct_settings(prefix: &str, spool: &Path, site: &str) -> S3Settings {
    let direct = Some(DirectSettings { endpoint: None, site: site.into() });
    S3Settings { direct, ..settings(endpoint(), prefix, spool) }
}

/// A bucket that no other test has: rules for browsers are a bucket's as a whole.
pub(crate) fn make_bucket() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("films-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    // Not through the S3 API, whose buckets have names that only their key knows: browsers have no key when they first ask.
    let config = &single().1;
    administer(config, &["bucket", "create", &name]);
    administer(config, &["bucket", "allow", "--read", "--write", "--owner", &name, "--key", KEY_ID]);
    name
}

/// Runs Garage's own command; answers what it says.
fn administer(config: &Path, arguments: &[&str]) -> String {
    let output = command(config).args(arguments).output().expect(MISSING);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What the store's own administrator can do.
pub(crate) fn client() -> aws_sdk_s3::Client {
    use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region};
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(KEY_ID, SECRET, None, None, "tests"))
        .force_path_style(true)
        .endpoint_url(endpoint());
    aws_sdk_s3::Client::from_conf(config.build())
}

/// A request to the store exactly as it is given: what a browser does with a signed one, or somebody who means ill.
pub(crate) fn ask_store(method: &str, signed: &SignedRequest, body: &[u8]) -> (u16, Vec<u8>) {
    let (address, target) = signed.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let headers: String = signed.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let len = body.len();
    let head = format!(
        "{method} /{target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {len}\r\n{headers}\r\n"
    );
    let mut line = TcpStream::connect(address).unwrap();
    line.write_all(head.as_bytes()).unwrap();
    // Who is refused may be cut before all is sent.
    let _ = line.write_all(body);
    let mut answer = Vec::new();
    let _ = line.read_to_end(&mut answer);
    let end = memchr::memmem::find(&answer, b"\r\n\r\n").expect("the store answers");
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer.split_off(end + 4))
}

/// A store of a test's own.
pub(crate) fn blobs(spool: &Path) -> Blobs {
    Blobs::S3(S3::open(&settings(endpoint(), &own_prefix(), spool)).unwrap())
}

const TRIES: usize = 5;

/// Ports are chosen beforehand, for Garage does not tell them; should another process take one in between, it ends at
/// once and the next ones have their turn.
fn start_single(folder: &Path) -> Option<(Child, u16)> {
    let (s3, rpc) = (free_port(), free_port());
    let config = folder.join(CONFIG);
    fs::write(&config, config_text(folder, 1, s3, rpc)).unwrap();
    let mut server = command(&config);
    server.args(["server", "--single-node", "--default-bucket"]);
    server.env("GARAGE_DEFAULT_ACCESS_KEY", KEY_ID).env("GARAGE_DEFAULT_SECRET_KEY", SECRET);
    server.env("GARAGE_DEFAULT_BUCKET", BUCKET);
    let mut process = spawn(server, &folder.join("log.txt"));
    answers(&mut process, s3).then_some((process, s3))
}

/// Whether it listens before it ends.
pub(crate) fn answers(process: &mut Child, port: u16) -> bool {
    while process.try_wait().unwrap().is_none() {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

pub(crate) fn config_text(folder: &Path, replicas: u8, s3: u16, rpc: u16) -> String {
    let folder = folder.display();
    let rpc_secret = SECRET;
    // No syncing: a test's bytes need not survive a power cut. A part is eight blocks instead of one a MiB.
    format!(
        "metadata_dir = \"{folder}/meta\"\ndata_dir = \"{folder}/data\"\ndb_engine = \"sqlite\"\n\
         metadata_fsync = false\ndata_fsync = false\ndisable_scrub = true\nreplication_factor = {replicas}\n\
         compression_level = \"none\"\nrpc_bind_addr = \"127.0.0.1:{rpc}\"\nrpc_public_addr = \"127.0.0.1:{rpc}\"\n\
         rpc_secret = \"{rpc_secret}\"\n[s3_api]\ns3_region = \"{REGION}\"\napi_bind_addr = \"127.0.0.1:{s3}\"\n\
         [admin]\n"
    )
}

/// Garage with this configuration.
pub(crate) fn command(config: &Path) -> Command {
    let garage = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/garage/bin/garage");
    // Killed when the thread that started it ends, and so with this process, however that ends.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(garage).arg("--config").arg(config);
    command.stdin(Stdio::null()).env("RUST_LOG", "garage=info");
    command
}

/// Starts a server from a thread that lives as long as this process.
pub(crate) fn spawn(mut command: Command, log: &Path) -> Child {
    let log = fs::File::create(log).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        send.send(command.spawn().expect(MISSING)).unwrap();
        loop {
            std::thread::park();
        }
    });
    receive.recv().unwrap()
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A folder for as long as this process lives: nobody removes it at the end, so what dead processes left goes first.
pub(crate) fn own_folder(name: &str) -> PathBuf {
    let above = Path::new(env!("CARGO_TARGET_TMPDIR")).join("garage");
    fs::create_dir_all(&above).unwrap();
    for old in fs::read_dir(&above).unwrap() {
        let old = old.unwrap().path();
        let owner = old.file_name().and_then(|name| name.to_str()?.split('-').next());
        if owner.is_none_or(|pid| !Path::new("/proc").join(pid).exists()) {
            // Another process may be faster.
            let _ = fs::remove_dir_all(old);
        }
    }
    let own = above.join(format!("{}-{name}", std::process::id()));
    fs::create_dir_all(&own).unwrap();
    own
}

/// Three machines that keep everything three times. Killed with the process that started them.
pub(crate) struct Cluster {
    nodes: Vec<Child>,
    ports: Vec<u16>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let which = NEXT.fetch_add(1, Ordering::Relaxed);
        let folders: Vec<PathBuf> = (1..=3).map(|n| own_folder(&format!("three-{which}-{n}"))).collect();
        let ports: Vec<(u16, u16)> = folders.iter().map(|_| (free_port(), free_port())).collect();
        let configs: Vec<PathBuf> = folders.iter().map(|folder| folder.join(CONFIG)).collect();
        let mut nodes = Vec::new();
        for ((folder, config), (s3, rpc)) in folders.iter().zip(&configs).zip(&ports) {
            fs::write(config, config_text(folder, 3, *s3, *rpc)).unwrap();
            let mut server = command(config);
            server.arg("server");
            let mut node = spawn(server, &folder.join("log.txt"));
            assert!(answers(&mut node, *s3) && answers(&mut node, *rpc), "Garage starts");
            nodes.push(node);
        }
        // `id@address`
        let ids: Vec<String> =
            configs.iter().map(|config| administer(config, &["node", "id", "--quiet"]).trim().to_owned()).collect();
        let first = configs[0].as_path();
        for (n, id) in (1..).zip(&ids) {
            if n > 1 {
                administer(first, &["node", "connect", id]);
            }
            let node = id.split('@').next().unwrap_or_default();
            administer(first, &["layout", "assign", "--zone", &format!("zone{n}"), "--capacity", "1G", node]);
        }
        administer(first, &["layout", "apply", "--version", "1"]);
        administer(first, &["key", "import", "--yes", "-n", "tests", KEY_ID, SECRET]);
        administer(first, &["bucket", "create", BUCKET]);
        administer(first, &["bucket", "allow", "--read", "--write", "--owner", BUCKET, "--key", KEY_ID]);
        Self { nodes, ports: ports.into_iter().map(|(s3, _)| s3).collect() }
    }

    pub(crate) fn endpoint(&self, node: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[node])
    }

    /// kill -9
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].kill().unwrap();
        self.nodes[node].wait().unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // One of them may be dead already.
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}
