//! The header of one FIT file: size, protocol, data size, magic and, from 14 bytes on, its own checksum.

use super::crc::crc16;

const MAGIC: &[u8; 4] = b".FIT";
const MAGIC_AT: usize = 8;
const SIZE_MIN: usize = 12;
const SIZE_WITH_CRC: usize = 14;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) size: usize,
    /// As claimed; never to be trusted for an allocation.
    pub(crate) data_size: usize,
    /// False if the header has a checksum and it fails; 0 is "none given".
    pub(crate) crc_ok: bool,
}

pub(crate) fn has_magic(bytes: &[u8]) -> bool {
    bytes.get(MAGIC_AT..).is_some_and(|tail| tail.starts_with(MAGIC))
}

/// Where the next header starts.
pub(crate) fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(MAGIC.len()).skip(MAGIC_AT).position(|window| window == MAGIC)
}

impl Header {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if !has_magic(bytes) {
            return None;
        }
        let size = usize::from(*bytes.first()?).max(SIZE_MIN);
        let data_size = u32::from_le_bytes(*bytes.get(4..8)?.first_chunk()?) as usize;
        let crc_ok = match bytes.get(SIZE_MIN..SIZE_WITH_CRC).and_then(|sum| sum.first_chunk()) {
            Some(sum) if size >= SIZE_WITH_CRC => {
                let sum = u16::from_le_bytes(*sum);
                sum == 0 || sum == crc16(bytes.get(..SIZE_MIN)?)
            }
            _ => true,
        };
        Some(Self { size, data_size, crc_ok })
    }
}
