//! Settings that read well and give people away: each is refused with a sentence that says what to do.

use super::{MailWay, Reading, SmtpSecurity, SmtpSettings, Storage};
use protocol::direct::Way;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

impl Reading {
    /// One sentence for each thing that is unsafe; none when all is well. Reads the modes of the files that hold secrets.
    pub fn dangers(&self) -> Vec<String> {
        let found = [
            self.open_line(),
            self.wrong_scheme(),
            self.forgeable_addresses(),
            self.open_figures(),
            self.mail_on_disk(),
            self.mail_in_clear(),
            self.unfit_bucket(),
            self.provider_in_clear(),
        ];
        found.into_iter().flatten().chain(self.readable_files()).collect()
    }

    /// Whether others than this machine's own people are served.
    fn is_public(&self) -> bool {
        !self.config.listen.ip().is_loopback() || !self.config.public_url.is_loopback()
    }

    fn open_line(&self) -> Option<String> {
        let config = &self.config;
        let protected = config.tls.is_some() || !config.trusted_proxies.is_empty();
        (self.is_public() && !protected).then(|| {
            format!(
                "{} is served in clear on {}: set [tls], or have a proxy do TLS and name it in trusted_proxies",
                config.public_url.origin(),
                config.listen
            )
        })
    }

    fn wrong_scheme(&self) -> Option<String> {
        let origin = self.config.public_url.origin();
        (self.config.tls.is_some() && !self.config.public_url.is_https())
            .then(|| format!("[tls] is set, but every link would begin with {origin}: set public_url to https://…"))
    }

    fn forgeable_addresses(&self) -> Option<String> {
        let everyone = self.config.trusted_proxies.iter().find(|net| net.prefix_len() == 0)?;
        Some(format!("trusted_proxies holds {everyone}, so that anyone can claim any address: name your proxies only"))
    }

