//! Where the document of an export lies: by itself, in gzip, or in the archive that the phone makes.

use std::io::{BufReader, Error, Read, Result, copy, sink};

use flate2::bufread::MultiGzDecoder;

use super::Reader;
use crate::{
    GZIP_MAGIC, UTF8_BOM,
    archive::{EXPORT_BYTES_MAX, Member, RATIO_FREE, RATIO_MAX, ReadAt, Section, Unpacking, stream},
    reading::Problem,
};

const BUFFER: usize = 256 << 10;

/// How a document lies that is no member of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    Plain,
    Gzip,
}

/// The document of an export, as a stream.
pub struct Document<S: ReadAt>(Inner<S>);

enum Inner<S: ReadAt> {
    Plain(Section<S>),
    Gzip { inner: Box<MultiGzDecoder<BufReader<Section<S>>>>, left: u64 },
    Zipped(Box<Unpacking<S>>),
}

/// Whether these bytes are an export's document, told by its beginning.
pub fn detect<S: ReadAt>(source: &S) -> Option<Wrapping> {
    let mut head = [0; 8];
    let read = source.read_at(0, &mut head).ok()?;
    let head = head.get(..read)?;
    let wrapping = if head.starts_with(GZIP_MAGIC) { Wrapping::Gzip } else { Wrapping::Plain };
    let mut document = Document::open(source, wrapping);
    let mut first = [0; 4];
    document.read_exact(&mut first).ok()?;
    let text = first.strip_prefix(UTF8_BOM).unwrap_or(&first);
    if !text.trim_ascii_start().starts_with(b"<") {
        return None;
    }
    Reader::new(Document::open(source, wrapping)).is_ok().then_some(wrapping)
}

impl<S: ReadAt> Document<S> {
    pub fn open(source: S, wrapping: Wrapping) -> Self {
        let size = source.size();
        let section = Section::from(source, 0);
        Self(match wrapping {
            Wrapping::Plain => Inner::Plain(section),
            Wrapping::Gzip => {
                let left = EXPORT_BYTES_MAX.min(size.saturating_mul(RATIO_MAX).max(RATIO_FREE));
                let inner = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, section));
                Inner::Gzip { inner: Box::new(inner), left }
            }
        })
    }

    /// The member of an archive.
    ///
    /// # Errors
    /// One with a fault, or that is not where it should be.
    pub fn member(archive: S, member: &Member) -> std::result::Result<Self, Problem> {
        Ok(Self(Inner::Zipped(Box::new(stream(archive, member)?))))
    }

    /// A reader that goes on at that byte of the document, see [`Reader::offset`]; from 0 it is the whole document. What is
    /// packed has to be unpacked up to there.
    ///
    /// # Errors
    /// As [`Reader::new`].
    pub fn read_from(mut self, offset: u64) -> std::result::Result<Reader<Self>, Problem> {
        if offset == 0 {
            return Reader::new(self);
        }
        match &mut self.0 {
            Inner::Plain(section) => section.pass(offset),
            _ => {
                let passed = copy(&mut (&mut self).take(offset), &mut sink());
                passed.map_err(|error| super::failed(&error))?;
            }
        }
        Ok(Reader::resumed(self, offset))
    }
}

impl<S: ReadAt> Read for Document<S> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        match &mut self.0 {
            Inner::Plain(section) => section.read(out),
            Inner::Zipped(unpacking) => unpacking.read(out),
            Inner::Gzip { inner, left } => {
                let count = inner.read(out)?;
                let beyond = || Error::other("it inflates beyond the limit");
                *left = left.checked_sub(count as u64).ok_or_else(beyond)?;
                Ok(count)
            }
        }
    }
}
