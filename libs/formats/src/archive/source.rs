//! Bytes by place, and one member of an archive as a stream of them.

use std::io::{BufReader, Error, Read, Result};

use flate2::{Crc, bufread::DeflateDecoder};

use super::{Member, directory};
use crate::reading::Problem;

const BUFFER: usize = 256 << 10;

/// Where an archive lies: a file, a blob, memory. Only what is asked for is read.
pub trait ReadAt {
    fn size(&self) -> u64;

    /// Some of the bytes from this place on, at most as many as `out` takes; 0 at the end.
    ///
    /// # Errors
    /// The place cannot be read.
    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<usize>;
}

impl ReadAt for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<usize> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        self.get(at..).unwrap_or_default().read(out)
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> u64 {
        self.as_slice().size()
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<usize> {
        self.as_slice().read_at(at, out)
    }
}

impl<S: ReadAt + ?Sized> ReadAt for &S {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<usize> {
        (**self).read_at(at, out)
    }
}

impl<S: ReadAt + ?Sized> ReadAt for std::sync::Arc<S> {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<usize> {
        (**self).read_at(at, out)
    }
}

/// So many bytes, which the caller has bounded; none when there are fewer.
pub(super) fn piece<S: ReadAt + ?Sized>(source: &S, at: u64, length: u64) -> Option<Vec<u8>> {
    if at.checked_add(length)? > source.size() {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    Section { source, at, end: at + length }.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// A stretch of the bytes, read from its beginning to its end.
#[derive(Debug)]
pub struct Section<S> {
    source: S,
    at: u64,
    end: u64,
}

impl<S: ReadAt> Section<S> {
    /// All of it from this place on.
    pub fn from(source: S, at: u64) -> Self {
        let end = source.size();
        Self { source, at, end }
    }

    /// From one place to another.
    pub(super) fn between(source: S, at: u64, end: u64) -> Self {
        Self { source, at, end }
    }

    /// Leaves out so many bytes.
    pub(crate) fn pass(&mut self, count: u64) {
        self.at = self.at.saturating_add(count).min(self.end);
    }
}

impl<S: ReadAt> Read for Section<S> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = out.len().min(left);
        let count = self.source.read_at(self.at, out.get_mut(..most).unwrap_or_default())?;
        self.at += count as u64;
        Ok(count)
    }
}

/// A member unpacked bit by bit, never more of it than its directory entry says. What does not come out as that entry
/// says is an error at the end.
pub struct Unpacking<S: ReadAt> {
    inner: Inner<S>,
    left: u64,
    crc: Crc,
    wanted: u32,
    over: bool,
}

enum Inner<S: ReadAt> {
    Stored(BufReader<Section<S>>),
    Deflated(DeflateDecoder<BufReader<Section<S>>>),
}

impl<S: ReadAt> Unpacking<S> {
    pub(super) fn new(source: S, member: &Member) -> std::result::Result<Self, Problem> {
        let damaged = || Problem::unreadable("the file is damaged in the archive");
        let packed = member.packed;
        let at = directory::data_at(&source, packed.header_at).ok_or_else(damaged)?;
        let end = at.checked_add(packed.size).filter(|end| *end <= source.size()).ok_or_else(damaged)?;
        let room = usize::try_from(packed.size).unwrap_or(BUFFER).clamp(1, BUFFER);
        let section = BufReader::with_capacity(room, Section { source, at, end });
        let inner = match packed.method {
            directory::STORED => Inner::Stored(section),
            _ => Inner::Deflated(DeflateDecoder::new(section)),
        };
        Ok(Self { inner, left: member.size, crc: Crc::new(), wanted: packed.crc, over: false })
    }

    fn step(&mut self, out: &mut [u8]) -> Result<usize> {
        match &mut self.inner {
            Inner::Stored(section) => section.read(out),
            Inner::Deflated(section) => section.read(out),
        }
    }
}

impl<S: ReadAt> Read for Unpacking<S> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        if self.over || out.is_empty() {
            return Ok(0);
        }
        let count = self.step(out)?;
        let damaged = || Error::other("it is damaged in the archive");
        self.left = self.left.checked_sub(count as u64).ok_or_else(damaged)?;
        self.crc.update(out.get(..count).unwrap_or_default());
        if count == 0 {
            self.over = true;
            if self.left > 0 || self.crc.sum() != self.wanted {
                return Err(damaged());
            }
        }
        Ok(count)
    }
}
