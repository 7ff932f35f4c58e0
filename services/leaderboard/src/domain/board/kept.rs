//! A board as bytes: what it is kept as over a restart. Little-endian; members stand in the order of the board, so that
//! reading it is appending.
//!
//! ```text
//! ascending u8 · ties u8 · sequence u64
//! segments u32, each: bytes u16, its name                       without `all`, which is number 0
//! sets u32, each: count u16, numbers of segments u32…
//! members u32, each: account 16 · flags u8 · number u32 · set u32 · revision u64 · where scored: value i64, reached_us i64
//! ```

use kernel::Id;
use uuid::Uuid;

use super::*;

const SCORED: u8 = 1;
const NAMED: u8 = 2;
/// Of a member without a score.
const MEMBER_BYTES: usize = 33;

/// What was read is no board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no board")]
pub struct Damaged;

impl Board {
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend([u8::from(self.ascending), code_of(self.ties)]);
        out.extend(self.sequence.to_le_bytes());
        self.segments.write(out);
        out.extend(self.members.len().to_le_bytes());
        out.reserve(self.members.len() as usize * (MEMBER_BYTES + 16));
        for item in self.segments.all().order.iter_from(0) {
            write_member(&self.members[item.holder], out);
        }
        let unscored = (0..self.members.len()).map(|slot| &self.members[slot]);
        unscored.filter(|member| member.score.is_none()).for_each(|member| write_member(member, out));
    }

    /// Takes a board off the front of `bytes`.
    ///
    /// # Errors
    /// Bytes that [`Board::write`] did not write.
    pub fn read(bytes: &mut &[u8]) -> Result<Self, Damaged> {
        let [ascending, ties] = take(bytes)?;
        let mut board = Self::new(ascending == 1, ties_of(ties)?);
        board.sequence = u64::from_le_bytes(take(bytes)?);
        board.segments = Segments::read(bytes, board.ties)?;
        let count = u32::from_le_bytes(take(bytes)?) as usize;
        if count > bytes.len() / MEMBER_BYTES {
            return Err(Damaged);
        }
        board.members = Members::with_room(count);
        let mut last = None;
        for _ in 0..count {
            let member = read_member(bytes)?;
            if !board.segments.has(member.set) {
                return Err(Damaged);
            }
            let slot = board.members.put(None, member);
            if let Some(key) = board.key(slot) {
                if last.is_some_and(|last| last >= key) {
                    return Err(Damaged);
                }
                board.enter(slot, key);
                last = Some(key);
            }
        }
        Ok(board)
    }
}

fn write_member(member: &Member, out: &mut Vec<u8>) {
    let named = if member.show_as == BoardName::Shown { NAMED } else { 0 };
    out.extend(member.account.as_bytes());
    out.push(named | if member.score.is_some() { SCORED } else { 0 });
    out.extend(member.number.to_le_bytes());
    out.extend(member.set.to_le_bytes());
    out.extend(member.revision.to_le_bytes());
    if let Some(score) = member.score {
        out.extend(score.value.to_le_bytes());
        out.extend(score.reached_us.to_le_bytes());
    }
}

fn read_member(bytes: &mut &[u8]) -> Result<Member, Damaged> {
    let account = Id::new(Uuid::from_bytes(take(bytes)?));
    let [flags] = take(bytes)?;
    let number = u32::from_le_bytes(take(bytes)?);
    let set = u32::from_le_bytes(take(bytes)?);
    let revision = u64::from_le_bytes(take(bytes)?);
    let score = match flags & SCORED {
        0 => None,
        _ => {
            let value = i64::from_le_bytes(take(bytes)?);
            Some(Score { value, reached_us: i64::from_le_bytes(take(bytes)?) })
        }
    };
    let show_as = if flags & NAMED == 0 { BoardName::Anonymous } else { BoardName::Shown };
    Ok(Member { account, score, revision, number, set, show_as })
}

/// Takes bytes off the front.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Damaged> {
    let (first, rest) = bytes.split_first_chunk().ok_or(Damaged)?;
    *bytes = rest;
    Ok(*first)
}

const fn code_of(ties: Ties) -> u8 {
    match ties {
        Ties::First => 0,
        Ties::Shared => 1,
        Ties::Dense => 2,
    }
}

fn ties_of(code: u8) -> Result<Ties, Damaged> {
    [Ties::First, Ties::Shared, Ties::Dense].into_iter().find(|ties| code_of(*ties) == code).ok_or(Damaged)
}
