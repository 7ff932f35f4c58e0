//! The codec: lifts marked fields out of a message's bytes, seals them, and puts them back.
//!
//! It works on the wire form. A protobuf message is a run of (tag, value) pieces and two runs behind each other are
//! their merge, so "the partial message of the marked fields" is simply those pieces.

use std::{collections::BTreeMap, collections::HashMap, sync::Arc};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use bytes::Bytes;
use proto::envelope::{Parcel, Sealed};
use uuid::Uuid;

use super::{
    Class,
    keys::{DataKey, KeyAnswer, KeyRing, KeyWanted},
    plan::{MessagePlan, Plans},
};
use crate::event::{Plain, Recorded};

#[derive(Clone, Debug, thiserror::Error)]
pub enum SealingError {
    /// The keys cannot be reached now; nothing is written in the clear meanwhile.
    #[error("the key store is unavailable: {0}")]
    Unavailable(String),
    #[error("the {class:?} key of {subject} was destroyed")]
    Destroyed { subject: Uuid, class: Class },
    #[error("no {class:?} key is known for {subject}")]
    UnknownSubject { subject: Uuid, class: Class },
    /// A fault of ours: a marked field without the field that names its subject.
    #[error("{kind} has marked fields but no subject")]
    NoSubject { kind: String },
    #[error("a sealed part of {kind} does not open: {detail}")]
    Tampered { kind: String, detail: String },
}

/// Seals what is about to be kept and opens what is read.
#[derive(Clone)]
pub struct Sealer {
    plans: &'static Plans,
    ring: Arc<dyn KeyRing>,
}

/// The marked pieces of a message by (subject, class), beside what stays in the clear.
struct Split {
    clear: Vec<u8>,
    parts: BTreeMap<(Uuid, Class), Vec<u8>>,
}

impl Sealer {
    pub fn new(ring: Arc<dyn KeyRing>) -> Self {
        Self { plans: Plans::of_contract(), ring }
    }

    /// Whether messages of this kind carry marked fields.
    pub fn seals(&self, kind: &str) -> bool {
        self.plans.of(kind).is_some()
    }

    /// For each message: its clear bytes and its sealed parts. `id` binds the ciphertext to its event.
    pub async fn seal(&self, messages: &[(Uuid, &Plain)]) -> Result<Vec<(Bytes, Vec<Sealed>)>, SealingError> {
        let mut splits = Vec::with_capacity(messages.len());
        let mut wanted: Vec<KeyWanted> = Vec::new();
        for (_, plain) in messages {
            let split = self.plans.of(&plain.kind).map(|plan| split(plan, plain)).transpose()?;
            for (subject, class) in split.iter().flat_map(|split| split.parts.keys()) {
                let key = KeyWanted { subject: *subject, class: *class, version: None };
                if !wanted.contains(&key) {
                    wanted.push(key);
                }
            }
            splits.push(split);
        }
        let keys = self.fetch(&wanted).await?;
        let mut sealed = Vec::with_capacity(messages.len());
        for ((id, plain), split) in messages.iter().zip(splits) {
            let Some(split) = split else {
                sealed.push((plain.payload.clone(), Vec::new()));
                continue;
            };
            let mut parts = Vec::with_capacity(split.parts.len());
            for ((subject, class), partial) in split.parts {
                let wanted = KeyWanted { subject, class, version: None };
                match keys.get(&wanted) {
                    Some(KeyAnswer::Key(key)) => {
                        parts.push(encrypt(key, subject, class, *id, partial, &plain.kind)?)
                    }
                    Some(KeyAnswer::Destroyed) => return Err(SealingError::Destroyed { subject, class }),
                    _ => return Err(SealingError::UnknownSubject { subject, class }),
                }
            }
            sealed.push((split.clear.into(), parts));
        }
        Ok(sealed)
    }

    /// Events as their readers see them: what cannot be opened because its key was destroyed is marked erased.
    pub async fn open(&self, events: &[Recorded]) -> Result<Vec<Plain>, SealingError> {
        let messages: Vec<Closed<'_>> = events
            .iter()
            .map(|event| Closed {
                id: event.event_id,
                kind: &event.kind,
                schema_ver: event.schema_ver,
                payload: &event.payload,
                sealed: &event.meta.sealed,
            })
            .collect();
        self.open_closed(&messages).await
    }

