//! The central directory of a ZIP archive (APPNOTE 6.3), ZIP64 included. Linear in its bytes, of which there may be so
//! many and no more: the rest of the archive is not looked at.

use super::{MEMBERS_MAX, Member, NAME_BYTES_MAX, Packed, ReadAt, source::piece};
use crate::reading::Problem;

pub(super) const STORED: u16 = 0;
pub(super) const DEFLATED: u16 = 8;

pub(super) const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const END64_LOCATOR: &[u8] = b"PK\x06\x07";
const END64_LOCATOR_BYTES: usize = 20;
pub(super) const END64: &[u8] = b"PK\x06\x06";
pub(super) const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
pub(super) const LOCAL: &[u8] = b"PK\x03\x04";
pub(super) const LOCAL_BYTES: usize = 30;
const COMMENT_BYTES_MAX: usize = 65_535;
const ZIP64_EXTRA: u16 = 1;
const UTF8_NAME: u16 = 1 << 11;
/// What may stand behind the last entry.
const TAIL_BYTES: u64 = (COMMENT_BYTES_MAX + END_BYTES + END64_LOCATOR_BYTES) as u64;
const END64_BYTES: usize = 56;
/// As many entries as there may be, with names and extra fields that are longer than any are.
const DIRECTORY_BYTES_MAX: u64 = 16 << 20;

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The files of an archive, each judged by its entry; none if the directory is not there, or not whole.
///
/// # Errors
/// Too many files, or a directory that is too long.
pub(super) fn read<S: ReadAt + ?Sized>(source: &S) -> Result<Option<Vec<Member>>, Problem> {
    let Some((start, end, entries)) = place(source) else { return Ok(None) };
    let first = piece(source, start, ENTRY.len() as u64);
    // An end that nothing leads to is a file's, or that of an archive within.
    if end > 0 && first.is_none_or(|first| first != ENTRY) {
        return Ok(None);
    }
    if entries > MEMBERS_MAX as u64 {
        return Err(Problem::unreadable("the archive has too many files"));
    }
    let Some(length) = end.checked_sub(start) else { return Ok(None) };
    if length > DIRECTORY_BYTES_MAX {
        return Err(Problem::unreadable("the archive's list of files is too long"));
    }
    let Some(directory) = piece(source, start, length) else { return Ok(None) };
    let mut rest = directory.as_slice();
    let mut members = Vec::new();
    // The directory itself is counted: what the end says of it may be wrong.
    let mut seen = 0;
    while rest.starts_with(ENTRY) {
        seen += 1;
        if seen > MEMBERS_MAX {
            return Err(Problem::unreadable("the archive has too many files"));
        }
        let Some((member, next)) = entry(rest) else { return Ok(None) };
        members.extend(member);
        rest = next;
    }
    Ok((seen as u64 >= entries).then_some(members))
}

/// From where to where it lies, and how many entries it is said to have.
fn place<S: ReadAt + ?Sized>(source: &S) -> Option<(u64, u64, u64)> {
    let tail_at = source.size().saturating_sub(TAIL_BYTES);
    let tail = piece(source, tail_at, source.size() - tail_at)?;
    let end_at = end_at(&tail)?;
    let (start, entries) = extent(source, &tail, end_at)?;
    Some((start, tail_at + end_at as u64, entries))
}

/// The last end record whose comment fits, in the archive's tail.
fn end_at(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END_BYTES)?;
    let first = last.saturating_sub(COMMENT_BYTES_MAX);
    (first..=last).rev().find(|at| tail.get(*at..).is_some_and(|rest| rest.starts_with(END)))
}

/// Where the directory begins, and how many entries it is said to have.
fn extent<S: ReadAt + ?Sized>(source: &S, tail: &[u8], end_at: usize) -> Option<(u64, u64)> {
    let (entries, size, start) =
        (u16_at(tail, end_at + 10)?, u32_at(tail, end_at + 12)?, u32_at(tail, end_at + 16)?);
    if entries != u16::MAX && size != u32::MAX && start != u32::MAX {
        return Some((start.into(), entries.into()));
    }
    let locator = end_at.checked_sub(END64_LOCATOR_BYTES).and_then(|at| tail.get(at..));
    let Some(locator) = locator.filter(|locator| locator.starts_with(END64_LOCATOR)) else {
        return Some((start.into(), entries.into()));
    };
    let end64 = piece(source, u64_at(locator, 8)?, END64_BYTES as u64)?;
    if !end64.starts_with(END64) {
        return None;
    }
    Some((u64_at(&end64, 48)?, u64_at(&end64, 32)?))
}

/// One entry, none for a folder, and what follows it.
fn entry(bytes: &[u8]) -> Option<(Option<Member>, &[u8])> {
    let (flags, method, crc) = (u16_at(bytes, 8)?, u16_at(bytes, 10)?, u32_at(bytes, 16)?);
    let (name, extra, comment) = (u16_at(bytes, 28)?, u16_at(bytes, 30)?, u16_at(bytes, 32)?);
    let name_end = ENTRY_BYTES + usize::from(name);
    let extra_end = name_end + usize::from(extra);
    let rest = bytes.get(extra_end + usize::from(comment)..)?;
    let name = bytes.get(ENTRY_BYTES..name_end)?;
    let short = [u32_at(bytes, 24)?, u32_at(bytes, 20)?, u32_at(bytes, 42)?];
    let [size, packed, header_at] = widened(short, bytes.get(name_end..extra_end)?)?;
    if name.ends_with(b"/") && size == 0 {
        return Some((None, rest));
    }
    let packed = Packed { header_at, size: packed, method, crc };
    let mut member = Member { name: decoded(name, flags), size, fault: None, packed };
    member.judge(flags);
    Some((Some(member), rest))
}

/// Unpacked and packed size, and in the directory the place; those too large for 32 bits stand in the extra field.
pub(super) fn widened<const N: usize>(short: [u32; N], mut extra: &[u8]) -> Option<[u64; N]> {
    let mut wide: &[u8] = &[];
    while let (Some(tag), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let end = 4 + usize::from(length);
        if tag == ZIP64_EXTRA {
            wide = extra.get(4..end)?;
        }
        extra = extra.get(end..)?;
    }
    let mut values = short.map(u64::from);
    for (value, short) in values.iter_mut().zip(short) {
        if short == u32::MAX && !wide.is_empty() {
            *value = u64_at(wide, 0)?;
            wide = wide.get(8..)?;
        }
    }
    Some(values)
}

/// By the flag or by the look of it UTF-8, else one character a byte; cut to what a name may be.
pub(super) fn decoded(name: &[u8], flags: u16) -> String {
    let name = name.get(..name.len().min(NAME_BYTES_MAX)).unwrap_or_default();
    match str::from_utf8(name) {
        Ok(text) => text.to_owned(),
        Err(_) if flags & UTF8_NAME != 0 => String::from_utf8_lossy(name).into_owned(),
        Err(_) => name.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Where the packed bytes of a member begin, by its local header.
pub(super) fn data_at<S: ReadAt + ?Sized>(source: &S, header_at: u64) -> Option<u64> {
    let header = piece(source, header_at, LOCAL_BYTES as u64)?;
    if !header.starts_with(LOCAL) {
        return None;
    }
    let (name, extra) = (u16_at(&header, 26)?, u16_at(&header, 28)?);
    header_at.checked_add(LOCAL_BYTES as u64 + u64::from(name) + u64::from(extra))
}
