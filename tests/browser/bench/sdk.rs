//! What a transfer through a bucket stands beside: the same bytes to the same store by the same SDK, from a native program,
//! in parts of the same length with the same digests, as many at a time as a browser has workers.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, CorsConfiguration, CorsRule};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::layout::PART_LEN;
use sha2::{Digest, Sha256};

use crate::garage::{BUCKET, KEY_ID, REGION, SECRET};

/// The object's name.
const KEY: &str = "bare";

/// Seconds to upload this file to the store at `endpoint`.
pub(super) fn upload(endpoint: &str, path: &Path) -> f64 {
    let len = path.metadata().unwrap().len();
    let begun = Instant::now();
    let create = client(endpoint).create_multipart_upload().bucket(BUCKET).key(KEY);
    let upload = block_on(create.checksum_algorithm(ChecksumAlgorithm::Sha256).send()).unwrap().upload_id.unwrap();
    let mut parts = in_lanes(endpoint, len, async |client, n, from, to| {
        let mut part = vec![0; (to - from) as usize];
        File::open(path).unwrap().read_exact_at(&mut part, from).unwrap();
        let checksum = STANDARD.encode(Sha256::digest(&part));
        let number = i32::try_from(n + 1).unwrap();
        let put = client.upload_part().bucket(BUCKET).key(KEY).upload_id(&upload).part_number(number);
        let put = put.checksum_sha256(&checksum).body(ByteStream::from(part)).send().await.unwrap();
        CompletedPart::builder().part_number(number).e_tag(put.e_tag.unwrap()).checksum_sha256(checksum).build()
    });
    parts.sort_by_key(CompletedPart::part_number);
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = client(endpoint).complete_multipart_upload().bucket(BUCKET).key(KEY).upload_id(&upload);
    block_on(complete.multipart_upload(parts).send()).unwrap();
    begun.elapsed().as_secs_f64()
}

/// Signed addresses for the parts of an upload of `len` bytes, which pages of any origin may use.
pub(super) fn sign_parts(endpoint: &str, len: u64) -> Vec<String> {
    let client = client(endpoint);
    block_on(async {
        let rule =
            CorsRule::builder().allowed_origins("*").allowed_methods("PUT").allowed_headers("*").build().unwrap();
        let cors = CorsConfiguration::builder().cors_rules(rule).build().unwrap();
        client.put_bucket_cors().bucket(BUCKET).cors_configuration(cors).send().await.unwrap();
        let create = client.create_multipart_upload().bucket(BUCKET).key(KEY).send().await.unwrap();
        let upload = create.upload_id.unwrap();
        let mut urls = Vec::new();
        for number in 1..=i32::try_from(len.div_ceil(PART_LEN)).unwrap() {
            let put = client.upload_part().bucket(BUCKET).key(KEY).upload_id(&upload).part_number(number);
            let signed = put.presigned(PresigningConfig::expires_in(Duration::from_secs(3600)).unwrap()).await.unwrap();
            urls.push(signed.uri().to_owned());
        }
        urls
    })
}

/// Seconds to fetch what was uploaded, part by part, into memory.
pub(super) fn download(endpoint: &str, len: u64) -> f64 {
    let begun = Instant::now();
    in_lanes(endpoint, len, async |client, _, from, to| {
        let get = client.get_object().bucket(BUCKET).key(KEY).range(format!("bytes={from}-{}", to - 1));
        let part = get.send().await.unwrap().body.collect().await.unwrap();
        assert_eq!(part.into_bytes().len() as u64, to - from);
    });
    begun.elapsed().as_secs_f64()
}

/// Parts on their way at a time, as static/js/worker/pool.js counts them.
pub(super) fn lanes() -> usize {
    std::thread::available_parallelism().unwrap().get().clamp(2, 8)
}

/// Does something with each part of `len` bytes: its number, where it begins and where it ends. Each lane is a thread with a
/// client of its own.
fn in_lanes<T: Send>(endpoint: &str, len: u64, work: impl AsyncFn(&Client, u64, u64, u64) -> T + Sync) -> Vec<T> {
    let (next, parts) = (AtomicU64::new(0), len.div_ceil(PART_LEN));
    let lane = || {
        let client = client(endpoint);
        block_on(async {
            let mut done = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= parts {
                    return done;
                }
                done.push(work(&client, n, n * PART_LEN, len.min((n + 1) * PART_LEN)).await);
            }
        })
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes()).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// As src/blobs/s3/client.rs makes it.
fn client(endpoint: &str) -> Client {
    let config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(KEY_ID, SECRET, None, None, "the tests' own"))
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}