    /// A snapshot, a timer's payload or a state value, through the same codec.
    pub async fn parcel(&self, plain: &Plain) -> Result<Parcel, SealingError> {
        let id = Uuid::new_v4();
        let (payload, sealed) = self.seal(&[(id, plain)]).await?.pop().unwrap_or_default();
        Ok(Parcel {
            r#type: plain.kind.clone(),
            schema_ver: plain.schema_ver,
            payload,
            sealed,
            parcel_id: Bytes::copy_from_slice(id.as_bytes()),
        })
    }

    pub async fn open_parcel(&self, parcel: &Parcel) -> Result<Plain, SealingError> {
        let closed = Closed {
            id: Uuid::from_slice(&parcel.parcel_id).unwrap_or_default(),
            kind: &parcel.r#type,
            schema_ver: parcel.schema_ver,
            payload: &parcel.payload,
            sealed: &parcel.sealed,
        };
        let opened = self.open_closed(&[closed]).await?.pop();
        opened.ok_or_else(|| SealingError::Tampered {
            kind: parcel.r#type.clone(),
            detail: "nothing opened".to_owned(),
        })
    }

    /// Whether what was opened with these keys could still be.
    pub async fn has_all(&self, keys: &[KeyWanted]) -> Result<bool, SealingError> {
        if keys.is_empty() {
            return Ok(true);
        }
        let answers = self.ring.keys(keys).await?;
        Ok(answers.iter().all(|answer| matches!(answer, KeyAnswer::Key(_))))
    }

    async fn open_closed(&self, messages: &[Closed<'_>]) -> Result<Vec<Plain>, SealingError> {
        let mut wanted: Vec<KeyWanted> = Vec::new();
        for part in messages.iter().flat_map(|message| message.sealed) {
            let key = KeyWanted::of(part)?;
            if !wanted.contains(&key) {
                wanted.push(key);
            }
        }
        let keys = self.fetch(&wanted).await?;
        messages.iter().map(|message| message.open(&keys)).collect()
    }

    async fn fetch(&self, wanted: &[KeyWanted]) -> Result<HashMap<KeyWanted, KeyAnswer>, SealingError> {
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let answers = self.ring.keys(wanted).await?;
        Ok(wanted.iter().copied().zip(answers).collect())
    }
}

/// A message as it was kept.
struct Closed<'a> {
    id: Uuid,
    kind: &'a str,
    schema_ver: u32,
    payload: &'a Bytes,
    sealed: &'a [Sealed],
}

impl Closed<'_> {
    fn open(&self, keys: &HashMap<KeyWanted, KeyAnswer>) -> Result<Plain, SealingError> {
        let mut plain = Plain {
            kind: self.kind.to_owned(),
            schema_ver: self.schema_ver,
            payload: self.payload.clone(),
            erased: Vec::new(),
        };
        if self.sealed.is_empty() {
            return Ok(plain);
        }
        let mut bytes = self.payload.to_vec();
        for part in self.sealed {
            let wanted = KeyWanted::of(part)?;
            match keys.get(&wanted) {
                Some(KeyAnswer::Key(key)) => bytes.extend(decrypt(key, &wanted, self.id, part, self.kind)?),
                Some(KeyAnswer::Destroyed) => plain.erased.push(wanted.class),
                _ => {
                    return Err(SealingError::UnknownSubject {
                        subject: wanted.subject,
                        class: wanted.class,
                    });
                }
            }
        }
        plain.payload = bytes.into();
        Ok(plain)
    }
}

impl KeyWanted {
    /// The key that opens a sealed part.
    pub(crate) fn of(part: &Sealed) -> Result<Self, SealingError> {
        let tampered = |detail: &str| SealingError::Tampered {
            kind: "a sealed part".to_owned(),
            detail: detail.to_owned(),
        };
        let subject = Uuid::from_slice(&part.subject).map_err(|_| tampered("its subject is no uuid"))?;
        let class = Class::try_from(part.class).map_err(|_| tampered("its class is unknown"))?;
        Ok(Self { subject, class, version: Some(part.key_version) })
    }
}

/// Binds a ciphertext to its subject, class, event and key: it opens nowhere else.
fn aad(subject: Uuid, class: Class, id: Uuid, key_version: u32) -> Aad<[u8; 40]> {
    let mut bytes = [0_u8; 40];
    bytes[..16].copy_from_slice(subject.as_bytes());
    bytes[16..20].copy_from_slice(&(class as i32).to_be_bytes());
    bytes[20..36].copy_from_slice(id.as_bytes());
    bytes[36..].copy_from_slice(&key_version.to_be_bytes());
    Aad::from(bytes)
}

