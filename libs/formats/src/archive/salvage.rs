//! The files of an archive whose directory is gone or damaged, by the headers that stand before each of them. What is
//! wanted is unpacked once to see that it is whole and where it ends; behind what is damaged the next header is sought.
//!
//! Bounded like the directory, by files and by bytes; what is read in vain is twice the archive at most.

use std::io::{BufRead, BufReader, Read, Result};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::{
    EXPORT_BYTES_MAX, Fault, MEMBER_BYTES_MAX, MEMBERS_MAX, Member, Packed, RATIO_FREE, RATIO_MAX, ReadAt,
    STRAVA_TABLE, Section, TOTAL_BYTES_MAX,
    directory::{self, END, END64, ENTRY, LOCAL, LOCAL_BYTES, STORED, u16_at, u32_at},
    is_named, may_hold_export,
    source::piece,
};
use crate::reading::Problem;

/// A header stands without the sizes, which come behind the file.
const DESCRIBED: u16 = 1 << 3;
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
/// With its mark, and sizes of 32 bits.
const MARKED_BYTES: u64 = 16;
/// With its mark, which is optional, and sizes of 64 bits.
const DESCRIPTOR_BYTES_MAX: u64 = 24;
/// Bits that no writer sets.
const RESERVED_FLAGS: u16 = 0xd780;
const VERSION_MAX: u8 = 63;
const IN_VAIN_MAX: u64 = 2;
const STEP: usize = 64 << 10;

/// What is left of an archive.
pub(super) struct Salvaged {
    pub(super) members: Vec<Member>,
    /// Bytes that belong to no whole file.
    pub(super) bytes_lost: u64,
}

/// Goes from header to header.
///
/// # Errors
/// Too many files, too many bytes, or a source that fails.
pub(super) fn read<S: ReadAt + ?Sized>(source: &S) -> std::result::Result<Salvaged, Problem> {
    let mut walk = Walk {
        source,
        found: Salvaged { members: Vec::new(), bytes_lost: 0 },
        unpacked: 0,
        streamed: 0,
        in_vain: 0,
    };
    let (mut at, mut seen) = (0, 0);
    while let Some(local) = walk.next(at).map_err(|error| failed(&error))? {
        seen += 1;
        if seen > MEMBERS_MAX {
            return Err(Problem::unreadable("the archive has too many files"));
        }
        at = walk.take(&local)?;
    }
    Ok(walk.found)
}

fn failed(error: &std::io::Error) -> Problem {
    Problem::unreadable(format!("the archive cannot be read: {error}"))
}

/// A header before a file.
struct Local {
    flags: u16,
    name: Vec<u8>,
    size: u64,
    packed: Packed,
    /// Where the file begins.
    data_at: u64,
}

impl Local {
    /// The one that stands there.
    fn at<S: ReadAt + ?Sized>(source: &S, at: u64) -> Option<Self> {
        let head = piece(source, at, LOCAL_BYTES as u64)?;
        let (version, flags) = (*head.get(4)?, u16_at(&head, 6)?);
        let (name, extra) = (u16_at(&head, 26)?, u16_at(&head, 28)?);
        let can_be = head.starts_with(LOCAL) && version <= VERSION_MAX && flags & RESERVED_FLAGS == 0;
        if !can_be || name == 0 {
            return None;
        }
        let name_at = at + LOCAL_BYTES as u64;
        let extra_at = name_at + u64::from(name);
        let data_at = extra_at + u64::from(extra);
        let (name, extra) = (piece(source, name_at, name.into())?, piece(source, extra_at, extra.into())?);
        let short = [u32_at(&head, 22)?, u32_at(&head, 18)?];
        let [size, packed] = directory::widened(short, &extra)?;
        let packed =
            Packed { header_at: at, size: packed, method: u16_at(&head, 8)?, crc: u32_at(&head, 14)? };
        Some(Self { flags, name, size, packed, data_at })
    }

    fn member(&self) -> Member {
        let name = directory::decoded(&self.name, self.flags);
        let mut member = Member { name, size: self.size, fault: None, packed: self.packed };
        member.judge(self.flags);
        member
    }

    fn is_described(&self) -> bool {
        self.flags & DESCRIBED != 0
    }
}

struct Walk<'a, S: ?Sized> {
    source: &'a S,
    found: Salvaged,
    unpacked: u64,
    streamed: u64,
    in_vain: u64,
}

