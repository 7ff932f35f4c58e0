//! Gzip, bounded in size and in ratio.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;

use crate::reading::{Damage, Problem, Reason};

/// Most bytes a file may inflate to.
const INFLATED_MAX: usize = 256 << 20;
/// Most output a byte of input may give; XML of a workout gives about 30.
const RATIO_MAX: usize = 200;
/// Below this the ratio says nothing.
const RATIO_FREE: usize = 4 << 20;
const STEP: usize = 64 << 10;

/// The first bytes, as far as they can be had.
pub(crate) fn head(bytes: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    // What came before a fault is kept.
    let _ = MultiGzDecoder::new(bytes).take(most as u64).read_to_end(&mut out);
    out
}

/// Inflates; what came out before a fault is kept and the fault noted.
pub(crate) fn gunzip(bytes: &[u8], damage: &mut Damage) -> Result<Vec<u8>, Problem> {
    let size_max = INFLATED_MAX.min(bytes.len().saturating_mul(RATIO_MAX).max(RATIO_FREE));
    let mut decoder = MultiGzDecoder::new(bytes);
    let mut out = Vec::new();
    let mut step = vec![0; STEP];
    loop {
        match decoder.read(&mut step) {
            Ok(0) => return Ok(out),
            Ok(count) => out.extend_from_slice(step.get(..count).unwrap_or_default()),
            Err(_) if out.is_empty() => return Err(Problem::unreadable("the gzip data is broken")),
            Err(_) => {
                damage.note(Reason::Gzip);
                return Ok(out);
            }
        }
        if out.len() > size_max {
            return Err(Problem::unreadable("the gzip data inflates beyond the limit"));
        }
    }
}
