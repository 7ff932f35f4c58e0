//! ZIP archives of device files, opened within bounds: a Strava export, an Apple Health export, one of another maker, a
//! folder somebody packed. Nothing is trusted that a header says, one member is unpacked at a time, and members are never
//! files: their names are only shown. An archive may be larger than memory: of it are read its directory and what is asked for.
//!
//! | module | subject |
//! |---|---|
//! | `source` | where the bytes come from, and a member as a stream |
//! | `directory` | the list of members |
//! | `salvage` | the members of an archive that has lost it |
//! | [`strava`] | `activities.csv` of a Strava export |
//!
//! The crates that read ZIP hold a whole directory in memory, however long; here it is refused first.

mod directory;
mod salvage;
mod source;
pub mod strava;

use std::io::Read;

pub use source::{ReadAt, Section, Unpacking};

use crate::{apple, reading::Problem};

/// Most files of an archive.
pub const MEMBERS_MAX: usize = 10_000;
/// Most bytes one of them may unpack to.
pub const MEMBER_BYTES_MAX: u64 = 64 << 20;
/// Most bytes all of them may unpack to.
pub const TOTAL_BYTES_MAX: u64 = 2 << 30;
/// Most bytes the document of a health export may unpack to: it is read as a stream, and stands beside the total.
pub const EXPORT_BYTES_MAX: u64 = 64 << 30;
/// Documents that are looked into for the one that holds a health export, which has another name in each language.
const DOCUMENTS_MAX: usize = 16;
/// Most output a byte of a member may give; XML of a workout gives about 30.
pub(crate) const RATIO_MAX: u64 = 200;
/// Below this the ratio says nothing.
pub(crate) const RATIO_FREE: u64 = 4 << 20;
pub(crate) const NAME_BYTES_MAX: usize = 512;

const STRAVA_TABLE: &str = "activities.csv";

/// What an archive is, by what lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It has an `activities.csv`.
    StravaExport,
    /// An Apple Health export: one of its documents holds `<HealthData>`, in English `apple_health_export/export.xml`.
    AppleExport,
    Plain,
}

impl Kind {
    /// `strava_export`, `apple_health_export`, `zip`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StravaExport => "strava_export",
            Self::AppleExport => "apple_health_export",
            Self::Plain => "zip",
        }
    }
}

/// Why a member is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A path that leads out of the archive, or no name at all.
    UnsafeName,
    /// Another member has the name already.
    DuplicateName,
    Encrypted,
    /// Neither stored nor deflated.
    UnknownCompression,
    /// It unpacks to more than a member may, or out of proportion to its size.
    TooLarge,
    /// An archive in an archive.
    Nested,
    /// The archive is cut off before its end, or broken in it.
    Damaged,
    /// A picture, a table, a note: nothing that could be an activity.
    NoDeviceFile,
}

impl Fault {
    /// A stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnsafeName => "unsafe_name",
            Self::DuplicateName => "duplicate_name",
            Self::Encrypted => "encrypted",
            Self::UnknownCompression => "unknown_compression",
            Self::TooLarge => "too_large",
            Self::Nested => "nested_archive",
            Self::Damaged => "damaged",
            Self::NoDeviceFile => "no_device_file",
        }
    }

    /// Nobody loses anything by it.
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::NoDeviceFile)
    }

    /// One sentence, without the member's name.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::UnsafeName => "the name leads out of the archive",
            Self::DuplicateName => "another file of the archive has this name",
            Self::Encrypted => "the file is encrypted",
            Self::UnknownCompression => "the file is packed in a way that is not known",
            Self::TooLarge => "the file unpacks to more than is allowed",
            Self::Nested => "an archive in an archive is not opened",
            Self::Damaged => "the archive is cut off or damaged in this file",
            Self::NoDeviceFile => "not a device file",
        }
    }
}

/// A file of an archive; folders are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// As the archive has it, with `/`.
    pub name: String,
    /// Unpacked, as the directory says; of an archive without one as it was found.
    pub size: u64,
    /// Why it is not read.
    pub fault: Option<Fault>,
    packed: Packed,
}

/// Where and how a member lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packed {
    header_at: u64,
    size: u64,
    method: u16,
    crc: u32,
}

