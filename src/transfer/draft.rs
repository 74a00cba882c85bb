//! What may be announced.

use super::policy::needs_mailbox_code;
use super::size::size_text;
use protocol::sign_in::{Limits, Policy};
use protocol::transfers::{CreateTransfer, ObjectEntry};
use protocol::{DAY, ObjectId, Problem, ProblemKind, Timestamp, layout};
use std::collections::HashSet;

/// Seconds after its last sign of life at which a draft is swept: the tab was closed, its keys are gone.
pub const DRAFT_LIFETIME: i64 = DAY;

/// The shortest useful life of a link, in seconds; below it the mail may arrive dead.
const MIN_LIFETIME: i64 = 5 * 60;

/// How far (seconds) the browser's clock, by which the sender chose the end, may be ahead of ours.
const CLOCK_SLACK: i64 = 60 * 60;

/// An announced transfer that keeps the limits.
#[derive(Debug, Clone)]
pub struct Draft {
    /// As it was announced.
    pub request: CreateTransfer,
    /// Plaintext bytes of all files.
    pub total_len: u64,
}

impl Draft {
    /// Holds an announcement against the limits. Where the policy asks for a mailbox code, the draft does too, whatever was
    /// announced. To whom it may go is for [`super::check_recipient`].
    ///
    /// # Errors
    /// A problem that names the limit that is not kept.
    pub fn parse(
        mut request: CreateTransfer,
        limits: &Limits,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let mut ids = HashSet::new();
        if !request.objects.iter().all(|object| ids.insert(object.object_id)) {
            return Err(Problem::invalid("objects", "Two files have the same object id."));
        }
        let terms = Terms {
            object_lens: request.objects.iter().map(|object| object.object_len).collect(),
            max_openings: request.max_openings,
            expires_at: request.expires_at,
        };
        let total_len = terms.check(limits, now)?;
        if request.expires_at < now.plus(MIN_LIFETIME) {
            let detail = "The link would end before anyone could open it. Please choose a later end, and check this computer's clock.";
            return Err(Problem::invalid("expires_at", detail));
        }
        request.mailbox_code = needs_mailbox_code(policy.mailbox_code, request.recipient.kind, request.mailbox_code);
        Ok(Self { request, total_len })
    }
}

/// What the limits are about. They are asked when a transfer is announced and again when it is sealed: they may be tighter by
/// then.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Ciphertext bytes of each object.
    pub object_lens: Vec<u64>,
    /// How often it may be opened.
    pub max_openings: u32,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Terms {
    /// Holds them against the limits. Answers the plaintext bytes of all files.
    ///
    /// # Errors
    /// A problem that names the limit that is not kept.
    pub fn check(&self, limits: &Limits, now: Timestamp) -> Result<u64, Problem> {
        let files = self.object_lens.len();
        if files == 0 {
            return Err(Problem::invalid("objects", "Please choose at least one file."));
        }
        if files > limits.max_files as usize {
            let detail = format!(
                "You chose {files} files; one transfer holds {}. Please send the rest in another.",
                limits.max_files
            );
            return Err(Problem::new(ProblemKind::TooManyFiles, detail));
        }
        let mut total_len: u64 = 0;
        for (index, object_len) in self.object_lens.iter().enumerate() {
            total_len = total_len.saturating_add(parse_len(&format!("File {}", index + 1), *object_len, limits)?);
        }
        if total_len > limits.max_transfer_len {
            let detail = format!(
                "These files are {} together; the limit for one transfer is {}. Please send some of them in another.",
                size_text(total_len),
                size_text(limits.max_transfer_len)
            );
            return Err(Problem::new(ProblemKind::TransferTooLong, detail));
        }
        if self.max_openings == 0 || self.max_openings > limits.max_openings {
            let detail = format!("A transfer may be opened from 1 to {} times.", limits.max_openings);
            return Err(Problem::invalid("max_openings", detail));
        }
        if self.expires_at > now.plus(limits.max_lifetime).plus(CLOCK_SLACK) {
            let days = limits.max_lifetime / DAY;
            let detail = format!("A link works for {days} days at most. Please choose an earlier end.");
            return Err(Problem::invalid("expires_at", detail));
        }
        Ok(total_len)
    }
}

/// An object that takes the place of one that its draft gave up.
#[derive(Debug, Clone, Copy)]
pub struct Replacement {
    /// Made by the client.
    pub object_id: ObjectId,
    /// Ciphertext bytes.
    pub object_len: u64,
    /// Plaintext bytes.
    pub plain_len: u64,
}

impl Replacement {
    /// Holds one object against the limits that it can break alone.
    ///
    /// # Errors
    /// A problem that names the limit that is not kept.
    pub fn parse(entry: &ObjectEntry, limits: &Limits) -> Result<Self, Problem> {
        let ObjectEntry { object_id, object_len } = *entry;
        Ok(Self { object_id, object_len, plain_len: parse_len("The file", object_len, limits)? })
    }
}