impl<S: ReadAt + ?Sized> Walk<'_, S> {
    /// The next header from there on; what lies before it is lost. `None` where the directory begins, and at the end.
    fn next(&mut self, at: u64) -> Result<Option<Local>> {
        if let Some(local) = Local::at(self.source, at) {
            return Ok(Some(local));
        }
        let end = self.source.size();
        if self.ends_at(at) {
            return Ok(None);
        }
        let (source, mut local) = (self.source, None);
        let place = find(source, (at, end), LOCAL, |place| {
            local = Local::at(source, place);
            local.is_some()
        })?;
        self.found.bytes_lost += place.unwrap_or(end).saturating_sub(at);
        Ok(local)
    }

    /// The files are over there.
    fn ends_at(&self, at: u64) -> bool {
        let mark = piece(self.source, at, LOCAL.len() as u64);
        at >= self.source.size() || mark.is_some_and(|mark| [ENTRY, END, END64].contains(&mark.as_slice()))
    }

    /// Takes in one file; gives where to go on.
    fn take(&mut self, local: &Local) -> std::result::Result<u64, Problem> {
        let mut member = local.member();
        let streams = may_hold_export(&member);
        // A folder has a name that is no file's, and is nothing.
        let is_folder = local.name.ends_with(b"/");
        if member.fault.is_some() && !is_folder && !streams && !is_named(&member.name, STRAVA_TABLE) {
            return self.pass(local, member).map_err(|error| failed(&error));
        }
        let measured = self.measure(local, streams).map_err(|error| failed(&error))?;
        let (sum, most) = match streams {
            true => (&mut self.streamed, EXPORT_BYTES_MAX),
            false => (&mut self.unpacked, TOTAL_BYTES_MAX),
        };
        *sum = sum.saturating_add(measured.size);
        if *sum > most {
            return Err(Problem::unreadable("the archive unpacks to more than is allowed"));
        }
        (member.size, member.packed.size, member.packed.crc) = (measured.size, measured.packed, measured.crc);
        if let Some(end) = self.end_of(local, &measured) {
            member.judge(local.flags);
            self.found.members.extend((!is_folder || measured.size > 0).then_some(member));
            return Ok(end);
        }
        member.fault = Some(if measured.beyond { Fault::TooLarge } else { Fault::Damaged });
        self.found.members.push(member);
        self.in_vain = self.in_vain.saturating_add(measured.packed);
        if self.in_vain > self.source.size().saturating_mul(IN_VAIN_MAX) {
            self.found.bytes_lost += self.source.size().saturating_sub(local.data_at);
            return Ok(self.source.size());
        }
        Ok(local.data_at)
    }

    /// One that nobody wants: its header, or the marked descriptor behind it, is believed if something fitting follows.
    fn pass(&mut self, local: &Local, mut member: Member) -> Result<u64> {
        let (source, mut end) = (self.source, local.data_at.saturating_add(local.packed.size));
        if local.is_described() {
            let place = self.descriptor_of(local)?;
            member.packed.size = place.map_or(0, |place| place - local.data_at);
            end = place.map_or(u64::MAX, |place| place.saturating_add(MARKED_BYTES));
        }
        let is_there = end <= source.size() && (Local::at(source, end).is_some() || self.ends_at(end));
        if !is_there {
            if local.is_described() {
                // What was read up to a descriptor behind which nothing fits was read in vain.
                self.in_vain = self.in_vain.saturating_add(member.packed.size);
            }
            member.packed.size = 0;
        }
        self.found.members.push(member);
        Ok(if is_there { end } else { local.data_at })
    }

    /// Where the descriptor stands that has the packed length of what lies before it.
    fn descriptor_of(&mut self, local: &Local) -> Result<Option<u64>> {
        let (from, size) = (local.data_at, self.source.size());
        if self.in_vain > size.saturating_mul(IN_VAIN_MAX) {
            return Ok(None);
        }
        let place = find(self.source, (from, size), DESCRIPTOR, |place| {
            let packed = piece(self.source, place, MARKED_BYTES).and_then(|bytes| u32_at(&bytes, 8));
            packed.is_some_and(|packed| u64::from(packed) == place - from)
        })?;
        if place.is_none() {
            self.in_vain = self.in_vain.saturating_add(size.saturating_sub(from));
        }
        Ok(place)
    }

    /// Unpacks it, as far as it goes and as far as it may.
    fn measure(&self, local: &Local, streams: bool) -> Result<Measured> {
        let most = if streams { EXPORT_BYTES_MAX } else { MEMBER_BYTES_MAX };
        let size = self.source.size();
        let said = local.data_at.saturating_add(local.packed.size).min(size);
        let until = if local.is_described() { size } else { said };
        let stored = local.packed.method == STORED;
        if stored && local.is_described() {
            let until = size.min(local.data_at.saturating_add(MEMBER_BYTES_MAX));
            let end = end_of_stored(self.source, (local.data_at, until))?;
            let mut measured = copied(self.source, (local.data_at, end.unwrap_or(until)), most)?;
            measured.whole &= end.is_some();
            return Ok(measured);
        }
        let measure = if stored { copied } else { inflated };
        measure(self.source, (local.data_at, until), most)
    }

    /// Where it ends, if it is what its header or the descriptor behind it says.
    fn end_of(&self, local: &Local, measured: &Measured) -> Option<u64> {
        let end = local.data_at.saturating_add(measured.packed);
        if !measured.whole {
            return None;
        }
        if local.is_described() {
            return end.checked_add(self.descriptor(end, measured)?);
        }
        let said = local.data_at.saturating_add(local.packed.size);
        let same = (measured.size, measured.crc) == (local.size, local.packed.crc);
        (same && end <= said && said <= self.source.size()).then_some(said)
    }

    /// The bytes of the descriptor that stands there, or of what is left of it at the end of the archive.
    fn descriptor(&self, at: u64, measured: &Measured) -> Option<u64> {
        let left = self.source.size().saturating_sub(at);
        let bytes = piece(self.source, at, left.min(DESCRIPTOR_BYTES_MAX))?;
        let short = [measured.packed as u32, measured.size as u32].map(u32::to_le_bytes).concat();
        let wide = [measured.packed, measured.size].map(u64::to_le_bytes).concat();
        let crc = measured.crc.to_le_bytes();
        let forms = [&short, &wide].map(|sizes| [&crc[..], sizes].concat());
        let marked = forms.clone().map(|form| [DESCRIPTOR, &form].concat());
        forms.into_iter().chain(marked).find_map(|form| {
            let cut = left == bytes.len() as u64 && form.starts_with(&bytes);
            (bytes.starts_with(&form) || cut).then_some(left.min(form.len() as u64))
        })
    }
}