/// An opened archive.
#[derive(Debug)]
pub struct Archive<'a, S: ?Sized> {
    source: &'a S,
    members: Vec<Member>,
    health: Option<usize>,
    bytes_lost: Option<u64>,
}

/// Whether it begins like a ZIP archive, an empty one too.
pub fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// Reads the list of members. Without one, of an archive that is cut off or damaged, all of it is looked through for
/// what can be read: see [`Archive::bytes_lost`].
///
/// # Errors
/// [`Problem::Unreadable`]: no archive, one of which no file can be read, one with too many files, one whose files
/// overlap or would unpack to more than [`TOTAL_BYTES_MAX`].
pub fn open<S: ReadAt + ?Sized>(source: &S) -> Result<Archive<'_, S>, Problem> {
    let (mut members, bytes_lost) = match directory::read(source)? {
        Some(members) => {
            refuse_overlaps(&members)?;
            (members, None)
        }
        None => {
            let salvage::Salvaged { members, bytes_lost } = salvage::read(source)?;
            (members, Some(bytes_lost))
        }
    };
    let mut names = std::collections::HashSet::new();
    for member in &mut members {
        if member.fault.is_none() && !names.insert(member.name.to_ascii_lowercase()) {
            member.fault = Some(Fault::DuplicateName);
        }
    }
    let health = health(source, &mut members);
    if bytes_lost.is_some() && members.iter().all(|member| member.fault == Some(Fault::Damaged)) {
        return Err(Problem::unreadable("the archive is cut off, or none"));
    }
    let wanted = members.iter().enumerate();
    let wanted = wanted.filter(|(index, member)| member.fault.is_none() && Some(*index) != health);
    let total: u64 = wanted.fold(0, |sum, (_, member)| sum.saturating_add(member.size));
    if total > TOTAL_BYTES_MAX {
        return Err(Problem::unreadable("the archive unpacks to more than is allowed"));
    }
    Ok(Archive { source, members, health, bytes_lost })
}

/// The document that holds a health export, told by its content. It may be larger than other members: it is streamed.
fn health<S: ReadAt + ?Sized>(source: &S, members: &mut [Member]) -> Option<usize> {
    let documents =
        members.iter().enumerate().filter(|(_, member)| may_hold_export(member)).take(DOCUMENTS_MAX);
    let found = documents.into_iter().find(|(_, member)| {
        let unpacking = Unpacking::new(source, member);
        unpacking.is_ok_and(|document| apple::Reader::new(document).is_ok())
    });
    let index = found.map(|(index, _)| index)?;
    members.get_mut(index)?.fault = None;
    Some(index)
}

/// Told by name and size; one that is cut off is read up to there.
fn may_hold_export(member: &Member) -> bool {
    let shallow = member.name.matches('/').count() <= 2;
    let document = member.name.to_ascii_lowercase().ends_with(".xml");
    let fits = match member.fault {
        None | Some(Fault::Damaged) => true,
        // For one that is unpacked whole; out of proportion is too large for this as well.
        Some(fault) => fault == Fault::TooLarge && !member.is_out_of_proportion(),
    };
    shallow && document && fits && member.size <= EXPORT_BYTES_MAX
}

/// Files that share bytes are how a small archive unpacks to a huge one.
fn refuse_overlaps(members: &[Member]) -> Result<(), Problem> {
    let mut spans: Vec<(u64, u64)> =
        members.iter().map(|member| (member.packed.header_at, member.packed.size)).collect();
    spans.sort_unstable();
    let overlap = spans.windows(2).any(|pair| match pair {
        [(first_at, size), (next_at, _)] => first_at.saturating_add(*size) > *next_at,
        _ => false,
    });
    if overlap { Err(Problem::unreadable("files of the archive overlap")) } else { Ok(()) }
}

