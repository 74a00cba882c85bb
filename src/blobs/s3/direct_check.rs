//! Whether browsers on our pages, and on no others, can use a bucket by signed requests: tried with requests as browsers
//! send them, because the store's word that they may (CORS) counts for browsers only. And the rule that lets them.

use super::check::digest_of;
use super::direct::Direct;
use super::fault::{fault, is_code};
use super::{Finding, S3};
use crate::blobs::{ObjectParts, PartKey, SIGNED_FOR};
use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::primitives::SdkBody;
use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use bytes::Bytes;
use protocol::direct::SignedRequest;
use protocol::{ObjectId, Timestamp};

/// How our rule is known among others.
const RULE_ID: &str = "filmjacket-pages";

/// What our pages send beside what every page may. In lower case, as browsers ask: some stores compare letter by letter.
const ASKED: [&str; 2] = ["range", "x-amz-checksum-sha256"];

/// What our pages may read of an answer, beside what every page may.
const EXPOSED: [&str; 4] = ["ETag", "Content-Length", "Content-Range", "x-amz-checksum-sha256"];

/// Seconds for which a browser may remember the rule.
const REMEMBERED: i32 = 600;

/// A page of nobody's.
const FOREIGN: &str = "https://elsewhere.invalid";

const PROBE: &[u8] = b"Filmjacket tries whether browsers reach this bucket.";

impl S3 {
    /// Tries everything, with an object that is nobody's. What is left of it is for the caller to delete.
    pub(super) async fn check_direct(&self, direct: &Direct, probe: &ObjectId, now: Timestamp) -> Vec<Finding> {
        let finding = |what, outcome| Finding { what, outcome };
        vec![
            finding("take a part from our pages by a signed request", self.try_signed_put(direct, probe, now).await),
            finding("give a part to our pages by a signed request", self.try_signed_get(direct, probe, now).await),
            finding("refuse other bytes than were signed for", self.try_other_bytes(probe, now).await),
            finding("refuse a signed request after its time", self.try_late(probe, now).await),
            finding("tell browsers that our pages may (CORS)", self.try_preflight(&direct.site, probe, now).await),
            finding("tell browsers that other pages may not", self.try_foreign(probe, now).await),
        ]
    }

    async fn try_signed_put(&self, direct: &Direct, probe: &ObjectId, now: Timestamp) -> Result<(), String> {
        let upload = self.begin_object(probe).await.map_err(|error| error.to_string())?;
        let len = PROBE.len() as u64;
        let signed = self.sign_put(&upload, &probe_key(probe), len, now).await.map_err(|error| error.to_string())?;
        let answer = ask("PUT", &signed, &direct.site, Bytes::from_static(PROBE)).await?;
        expect(answer, 200, &direct.site).await?;
        let object = ObjectParts { object_id: *probe, object_len: len, digests: vec![digest_of(PROBE)] };
        self.complete_object(&upload, &object).await.map_err(|error| error.to_string())
    }

    async fn try_signed_get(&self, direct: &Direct, probe: &ObjectId, now: Timestamp) -> Result<(), String> {
        let (len, all) = (PROBE.len() - 10, PROBE.len());
        let signed = self.sign_get(probe, 0, len as u64, now).await.map_err(|error| error.to_string())?;
        let answer = ask("GET", &signed, &direct.site, Bytes::new()).await?;
        let range = answer.headers().get("content-range").map(str::to_owned);
        if expect(answer, 206, &direct.site).await? != PROBE[..len] {
            return Err("other bytes came back than were sent".to_owned());
        }
        let right = format!("bytes 0-{}/{all}", len - 1);
        if range.as_ref() == Some(&right) { Ok(()) } else { Err(format!("Content-Range is {range:?}, not {right}")) }
    }

    async fn try_other_bytes(&self, probe: &ObjectId, now: Timestamp) -> Result<(), String> {
        let upload = self.begin_object(probe).await.map_err(|error| error.to_string())?;
        let other = PROBE.to_ascii_uppercase();
        for bytes in [other, [PROBE, b"!"].concat()] {
            let signed = self.sign_put(&upload, &probe_key(probe), PROBE.len() as u64, now).await;
            let signed = signed.map_err(|error| error.to_string())?;
            let status = ask("PUT", &signed, FOREIGN, bytes.into()).await?.status().as_u16();
            if !(400..500).contains(&status) {
                return Err(format!("it answered {status}: this store must not be used in direct mode"));
            }
        }
        Ok(())
    }

    async fn try_late(&self, probe: &ObjectId, now: Timestamp) -> Result<(), String> {
        let then = now.plus(-3 * i64::try_from(SIGNED_FOR.as_secs()).unwrap_or(i64::MAX / 3));
        let signed = self.sign_get(probe, 0, 1, then).await.map_err(|error| error.to_string())?;
        match ask("GET", &signed, FOREIGN, Bytes::new()).await?.status().as_u16() {
            400..500 => Ok(()),
            status => Err(format!("it answered {status}: are the clocks of this machine and the store set by NTP?")),
        }
    }

