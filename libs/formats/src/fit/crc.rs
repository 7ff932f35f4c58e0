//! The checksum of FIT: CRC-16 with the reflected polynomial 0xA001, start 0 (CRC-16/ARC).

const POLYNOMIAL: u16 = 0xA001;
/// Bytes taken at a time ("slicing by eight"), so that the checksum costs a tenth of the decoding.
const SLICES: usize = 8;
static TABLES: [[u16; 256]; SLICES] = tables();

#[expect(clippy::indexing_slicing, reason = "constant evaluation, bounds are checked by the compiler")]
const fn tables() -> [[u16; 256]; SLICES] {
    let mut tables = [[0; 256]; SLICES];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut slice = 1;
    while slice < SLICES {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[slice - 1][byte];
            tables[slice][byte] = (crc >> 8) ^ tables[0][(crc & 0xff) as usize];
            byte += 1;
        }
        slice += 1;
    }
    tables
}

/// The checksum of all the bytes.
pub(crate) fn crc16(bytes: &[u8]) -> u16 {
    let (chunks, rest) = bytes.as_chunks::<SLICES>();
    let crc = chunks.iter().fold(0, eight);
    rest.iter().fold(crc, |crc, byte| (crc >> 8) ^ entry(0, crc.to_le_bytes()[0] ^ byte))
}

fn eight(crc: u16, chunk: &[u8; SLICES]) -> u16 {
    let [low, high] = crc.to_le_bytes();
    let [a, b, c, d, e, f, g, h] = *chunk;
    entry(7, a ^ low)
        ^ entry(6, b ^ high)
        ^ entry(5, c)
        ^ entry(4, d)
        ^ entry(3, e)
        ^ entry(2, f)
        ^ entry(1, g)
        ^ entry(0, h)
}

#[expect(
    clippy::indexing_slicing,
    reason = "a byte cannot exceed a table of 256, the slice is a literal below 8"
)]
fn entry(slice: usize, byte: u8) -> u16 {
    TABLES[slice][usize::from(byte)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_crc_16_arc_is_bb3d() {
        assert_eq!(crc16(b"123456789"), 0xBB3D);
        assert_eq!(crc16(b""), 0);
    }
}
