//! What a test sends.

use super::site::Site;
use super::{DAY, HOUR};
use envelope::{FileDetails, Passcode, Sealing, SealingDetails};
use protocol::transfers::{CreateTransfer, ObjectEntry, Recipient, RecipientKind, SealRequest};
use protocol::{Base64Bytes, ObjectId, Proof, Timestamp, TransferId, layout};

/// A file, really sealed.
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl File {
    pub(crate) fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.to_owned(), bytes: bytes.into() }
    }
}

/// A transfer in its sender's hands: the announcement, the sealed bytes, and what the seal needs.
pub(crate) struct Parcel {
    pub(crate) create: CreateTransfer,
    pub(crate) objects: Vec<Vec<u8>>,
    capsule: Vec<u8>,
    manifest: Vec<u8>,
    proof: [u8; 32],
    pub(crate) passcode: Option<Passcode>,
}

impl Parcel {
    /// One that the server takes for sealed: of the right lengths, but nobody could open it. Saves Argon2id where a
    /// test is not about contents.
    pub(crate) fn scribble(site: &Site, plain_lens: &[u64]) -> Self {
        let objects: Vec<Vec<u8>> = plain_lens.iter().map(|len| scribble(layout::object_len(*len))).collect();
        let entry = |object: &Vec<u8>| ObjectEntry {
            object_id: ObjectId::from_bytes(random()),
            object_len: object.len() as u64,
        };
        let create = announce(TransferId::from_bytes(random()), site, objects.iter().map(entry).collect());
        let mut capsule = b"FILMJKT1\x01\x01\x00\x00".to_vec();
        capsule.extend(create.transfer_id.as_bytes());
        capsule.extend(random::<16>());
        capsule.extend(create.expires_at.as_unix().to_be_bytes());
        capsule.extend(scribble(220 - 52));
        let manifest = [b"age-encryption.org/v1\n".to_vec(), scribble(4096 + 200)].concat();
        Self { create, objects, capsule, manifest, proof: random(), passcode: None }
    }

    /// One that is really sealed.
    pub(crate) fn seal(site: &Site, message: &str, files: &[File]) -> Self {
        let mut sealing = Sealing::make().unwrap();
        for file in files {
            sealing.add_file(file.bytes.len() as u64).unwrap();
        }
        let entry = |index| ObjectEntry {
            object_id: ObjectId::from_bytes(*sealing.object_id(index).unwrap()),
            object_len: sealing.object_len(index).unwrap(),
        };
        let entries = (0..files.len()).map(entry).collect();
        let create = announce(TransferId::from_bytes(*sealing.transfer_id()), site, entries);
        let objects = files.iter().enumerate().map(|(index, file)| seal_object(&mut sealing, index, file)).collect();
        let details = SealingDetails {
            not_after: create.expires_at.as_unix().cast_unsigned(),
            created: site.clock.now().as_unix().cast_unsigned(),
            sender: envelope::manifest::Sender { name: "Dr. Ana Ruiz".into(), email: "ruiz@north.example".into() },
            message: message.to_owned(),
            files: files
                .iter()
                .map(|file| FileDetails { name: file.name.clone(), media_type: String::new() })
                .collect(),
        };
        let passcode = sealing.passcode().clone();
        let sealed = sealing.finish(details).unwrap();
        Self {
            create,
            objects,
            capsule: sealed.capsule.to_vec(),
            manifest: sealed.manifest,
            proof: *sealed.proof.as_bytes(),
            passcode: Some(passcode),
        }
    }

    /// Another end, for a scribbled one.
    pub(crate) fn ending(mut self, expires_at: Timestamp) -> Self {
        assert!(self.passcode.is_none(), "a sealed capsule fixes its end");
        self.create.expires_at = expires_at;
        self.capsule[44..52].copy_from_slice(&expires_at.as_unix().to_be_bytes());
        self
    }

    pub(crate) fn to(mut self, address: &str) -> Self {
        self.create.recipient.email = address.to_owned();
        self
    }

    pub(crate) fn openings(mut self, max_openings: u32) -> Self {
        self.create.max_openings = max_openings;
        self
    }

    pub(crate) fn telling_when_opened(mut self) -> Self {
        self.create.notify_opened = true;
        self
    }

    pub(crate) fn asking_for_a_mailbox_code(mut self) -> Self {
        self.create.mailbox_code = true;
        self
    }

    pub(crate) fn for_a_patient(mut self) -> Self {
        self.create.recipient.kind = RecipientKind::Patient;
        self
    }

    pub(crate) fn id(&self) -> TransferId {
        self.create.transfer_id
    }

    /// `/api/v1/transfers/{transfer_id}`
    pub(crate) fn path(&self) -> String {
        format!("/api/v1/transfers/{}", self.id())
    }

    pub(crate) fn object_id(&self, index: usize) -> ObjectId {
        self.create.objects[index].object_id
    }

    pub(crate) fn part_path(&self, index: usize, n: usize) -> String {
        format!("{}/objects/{}/parts/{n}", self.path(), self.object_id(index))
    }

    pub(crate) fn part(&self, index: usize, n: usize) -> Vec<u8> {
        self.objects[index].chunks(layout::PART_LEN as usize).nth(n).unwrap().to_vec()
    }

    /// All parts: which object, which part of it.
    pub(crate) fn parts(&self) -> Vec<(usize, usize)> {
        let count = |object: &Vec<u8>| layout::part_count(object.len() as u64) as usize;
        self.objects
            .iter()
            .enumerate()
            .flat_map(|(index, object)| (0..count(object)).map(move |n| (index, n)))
            .collect()
    }

    pub(crate) fn proof(&self) -> Proof {
        Proof::from_bytes(self.proof)
    }

    pub(crate) fn seal_request(&self) -> SealRequest {
        SealRequest {
            capsule: Base64Bytes(self.capsule.clone()),
            manifest: Base64Bytes(self.manifest.clone()),
            proof: self.proof(),
        }
    }
}

fn announce(transfer_id: TransferId, site: &Site, objects: Vec<ObjectEntry>) -> CreateTransfer {
    CreateTransfer {
        transfer_id,
        recipient: Recipient { email: "anna@clinic.example".into(), kind: RecipientKind::Clinician },
        expires_at: site.clock.now().plus(7 * DAY + HOUR),
        max_openings: 5,
        notify_opened: false,
        mailbox_code: false,
        objects,
    }
}

fn seal_object(sealing: &mut Sealing, index: usize, file: &File) -> Vec<u8> {
    let part_plain_len = (layout::CHUNK_PLAIN_LEN * layout::CHUNKS_PER_PART) as usize;
    let mut object = Vec::new();
    for n in 0..sealing.part_count(index).unwrap() {
        let from = n as usize * part_plain_len;
        let mut part = file.bytes[from..file.bytes.len().min(from + part_plain_len)].to_vec();
        sealing.seal_part(index, n, &mut part).unwrap();
        object.extend(part);
    }
    object
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Random bytes.
pub(crate) fn scribble(len: u64) -> Vec<u8> {
    let mut bytes = vec![0; len as usize];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}
