//! What a file gave, and what was wrong with it.

use std::borrow::Cow;

use crate::activity::Activity;

/// A file format, told apart by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    Fit,
    Gpx,
    Tcx,
}

impl Format {
    /// The media type of such a file.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Fit => "application/vnd.ant.fit",
            Self::Gpx => "application/gpx+xml",
            Self::Tcx => "application/vnd.garmin.tcx+xml",
        }
    }

    /// The lowercase name, and the ending of such files: `fit`, `gpx`, `tcx`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::Gpx => "gpx",
            Self::Tcx => "tcx",
        }
    }
}

/// What a file gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub format: Format,
    /// The file was gzip around [`Reading::format`].
    pub gzipped: bool,
    /// In file order, at least one.
    pub activities: Vec<Activity>,
    /// `None` when nothing was wrong.
    pub salvage: Option<Salvage>,
}

/// What was kept of a damaged file and what was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvage {
    /// Samples in the activities' streams.
    pub records_kept: u64,
    /// Bytes that could not be read; those a trusted header promised and the file lacks are counted too.
    pub bytes_lost: u64,
    /// Stable words, each at most once, in the order met:
    ///
    /// | word | meaning |
    /// |---|---|
    /// | `gzip` | the gzip layer is cut or its checksum fails |
    /// | `header_crc`, `crc` | a FIT checksum fails |
    /// | `truncated` | the file ends too early |
    /// | `undefined_local` | a FIT message refers to a definition that was never made |
    /// | `malformed_definition` | a FIT definition cannot be |
    /// | `trailing_bytes` | something other than zeros follows the last FIT file |
    /// | `malformed_xml` | the XML breaks off or is ill-formed; it was taken up again at the next track point |
    /// | `bad_position` | track points without a position on Earth were left out (GPX), or kept without it (TCX) |
    /// | `untimed` | track points without a time were left out |
    /// | `absurd_time` | records days away from the others were left out |
    /// | `too_many` | a limit on records, laps, events or activities was met |
    pub reasons: Vec<String>,
}

/// Why a file gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is empty, hostile, or broken before the first record.
    #[error("unreadable file: {0}")]
    Unreadable(Cow<'static, str>),
    /// The file may be sound, but it is no workout.
    #[error("not an activity: {0}")]
    NotActivity(Cow<'static, str>),
}

impl Problem {
    pub(crate) fn unreadable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Unreadable(detail.into())
    }

    pub(crate) fn not_activity(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::NotActivity(detail.into())
    }

    /// The stable code shown to clients.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "file_unreadable",
            Self::NotActivity(_) => "file_not_activity",
        }
    }

    /// One sentence about this file, lowercase, without its content.
    pub fn detail(&self) -> &str {
        match self {
            Self::Unreadable(detail) | Self::NotActivity(detail) => detail,
        }
    }
}

/// The words of [`Salvage::reasons`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Gzip,
    HeaderCrc,
    Crc,
    Truncated,
    UndefinedLocal,
    MalformedDefinition,
    TrailingBytes,
    MalformedXml,
    BadPosition,
    Untimed,
    AbsurdTime,
    TooMany,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::HeaderCrc => "header_crc",
            Self::Crc => "crc",
            Self::Truncated => "truncated",
            Self::UndefinedLocal => "undefined_local",
            Self::MalformedDefinition => "malformed_definition",
            Self::TrailingBytes => "trailing_bytes",
            Self::MalformedXml => "malformed_xml",
            Self::BadPosition => "bad_position",
            Self::Untimed => "untimed",
            Self::AbsurdTime => "absurd_time",
            Self::TooMany => "too_many",
        }
    }
}

/// Faults met so far; becomes a [`Salvage`] if there was any.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    reasons: Vec<Reason>,
    bytes_lost: u64,
}

impl Damage {
    pub(crate) fn note(&mut self, reason: Reason) {
        if !self.has(reason) {
            self.reasons.push(reason);
        }
    }

    pub(crate) fn lose(&mut self, reason: Reason, bytes: usize) {
        self.note(reason);
        self.bytes_lost = self.bytes_lost.saturating_add(bytes as u64);
    }

    pub(crate) fn has(&self, reason: Reason) -> bool {
        self.reasons.contains(&reason)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    pub(crate) fn into_salvage(self, activities: &[Activity]) -> Option<Salvage> {
        if self.is_empty() {
            return None;
        }
        Some(Salvage {
            records_kept: activities.iter().map(|activity| activity.streams.len() as u64).sum(),
            bytes_lost: self.bytes_lost,
            reasons: self.reasons.iter().map(|reason| reason.as_str().to_owned()).collect(),
        })
    }
}