impl<S: ReadAt + ?Sized> Archive<'_, S> {
    /// In the order of the archive.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    pub fn kind(&self) -> Kind {
        let has = |wanted: &str| self.members.iter().any(|member| is_named(&member.name, wanted));
        match () {
            () if has(STRAVA_TABLE) => Kind::StravaExport,
            () if self.health.is_some() => Kind::AppleExport,
            () => Kind::Plain,
        }
    }

    /// The list of files is gone or damaged, so that there may have been more of them, and so many bytes belong to no whole
    /// file. `None` of a whole archive.
    pub fn bytes_lost(&self) -> Option<u64> {
        self.bytes_lost
    }

    /// Which member is the document of a health export; it is not unpacked whole, see [`stream`].
    pub fn health_export(&self) -> Option<usize> {
        self.health
    }

    /// The rows of `activities.csv`, if this is a Strava export.
    ///
    /// # Errors
    /// A table that cannot be unpacked or is too long.
    pub fn strava_table(&self) -> Result<Option<strava::Table>, Problem> {
        let Some(member) = self.members.iter().find(|member| is_named(&member.name, STRAVA_TABLE)) else {
            return Ok(None);
        };
        match member.fault {
            None | Some(Fault::NoDeviceFile) => {}
            // The files without it are worth something.
            Some(Fault::Damaged) => return Ok(None),
            Some(fault) => return Err(Problem::unreadable(fault.detail())),
        }
        strava::read(&unpacked(self.source, member)?).map(Some)
    }
}

/// The bytes of a member of this archive, never more than its directory entry says.
///
/// # Errors
/// A member with a fault, one that is only streamed, or one whose data are damaged.
pub fn unpack<S: ReadAt + ?Sized>(archive: &S, member: &Member) -> Result<Vec<u8>, Problem> {
    match member.fault {
        Some(fault) => Err(Problem::unreadable(fault.detail())),
        None if member.size > MEMBER_BYTES_MAX => Err(Problem::unreadable(Fault::TooLarge.detail())),
        None => unpacked(archive, member),
    }
}

/// A member unpacked as it is read.
///
/// # Errors
/// A member with a fault, or one that does not lie where the directory says.
pub fn stream<S: ReadAt>(archive: S, member: &Member) -> Result<Unpacking<S>, Problem> {
    match member.fault {
        Some(fault) => Err(Problem::unreadable(fault.detail())),
        None => Unpacking::new(archive, member),
    }
}

fn unpacked<S: ReadAt + ?Sized>(archive: &S, member: &Member) -> Result<Vec<u8>, Problem> {
    let mut out = Vec::new();
    let unpacked = Unpacking::new(archive, member)?.read_to_end(&mut out);
    unpacked.map_err(|_| Problem::unreadable("the file is damaged in the archive"))?;
    Ok(out)
}

/// At the top, or in the one folder that somebody packed.
fn is_named(name: &str, wanted: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == wanted || name.split_once('/').is_some_and(|(_, rest)| rest == wanted)
}

impl Member {
    fn judge(&mut self, flags: u16) {
        const ENCRYPTED: u16 = 1 | 1 << 6;
        self.fault = if !is_safe(&self.name) {
            Some(Fault::UnsafeName)
        } else if flags & ENCRYPTED != 0 {
            Some(Fault::Encrypted)
        } else if !matches!(self.packed.method, directory::STORED | directory::DEFLATED) {
            Some(Fault::UnknownCompression)
        } else if is_clinical(&self.name) {
            Some(Fault::NoDeviceFile)
        } else if self.size > MEMBER_BYTES_MAX || self.is_out_of_proportion() {
            Some(Fault::TooLarge)
        } else {
            by_ending(&self.name)
        };
    }

    fn is_out_of_proportion(&self) -> bool {
        self.size > self.packed.size.saturating_mul(RATIO_MAX).max(RATIO_FREE)
    }
}

/// Relative, without steps upwards, drives, and characters that no name has.
fn is_safe(name: &str) -> bool {
    let part_is_safe = |part: &str| !part.is_empty() && part != "." && part != "..";
    !name.contains(['\\', ':']) && !name.chars().any(char::is_control) && name.split('/').all(part_is_safe)
}

/// A health export once more in a hospital's words: as large, and without workouts.
fn is_clinical(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("_cda.xml")
}

/// What the ending alone rules out; all else is told by content.
fn by_ending(name: &str) -> Option<Fault> {
    let file = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if file.starts_with('.') || name.starts_with("__MACOSX/") {
        return Some(Fault::NoDeviceFile);
    }
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "zip" => Some(Fault::Nested),
        "csv" | "json" | "txt" | "md" | "pdf" | "htm" | "html" | "jpg" | "jpeg" | "png" | "gif" | "heic"
        | "webp" | "mp4" | "mov" | "m4v" => Some(Fault::NoDeviceFile),
        _ => None,
    }
}
