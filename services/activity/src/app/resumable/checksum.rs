//! What a part must come to: by the extension `checksum` of tus.

use bytes::Bytes;
use kernel::{Code, Refusal};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Of what has come so far, and what it must be in the end.
pub(super) struct Checksum {
    so_far: SoFar,
    wanted: Bytes,
}

enum SoFar {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Checksum {
    /// Nothing is checked where no algorithm is named.
    ///
    /// # Errors
    /// `bad_checksum` for another algorithm, or another length.
    pub(super) fn of(algorithm: &str, wanted: Bytes) -> Result<Option<Self>, Refusal> {
        let (so_far, length) = match algorithm {
            "" => return Ok(None),
            "sha1" => (SoFar::Sha1(Sha1::new()), Sha1::output_size()),
            "sha256" => (SoFar::Sha256(Sha256::new()), Sha256::output_size()),
            _ => return Err(Refusal::new(Code::BadChecksum, "one of sha1, sha256")),
        };
        if wanted.len() != length {
            return Err(Refusal::new(Code::BadChecksum, format!("{algorithm} has {length} bytes")));
        }
        Ok(Some(Self { so_far, wanted }))
    }

    pub(super) fn add(&mut self, data: &[u8]) {
        match &mut self.so_far {
            SoFar::Sha1(digest) => digest.update(data),
            SoFar::Sha256(digest) => digest.update(data),
        }
    }

    /// # Errors
    /// `checksum_mismatch` when something else came.
    pub(super) fn check(self) -> Result<(), Refusal> {
        let came = match self.so_far {
            SoFar::Sha1(digest) => digest.finalize().to_vec(),
            SoFar::Sha256(digest) => digest.finalize().to_vec(),
        };
        if came == self.wanted {
            return Ok(());
        }
        Err(Refusal::new(Code::ChecksumMismatch, "nothing of the part was kept: send it again"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `abc`, by FIPS 180-4.
    const SHA1: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";
    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn checked(algorithm: &str, wanted: &str, pieces: &[&[u8]]) -> Result<(), Code> {
        let wanted = hex::decode(wanted).unwrap().into();
        let mut checksum = Checksum::of(algorithm, wanted).map_err(|refusal| refusal.code)?.unwrap();
        pieces.iter().for_each(|piece| checksum.add(piece));
        checksum.check().map_err(|refusal| refusal.code)
    }

    #[test]
    fn a_part_is_checked_whatever_pieces_it_came_in() {
        for (algorithm, wanted) in [("sha1", SHA1), ("sha256", SHA256)] {
            assert_eq!(checked(algorithm, wanted, &[b"abc"]), Ok(()));
            assert_eq!(checked(algorithm, wanted, &[b"a", b"", b"bc"]), Ok(()));
            assert_eq!(checked(algorithm, wanted, &[b"ab"]), Err(Code::ChecksumMismatch));
        }
        assert_eq!(checked("sha1", SHA256, &[b"abc"]), Err(Code::BadChecksum));
        assert_eq!(checked("md5", SHA1, &[b"abc"]), Err(Code::BadChecksum));
        assert!(Checksum::of("", Bytes::new()).unwrap().is_none());
    }
}
