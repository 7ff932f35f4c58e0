//! Bytes made worse: what transmission, half-written files and malice do to them.

/// SplitMix64, by Vigna: the same everywhere for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// Below `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.roll() as usize).checked_rem(end).unwrap_or(0)
    }
}

/// What numbers are when they are at their ends.
const EDGES: [u8; 9] = [0x00, 0x01, 0x0f, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff];
/// What the text formats are made of.
const WORDS: [&str; 16] = [
    "<",
    ">",
    "/>",
    "</",
    "<!--",
    "-->",
    "<![CDATA[",
    "<!DOCTYPE a [",
    "&a;",
    "&#x0;",
    "\"",
    "=",
    "NaN",
    "1e999",
    "-",
    "9999-12-31T23:59:59Z",
];
const PIECE_MAX: usize = 4_096;

/// One of the corpus with one to eight changes.
pub(crate) fn mutated(dice: &mut Dice, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus.get(dice.below(corpus.len())).cloned().unwrap_or_default();
    for _ in 0..=dice.below(8) {
        change(dice, &mut bytes, corpus);
    }
    bytes
}

fn change(dice: &mut Dice, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = dice.below(bytes.len());
    let length = dice.below(PIECE_MAX.min(bytes.len() - at)).min(1 << dice.below(13));
    let piece = at..at + length;
    match dice.below(10) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(piece)),
        2 => {
            let copy = bytes[piece].to_vec();
            let to = dice.below(bytes.len());
            bytes.splice(to..to, copy);
        }
        3 => {
            let other = &corpus[dice.below(corpus.len())];
            let from = dice.below(other.len());
            let end = other.len().min(from + length.max(1));
            bytes.splice(piece, other[from..end].iter().copied());
        }
        4 => {
            let word = WORDS[dice.below(WORDS.len())];
            bytes.splice(at..at, word.bytes());
        }
        5 => bytes.insert(at, dice.roll() as u8),
        6 => bytes[piece].reverse(),
        7 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (dice.roll() & 7)),
        8 => {
            let edge = EDGES[dice.below(EDGES.len())];
            let run = 1 << dice.below(4);
            bytes.iter_mut().skip(at).take(run).for_each(|byte| *byte = edge);
        }
        _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = dice.roll() as u8),
    }
}

/// What follows it, if a change has left a FIT header: sizes and checksums that hold again, so that what is inside is
/// read as if nobody had noticed.
pub(crate) fn reframed(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() > 16 && bytes[8..12] == *b".FIT" {
        bytes[0] = 14;
        let size = (bytes.len() - 16) as u32;
        bytes[4..8].copy_from_slice(&size.to_le_bytes());
        bytes[12..14].fill(0);
    }
    bytes
}