fn cipher(key: &DataKey) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.key.as_slice()).ok().map(LessSafeKey::new)
}

fn encrypt(
    key: &DataKey,
    subject: Uuid,
    class: Class,
    id: Uuid,
    mut partial: Vec<u8>,
    kind: &str,
) -> Result<Sealed, SealingError> {
    let failed = |detail: &str| SealingError::Tampered { kind: kind.to_owned(), detail: detail.to_owned() };
    let mut nonce = [0_u8; 12];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| failed("no randomness"))?;
    cipher(key)
        .ok_or_else(|| failed("bad key"))?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            aad(subject, class, id, key.version),
            &mut partial,
        )
        .map_err(|_| failed("the cipher refused"))?;
    Ok(Sealed {
        subject: Bytes::copy_from_slice(subject.as_bytes()),
        class: class.into(),
        key_version: key.version,
        nonce: Bytes::copy_from_slice(&nonce),
        ciphertext: partial.into(),
    })
}

fn decrypt(
    key: &DataKey,
    wanted: &KeyWanted,
    id: Uuid,
    part: &Sealed,
    kind: &str,
) -> Result<Vec<u8>, SealingError> {
    let failed = |detail: &str| SealingError::Tampered { kind: kind.to_owned(), detail: detail.to_owned() };
    let nonce = Nonce::try_assume_unique_for_key(&part.nonce).map_err(|_| failed("bad nonce"))?;
    let mut bytes = part.ciphertext.to_vec();
    let opened = cipher(key)
        .ok_or_else(|| failed("bad key"))?
        .open_in_place(nonce, aad(wanted.subject, wanted.class, id, part.key_version), &mut bytes)
        .map_err(|_| failed("it was not sealed for this event, subject and class"))?
        .len();
    bytes.truncate(opened);
    Ok(bytes)
}

fn split(plan: &MessagePlan, plain: &Plain) -> Result<Split, SealingError> {
    let malformed = || SealingError::Tampered {
        kind: plain.kind.clone(),
        detail: "the message is not protobuf".to_owned(),
    };
    let mut clear = Vec::with_capacity(plain.payload.len());
    let mut pieces: Vec<(Class, u32, &[u8])> = Vec::new();
    let mut subjects: HashMap<u32, Uuid> = HashMap::new();
    let mut rest: &[u8] = &plain.payload;
    while !rest.is_empty() {
        let piece = Piece::first_of(rest).ok_or_else(malformed)?;
        let bytes = &rest[..piece.len];
        match plan.marked.get(&piece.field) {
            Some((class, subject)) => pieces.push((*class, *subject, bytes)),
            None => {
                clear.extend_from_slice(bytes);
                if let Ok(subject) = Uuid::from_slice(&bytes[piece.value_at..]) {
                    subjects.insert(piece.field, subject);
                }
            }
        }
        rest = &rest[piece.len..];
    }
    let mut parts: BTreeMap<(Uuid, Class), Vec<u8>> = BTreeMap::new();
    for (class, subject, bytes) in pieces {
        let subject =
            subjects.get(&subject).ok_or_else(|| SealingError::NoSubject { kind: plain.kind.clone() })?;
        parts.entry((*subject, class)).or_default().extend_from_slice(bytes);
    }
    Ok(Split { clear, parts })
}

/// One (tag, value) of the wire form: its field number, its whole length, where a length-delimited value begins.
struct Piece {
    field: u32,
    len: usize,
    value_at: usize,
}

impl Piece {
    fn first_of(bytes: &[u8]) -> Option<Self> {
        let (tag, tag_len) = varint(bytes)?;
        let field = u32::try_from(tag >> 3).ok()?;
        let value = bytes.get(tag_len..)?;
        let (value_len, value_at) = match tag & 7 {
            0 => (varint(value)?.1, tag_len),
            1 => (8, tag_len),
            2 => {
                let (len, len_len) = varint(value)?;
                (usize::try_from(len).ok()?.checked_add(len_len)?, tag_len + len_len)
            }
            5 => (4, tag_len),
            _ => return None,
        };
        let len = tag_len.checked_add(value_len)?;
        (len <= bytes.len()).then_some(Self { field, len, value_at })
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(index).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}