    async fn try_preflight(&self, site: &str, probe: &ObjectId, now: Timestamp) -> Result<(), String> {
        for method in ["PUT", "GET"] {
            let allowed = self.preflight(method, site, probe, now).await?;
            if !allowed {
                return Err(format!("{site} may not {method}: run `filmjacket storage setup`"));
            }
        }
        Ok(())
    }

    async fn try_foreign(&self, probe: &ObjectId, now: Timestamp) -> Result<(), String> {
        for method in ["PUT", "GET"] {
            if self.preflight(method, FOREIGN, probe, now).await? {
                return Err(format!("any page may {method}: is there a rule for all origins in the bucket's CORS?"));
            }
        }
        Ok(())
    }

    /// Asks as a browser does before it lets a page at `origin` make a request, and reads the answer as it does.
    async fn preflight(&self, method: &str, origin: &str, probe: &ObjectId, now: Timestamp) -> Result<bool, String> {
        let signed = self.sign_get(probe, 0, 1, now).await.map_err(|error| error.to_string())?;
        let asked = [("access-control-request-method", method), ("access-control-request-headers", &ASKED.join(","))];
        let headers = asked.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let answer = ask("OPTIONS", &SignedRequest { headers, ..signed }, origin, Bytes::new()).await?;
        let lists = |header: &str, wanted: &str| {
            let list = answer.headers().get(header).unwrap_or_default();
            list.split(',').map(str::trim).any(|one| one == "*" || one.eq_ignore_ascii_case(wanted))
        };
        Ok(answer.status().is_success()
            && is_open_to(&answer, origin)
            && lists("access-control-allow-methods", method)
            && ASKED.iter().all(|name| lists("access-control-allow-headers", name)))
    }

    /// Has the bucket tell browsers that our pages may talk to it. Other rules of the bucket stay.
    pub(super) async fn set_up_cors(&self, direct: &Direct) -> Result<(), String> {
        let mut rules = match self.client.get_bucket_cors().bucket(&self.bucket).send().await {
            Ok(told) => told.cors_rules.unwrap_or_default(),
            Err(error) if is_code(&error, &["NoSuchCORSConfiguration"]) => Vec::new(),
            Err(error) => return Err(fault("GetBucketCors", &error).to_string()),
        };
        rules.retain(|rule| rule.id.as_deref() != Some(RULE_ID));
        let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
        let ours = CorsRule::builder()
            .id(RULE_ID)
            .allowed_origins(&direct.site)
            .set_allowed_methods(texts(&["GET", "PUT"]))
            .set_allowed_headers(texts(&ASKED))
            .set_expose_headers(texts(&EXPOSED))
            .max_age_seconds(REMEMBERED)
            .build();
        rules.push(ours.map_err(|error| error.to_string())?);
        let rules = CorsConfiguration::builder().set_cors_rules(Some(rules)).build();
        let rules = rules.map_err(|error| error.to_string())?;
        let put = self.client.put_bucket_cors().bucket(&self.bucket).cors_configuration(rules);
        put.send().await.map(drop).map_err(|error| fault("PutBucketCors", &error).to_string())
    }
}

fn probe_key(probe: &ObjectId) -> PartKey {
    PartKey { object_id: *probe, n: 0, sha256: digest_of(PROBE) }
}

/// Makes a request as a page at `origin` would.
async fn ask(method: &str, signed: &SignedRequest, origin: &str, body: Bytes) -> Result<HttpResponse, String> {
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method(method).map_err(|error| error.to_string())?;
    request.set_uri(signed.url.as_str()).map_err(|error| error.to_string())?;
    for (name, value) in &signed.headers {
        request.headers_mut().insert(name.clone(), value.clone());
    }
    request.headers_mut().insert("origin", origin.to_owned());
    let http = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring)).build();
    http.call(request).await.map_err(|error| format!("browsers' address does not answer: {error:?}"))
}

/// The body of an answer with this status that a page at `origin` may read.
async fn expect(answer: HttpResponse, status: u16, origin: &str) -> Result<Bytes, String> {
    let (told, may_read) = (answer.status().as_u16(), is_open_to(&answer, origin));
    let body = aws_sdk_s3::primitives::ByteStream::new(answer.into_body()).collect().await;
    let body = body.map_err(|error| error.to_string())?.into_bytes();
    match (told == status, may_read) {
        (true, true) => Ok(body),
        (true, false) => Err(format!("{origin} may not read the answer: run `filmjacket storage setup`")),
        (false, _) => {
            let body = String::from_utf8_lossy(&body);
            let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
            Err(format!("it answered {told} {}", code.unwrap_or_default()))
        }
    }
}

fn is_open_to(answer: &HttpResponse, origin: &str) -> bool {
    answer.headers().get("access-control-allow-origin").is_some_and(|allowed| allowed == origin || allowed == "*")
}
