//! A short turn of the fuzzer, and all that it ever found.

#[path = "../../examples/fuzz/mutate.rs"]
mod mutate;
#[path = "../../examples/fuzz/sound.rs"]
mod sound;

use std::path::Path;

use mutate::{Dice, mutated, reframed};
use stadion_formats::{fit, gpx, synth, tcx};

#[test]
fn two_thousand_mutated_files_break_no_promise() {
    let run = synth::run(5, "2026-03-01T07:30:00Z".parse().expect("a time"), 300.0, 300.0);
    let corpus = [fit::write(&run), gpx::write(&run).into_bytes(), tcx::write(&run).into_bytes()];
    let mut dice = Dice(2);
    for _ in 0..1_000 {
        let bytes = mutated(&mut dice, &corpus);
        sound::check(&bytes).expect("sound");
        sound::check(&reframed(bytes)).expect("sound");
    }
}

#[test]
fn what_was_found_once_is_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/finds");
    for entry in std::fs::read_dir(folder).expect("the folder of finds").flatten() {
        let bytes = std::fs::read(entry.path()).expect("a find");
        assert!(sound::check(&bytes).is_ok(), "{}", entry.path().display());
    }
}