    fn open_figures(&self) -> Option<String> {
        let address = self.config.metrics_listen?;
        let is_ours = match address.ip() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
        };
        (!is_ours)
            .then(|| format!("metrics_listen {address} may be asked by anyone: take a loopback or private address"))
    }

    fn mail_on_disk(&self) -> Option<String> {
        let MailWay::Folder(folder) = &self.config.mail.way else { return None };
        self.is_public().then(|| {
            format!(
                "mail is written to {} and told on the console, links and codes among it: set [mail.smtp]",
                folder.display()
            )
        })
    }

    fn mail_in_clear(&self) -> Option<String> {
        let MailWay::Smtp(SmtpSettings { host, security: SmtpSecurity::None, .. }) = &self.config.mail.way else {
            return None;
        };
        (!is_this_machine(host))
            .then(|| format!("mail would go to {host} without encryption: set mail.smtp.security to tls or starttls"))
    }

    /// Of a bucket that browsers talk to.
    fn unfit_bucket(&self) -> Option<String> {
        let Storage::S3(s3) = &self.config.storage else { return None };
        let endpoint = s3.browser_endpoint().filter(|_| s3.mode == Way::Direct)?;
        let host = url::Url::parse(endpoint).ok().and_then(|url| Some(url.host_str()?.to_owned())).unwrap_or_default();
        if is_this_machine(host.trim_matches(['[', ']'])) {
            return self.is_public().then(|| {
                format!("browsers would look for the bucket on their own machine, {endpoint}: set storage.s3.public_endpoint")
            });
        }
        (!endpoint.starts_with("https://")).then(|| {
            format!(
                "browsers would talk to the bucket in clear, at {endpoint}: take an https:// address for direct mode"
            )
        })
    }

    fn provider_in_clear(&self) -> Option<String> {
        let issuer = url::Url::parse(&self.config.single_sign_on.as_ref()?.issuer).ok()?;
        let host = issuer.host_str().unwrap_or_default().trim_matches(['[', ']']);
        (issuer.scheme() != "https" && !is_this_machine(host)).then(|| {
            format!(
                "whoever is on the way to {issuer} could sign in as anybody: single_sign_on.issuer must be https://…"
            )
        })
    }

    fn readable_files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let key = self.config.data.join("server.key");
        if self.config.server_key.is_none() && allows(&key, 0o077) {
            found.push(format!(
                "the server key {0} may be read by others than its owner: run chmod 600 {0}",
                key.display()
            ));
        }
        let keys = [self.config.tls.as_ref().map(|tls| &tls.key), self.config.mail.dkim.as_ref().map(|dkim| &dkim.key)];
        for key in keys.into_iter().flatten().filter(|key| allows(key, 0o007)) {
            found.push(format!(
                "the key {0} may be read by everyone on this machine: run chmod o-rwx {0}",
                key.display()
            ));
        }
        let secrets = self.secrets_in_file();
        // The group may read it: that is how a service account reads a file of root's.
        if let Some(file) = self.file.as_deref().filter(|file| !secrets.is_empty() && allows(file, 0o007)) {
            found.push(format!(
                "{0} holds {1} and may be read by everyone on this machine: run chmod 640 {0}",
                file.display(),
                secrets.join(" and ")
            ));
        }
        found
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the file is there and any of these permissions is given.
fn allows(path: &Path, permissions: u32) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & permissions != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "public_url = \"https://films.clinic.example\"\nsign_in.allow = [\"clinic.example\"]\n";
    const MAIL: &str = "[mail.smtp]\nhost = \"mail.clinic.example\"\n";

    fn dangers(text: &str) -> Vec<String> {
        Reading::parse(text, std::iter::empty()).unwrap().dangers()
    }

    #[track_caller]
    fn only(text: &str, about: &str) {
        let found = dangers(text);
        assert!(found.len() == 1 && found[0].contains(about), "{text}\n{found:?}");
    }

    #[test]
    fn a_newcomers_server_and_one_behind_its_proxy_are_safe() {
        assert!(dangers("").is_empty());
        assert!(dangers(&format!("trusted_proxies = [\"10.0.0.1/32\"]\n{PUBLIC}{MAIL}")).is_empty());
    }

    #[test]
    fn a_public_address_in_clear_is_refused() {
        only(&format!("{PUBLIC}{MAIL}"), "in clear");
        only(&format!("listen = \"0.0.0.0:80\"\n{PUBLIC}{MAIL}"), "in clear");
    }

    #[test]
    fn tls_of_our_own_is_enough_and_wants_links_that_say_so() {
        let tls = "[tls]\ncertificate = \"/nowhere/a\"\nkey = \"/nowhere/b\"\n";
        assert!(dangers(&format!("{PUBLIC}{MAIL}{tls}")).is_empty());
        only(&format!("public_url = \"http://localhost:1\"\n{tls}"), "https://");
    }

    #[test]
    fn everyone_as_a_trusted_proxy_is_refused() {
        only(&format!("trusted_proxies = [\"0.0.0.0/0\"]\n{PUBLIC}{MAIL}"), "claim any address");
    }

    #[test]
    fn figures_for_everyone_are_refused() {
        only("metrics_listen = \"0.0.0.0:9464\"", "metrics_listen");
        only("metrics_listen = \"203.0.113.9:9464\"", "metrics_listen");
        assert!(dangers("metrics_listen = \"10.1.2.3:9464\"").is_empty());
    }

    #[test]
    fn a_mail_folder_on_a_public_server_is_refused() {
        only(&format!("trusted_proxies = [\"10.0.0.1/32\"]\n{PUBLIC}"), "[mail.smtp]");
    }

    #[test]
    fn mail_in_clear_to_another_machine_is_refused() {
        only(&format!("{MAIL}security = \"none\"\n"), "without encryption");
        assert!(dangers("[mail.smtp]\nhost = \"127.0.0.1\"\nsecurity = \"none\"\n").is_empty());
    }

    #[test]
    fn a_bucket_that_browsers_cannot_reach_safely_is_refused() {
        let bucket =
            "[storage.s3]\nbucket = \"films\"\nregion = \"x\"\naccess_key_id = \"x\"\nsecret_access_key = \"x\"\n";
        let direct = |settings: &str| format!("{bucket}mode = \"direct\"\n{settings}");
        let public =
            |settings: &str| format!("trusted_proxies = [\"10.0.0.1/32\"]\n{PUBLIC}{MAIL}{}", direct(settings));
        only(&direct("endpoint = \"http://s3.clinic.example\"\n"), "in clear");
        only(&public("endpoint = \"http://127.0.0.1:3900\"\n"), "their own machine");
        only(&public("endpoint = \"http://[::1]:3900\"\n"), "their own machine");
        let inside = "endpoint = \"http://10.0.0.2:3900\"\npublic_endpoint = \"https://s3.clinic.example\"\n";
        for safe in ["", "endpoint = \"https://s3.clinic.example\"\n", inside] {
            assert!(dangers(&public(safe)).is_empty(), "{safe}");
        }
        assert!(dangers(&direct("endpoint = \"http://127.0.0.1:3900\"\n")).is_empty());
        assert!(dangers(&format!("{bucket}endpoint = \"http://10.0.0.2:3900\"\n")).is_empty());
    }

    #[test]
    fn a_provider_in_clear_on_another_machine_is_refused() {
        let with = |issuer: &str| {
            format!("[single_sign_on]\nissuer = \"{issuer}\"\nclient_id = \"films\"\nclient_secret = \"x\"\n")
        };
        only(&with("http://login.clinic.example"), "single_sign_on.issuer");
        for safe in ["https://login.clinic.example", "http://localhost:8081/realms/x", "http://[::1]:80"] {
            assert!(dangers(&with(safe)).is_empty(), "{safe}");
        }
    }

    #[test]
    fn files_with_secrets_that_others_may_read_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let dangers = |text: &str, mode| {
            let text = format!("data = {:?}\n{text}", folder.path());
            Reading::read(Some(&write("filmjacket.toml", &text, mode))).unwrap().dangers()
        };
        let secret = format!("{MAIL}username = \"images\"\npassword = \"x\"\n");
        assert!(dangers(&secret, 0o640).is_empty());
        assert!(dangers(MAIL, 0o644).is_empty());
        let [found] = &dangers(&secret, 0o644)[..] else { panic!("one danger") };
        assert!(found.contains("mail.smtp.password") && found.contains("chmod 640"), "{found}");
        write("server.key", "", 0o640);
        let [found] = &dangers(MAIL, 0o644)[..] else { panic!("one danger") };
        assert!(found.contains("server.key") && found.contains("chmod 600"), "{found}");
    }
}