/// What a file comes to.
struct Measured {
    packed: u64,
    size: u64,
    crc: u32,
    /// It came to its end; else it is cut off, or broken.
    whole: bool,
    /// It was left at a bound.
    beyond: bool,
}

fn copied<S: ReadAt + ?Sized>(source: &S, (at, end): (u64, u64), most: u64) -> Result<Measured> {
    let mut section = Section::between(source, at, end.min(at.saturating_add(most)));
    let (mut crc, mut size) = (Crc::new(), 0);
    let mut bytes = vec![0; STEP];
    loop {
        let count = section.read(&mut bytes)?;
        if count == 0 {
            let beyond = end.saturating_sub(at) > most;
            return Ok(Measured { packed: size, size, crc: crc.sum(), whole: !beyond, beyond });
        }
        crc.update(bytes.get(..count).unwrap_or_default());
        size += count as u64;
    }
}

fn inflated<S: ReadAt + ?Sized>(source: &S, (at, end): (u64, u64), most: u64) -> Result<Measured> {
    let mut section = BufReader::with_capacity(STEP, Section::between(source, at, end));
    let (mut decoder, mut crc, mut out) = (Decompress::new(false), Crc::new(), vec![0; STEP]);
    let (mut whole, mut beyond) = (false, false);
    while !whole && !beyond {
        let (packed, size) = (decoder.total_in(), decoder.total_out());
        let status = decoder.decompress(section.fill_buf()?, &mut out, FlushDecompress::None);
        let (used, made) = (decoder.total_in() - packed, decoder.total_out() - size);
        section.consume(used as usize);
        crc.update(out.get(..made as usize).unwrap_or_default());
        match status {
            Ok(Status::StreamEnd) => whole = true,
            Ok(_) if used + made > 0 => {}
            Ok(_) | Err(_) => break,
        }
        let in_proportion = decoder.total_in().saturating_mul(RATIO_MAX).max(RATIO_FREE);
        beyond = decoder.total_out() > most.min(in_proportion);
    }
    let (packed, size) = (decoder.total_in(), decoder.total_out());
    Ok(Measured { packed, size, crc: crc.sum(), whole: whole && !beyond, beyond })
}

/// A stored file says nowhere that it ends; it does where a descriptor stands that has its length.
fn end_of_stored<S: ReadAt + ?Sized>(source: &S, (at, until): (u64, u64)) -> Result<Option<u64>> {
    find(source, (at, until), DESCRIPTOR, |place| {
        let length = u32::try_from(place - at).ok();
        let sizes = piece(source, place, MARKED_BYTES);
        sizes.is_some_and(|sizes| u32_at(&sizes, 8) == length && u32_at(&sizes, 12) == length)
    })
}

/// Where these bytes stand first and are what they seem. Each byte is read once, however many seem to be it.
fn find<S: ReadAt + ?Sized>(
    source: &S,
    (from, end): (u64, u64),
    mark: &[u8],
    mut is_it: impl FnMut(u64) -> bool,
) -> Result<Option<u64>> {
    let mut section = BufReader::with_capacity(STEP, Section::between(source, from, end));
    let (mut window, mut window_at) = (Vec::new(), from);
    loop {
        let bytes = section.fill_buf()?;
        let count = bytes.len();
        window.extend_from_slice(bytes);
        section.consume(count);
        let marks = window.windows(mark.len()).zip(window_at..).filter(|(piece, _)| *piece == mark);
        if let Some(place) = marks.map(|(_, place)| place).find(|place| is_it(*place)) {
            return Ok(Some(place));
        }
        if count == 0 {
            return Ok(None);
        }
        // What may be the beginning of it.
        let passed = window.len().saturating_sub(mark.len() - 1);
        window.drain(..passed);
        window_at += passed as u64;
    }
}