/// The plaintext length of an object of this length.
fn parse_len(file: &str, object_len: u64, limits: &Limits) -> Result<u64, Problem> {
    if object_len > layout::object_len(limits.max_file_len) {
        let detail = format!("{file} is {}; the limit is {}.", size_text(object_len), size_text(limits.max_file_len));
        return Err(Problem { field: Some("objects".to_owned()), ..Problem::new(ProblemKind::ObjectTooLong, detail) });
    }
    layout::plain_len(object_len).ok_or_else(|| {
        Problem::invalid(
            "objects",
            format!("{file} cannot be {object_len} bytes once sealed: no file seals to that length."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::TransferId;
    use protocol::sign_in::MailboxRule;
    use protocol::transfers::{Recipient, RecipientKind};

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
    const POLICY: Policy =
        Policy { allowed_domains: Vec::new(), blocked_domains: Vec::new(), mailbox_code: MailboxRule::Offered };
    const LIMITS: Limits = Limits {
        max_files: 5,
        max_file_len: 20 << 30,
        max_transfer_len: 50 << 30,
        max_lifetime: 30 * DAY,
        max_openings: 100,
        max_transfers_per_day: 200,
        max_stored: 500 << 30,
    };

    fn request(plain_lens: &[u64]) -> CreateTransfer {
        let object = |(index, len): (usize, &u64)| ObjectEntry {
            object_id: ObjectId::from_bytes([u8::try_from(index).unwrap(); 16]),
            object_len: layout::object_len(*len),
        };
        CreateTransfer {
            transfer_id: TransferId::from_bytes([1; 16]),
            recipient: Recipient { email: "anna@clinic.example".into(), kind: RecipientKind::Clinician },
            expires_at: NOW.plus(7 * DAY),
            max_openings: 5,
            notify_opened: false,
            mailbox_code: false,
            objects: plain_lens.iter().enumerate().map(object).collect(),
        }
    }

    fn slug(request: CreateTransfer) -> (String, String) {
        let problem = Draft::parse(request, &LIMITS, &POLICY, NOW).unwrap_err();
        (problem.r#type.replace("/problems/", ""), problem.detail)
    }

    #[test]
    fn one_to_five_files_up_to_the_limits_may_be_announced() {
        for lens in [&[0][..], &[20 << 30], &[1, 2, 3, 4, 5], &[20 << 30, 20 << 30, 10 << 30]] {
            let draft = Draft::parse(request(lens), &LIMITS, &POLICY, NOW).unwrap();
            assert_eq!(draft.total_len, lens.iter().sum::<u64>());
        }
    }

    #[test]
    fn each_limit_is_named_when_it_is_not_kept() {
        assert_eq!(slug(request(&[])).0, "invalid-field");
        assert_eq!(slug(request(&[1; 6])).0, "too-many-files");
        assert_eq!(
            slug(request(&[26 << 30])),
            ("object-too-long".into(), "File 1 is 26.1 GB; the limit is 20 GB.".into())
        );
        assert_eq!(slug(request(&[20 << 30, 20 << 30, 11 << 30])).0, "transfer-too-long");
        let mut twice = request(&[1, 1]);
        twice.objects[1].object_id = twice.objects[0].object_id;
        assert_eq!(slug(twice).0, "invalid-field");
        for object_len in [0, 15, layout::CHUNK_LEN + 16, u64::MAX] {
            let mut odd = request(&[1]);
            odd.objects[0].object_len = object_len;
            assert!(["invalid-field", "object-too-long"].contains(&&*slug(odd).0), "{object_len}");
        }
    }

    #[test]
    fn the_end_lies_between_five_minutes_and_thirty_days_with_an_hour_for_wrong_clocks() {
        let ending = |seconds| {
            Draft::parse(CreateTransfer { expires_at: NOW.plus(seconds), ..request(&[1]) }, &LIMITS, &POLICY, NOW)
        };
        for good in [MIN_LIFETIME, 30 * DAY, 30 * DAY + CLOCK_SLACK] {
            assert!(ending(good).is_ok(), "{good}");
        }
        for bad in [i64::MIN, -1, MIN_LIFETIME - 1, 30 * DAY + CLOCK_SLACK + 1, i64::MAX] {
            assert_eq!(ending(bad).unwrap_err().field.as_deref(), Some("expires_at"), "{bad}");
        }
    }

    #[test]
    fn openings_are_one_to_the_limit() {
        for (openings, allowed) in [(0, false), (1, true), (100, true), (101, false)] {
            let request = CreateTransfer { max_openings: openings, ..request(&[1]) };
            assert_eq!(Draft::parse(request, &LIMITS, &POLICY, NOW).is_ok(), allowed, "{openings}");
        }
    }
}
