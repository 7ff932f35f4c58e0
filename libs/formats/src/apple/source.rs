//! Where the bytes come from, metered: an element may be so long and no longer.

use std::io::{BufRead, BufReader, Chain, Error, Read, Result};

/// How the document starts, once its head is skipped.
pub(super) const ROOT: &[u8] = b"<HealthData";
/// A declaration, comments and Apple's document type take some 10 kB.
const HEAD_MAX: u64 = 1 << 20;
/// No element of an export is near so long.
const ELEMENT_MAX: usize = 1 << 20;
const BUFFER: usize = 64 << 10;

pub(super) struct Metered<R> {
    inner: Chain<&'static [u8], BufReader<R>>,
    left: usize,
    /// Bytes behind.
    pub(super) offset: u64,
}

impl<R: Read> Metered<R> {
    /// From a place between two elements of the document.
    pub(super) fn resumed(input: R, offset: u64) -> Self {
        let nothing: &[u8] = &[];
        Self { inner: nothing.chain(BufReader::with_capacity(BUFFER, input)), left: ELEMENT_MAX, offset }
    }

    /// From the root element on. What is before it is not looked at: declaration, comments, and the document type
    /// that Apple writes, which may be ill-formed and whose entities nobody needs. `None` without a root.
    pub(super) fn at_root(input: R) -> Result<Option<Self>> {
        let mut input = BufReader::with_capacity(BUFFER, input);
        let (mut seen, mut matched) = (0, 0);
        while matched < ROOT.len() && seen < HEAD_MAX {
            let bytes = input.fill_buf()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let mut used = 0;
            for byte in bytes {
                used += 1;
                // The first letter of the root comes in it only once.
                matched = match ROOT.get(matched) == Some(byte) {
                    true => matched + 1,
                    false => usize::from(ROOT.first() == Some(byte)),
                };
                if matched == ROOT.len() {
                    break;
                }
            }
            input.consume(used);
            seen += used as u64;
        }
        if matched < ROOT.len() {
            return Ok(None);
        }
        let offset = seen - ROOT.len() as u64;
        Ok(Some(Self { inner: ROOT.chain(input), left: ELEMENT_MAX, offset }))
    }

    /// Another element begins.
    pub(super) fn refill(&mut self) {
        self.left = ELEMENT_MAX;
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.left == 0 {
            return Err(Error::other("an element is too long"));
        }
        let bytes = self.inner.fill_buf()?;
        Ok(bytes.get(..bytes.len().min(self.left)).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
        self.left = self.left.saturating_sub(count);
        self.offset += count as u64;
    }
}
