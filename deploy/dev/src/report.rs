//! What cargo's test output says, and the closing words of a run.

use std::{
    collections::BTreeSet,
    io::{BufRead, Write},
};

use crate::stage::{Outcome, Stage};

/// Counts and names out of the output of `cargo test … -- --show-output`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(crate) failures: Vec<String>,
    /// What tests said that they skipped, `what: why`.
    pub(crate) skips: BTreeSet<String>,
}

impl Counts {
    pub(crate) fn add(&mut self, mut more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
        self.failures.append(&mut more.failures);
        self.skips.append(&mut more.skips);
    }
}

/// Reads line by line; shows what a reader needs, keeps the words of passed tests to itself, writes all to `log`.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) counts: Counts,
    in_successes: bool,
    /// How many of the failures have got their package's name.
    named: usize,
    /// Ignored tests with the reason that stands behind the comma.
    ignored: BTreeSet<String>,
}

impl Reader {
    pub(crate) fn follow(
        &mut self,
        lines: impl BufRead,
        shown: &mut impl Write,
        log: &mut impl Write,
    ) -> std::io::Result<()> {
        for line in lines.split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            writeln!(log, "{line}")?;
            if self.take(&line) {
                writeln!(shown, "{line}")?;
            }
        }
        Ok(())
    }

    /// Takes one line; answers whether it is to be shown.
    fn take(&mut self, line: &str) -> bool {
        let text = line.trim();
        if text.starts_with("Running ") || text.starts_with("Doc-tests ") {
            self.in_successes = false;
        } else if text == "successes:" {
            self.in_successes = true;
        } else if text == "failures:" {
            self.in_successes = false;
        } else if let Some(skip) = text.strip_prefix("skipped: ") {
            self.counts.skips.insert(skip.to_owned());
        } else if let Some(result) = text.strip_prefix("test result: ") {
            self.in_successes = false;
            self.count(result);
        } else if let Some(failed) = text.strip_prefix("error: test failed, to rerun pass `") {
            self.name_package(failed.trim_end_matches('`'));
        } else if let Some(test) = text.strip_prefix("test ") {
            return self.one_test(test);
        }
        !self.in_successes && !text.is_empty()
    }

    fn one_test(&mut self, test: &str) -> bool {
        if let Some(name) = test.strip_suffix(" ... FAILED") {
            self.counts.failures.push(name.to_owned());
            return true;
        }
        if let Some((name, reason)) = test.split_once(" ... ignored") {
            let reason = reason.trim_start_matches(',').trim();
            let reason = if reason.is_empty() { "ignored without a reason" } else { reason };
            self.ignored.insert(format!("{name}: {reason}"));
            return true;
        }
        !self.in_successes && !test.ends_with(" ... ok")
    }

    /// Every crate's tests are called `it`: only when a binary has failed does cargo say whose they were.
    pub(crate) fn name_package(&mut self, flags: &str) {
        for failure in self.counts.failures.iter_mut().skip(self.named) {
            *failure = format!("{flags} {failure}");
        }
        self.named = self.counts.failures.len();
    }

    fn count(&mut self, result: &str) {
        let number = |word: &str| -> u64 {
            let part = result.split([';', '.']).find(|part| part.trim().ends_with(word));
            part.and_then(|part| part.split_whitespace().next())
                .and_then(|text| text.parse().ok())
                .unwrap_or(0)
        };
        self.counts.passed += number("passed");
        self.counts.failed += number("failed");
        self.counts.ignored += number("ignored");
    }

    /// The sums; ignored tests stand among the skips.
    pub(crate) fn finish(mut self) -> Counts {
        self.counts.skips.append(&mut self.ignored);
        self.counts
    }
}

/// Prints every stage, every failure, every skip with its reason, and the closing line. Answers whether all is well.
pub(crate) fn close(stages: &[Stage], counts: &Counts) -> bool {
    println!("\n── what was run ──");
    for stage in stages {
        let seconds = stage.took.as_secs_f64();
        match &stage.outcome {
            Outcome::Passed => println!("  passed   {seconds:>7.1} s  {}", stage.name),
            Outcome::Failed(why) => println!("  FAILED   {seconds:>7.1} s  {}: {why}", stage.name),
            Outcome::Skipped(why) => println!("  skipped             {}: {why}", stage.name),
        }
    }
    if !counts.failures.is_empty() {
        println!("\n── what failed ──");
        counts.failures.iter().for_each(|failure| println!("  {failure}"));
    }
    if !counts.skips.is_empty() {
        println!("\n── what was skipped inside, and why ──");
        counts.skips.iter().for_each(|skip| println!("  {skip}"));
    }
    let of =
        |wanted: fn(&Outcome) -> bool| stages.iter().filter(|stage| wanted(&stage.outcome)).count() as u64;
    let stages_failed = of(|outcome| matches!(outcome, Outcome::Failed(_)));
    // The stage that runs the tests is counted by its tests, unless it failed without one of them failing.
    let failed = if counts.failed > 0 { counts.failed + stages_failed - 1 } else { stages_failed };
    let passed = counts.passed + of(|outcome| matches!(outcome, Outcome::Passed));
    let skipped = counts.skips.len() as u64 + of(|outcome| matches!(outcome, Outcome::Skipped(_)));
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    failed == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
   Compiling stadion-kernel v0.1.0
     Running unittests src/lib.rs (target/debug/deps/kernel-1)

running 3 tests
test id::tests::ids_are_stable ... ok
test slow::one ... ignored, needs an hour
test money::adds ... FAILED

successes:

---- id::tests::ids_are_stable stdout ----
skipped: the store on PostgreSQL: no server
a chatty line

successes:
    id::tests::ids_are_stable

failures:

---- money::adds stdout ----
assertion failed

failures:
    money::adds

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `-p stadion-kernel --lib`
   Doc-tests stadion_kernel

running 0 tests

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    fn counted() -> Counts {
        let (mut reader, mut log) = (Reader::default(), Vec::new());
        reader.follow(OUTPUT.as_bytes(), &mut Vec::new(), &mut log).unwrap();
        assert_eq!(String::from_utf8(log).unwrap(), OUTPUT);
        reader.finish()
    }

    #[test]
    fn tests_are_counted_over_all_binaries() {
        let counts = counted();
        assert_eq!((counts.passed, counts.failed, counts.ignored), (3, 1, 1));
        assert_eq!(counts.failures, ["-p stadion-kernel --lib money::adds"]);
    }

    #[test]
    fn what_tests_skip_is_told_with_its_reason() {
        let skips: Vec<String> = counted().skips.into_iter().collect();
        assert_eq!(skips, ["slow::one: needs an hour", "the store on PostgreSQL: no server"]);
    }

    #[test]
    fn words_of_passed_tests_are_not_shown() {
        let mut reader = Reader::default();
        let shown: Vec<&str> = OUTPUT.lines().filter(|line| reader.take(line)).collect();
        assert!(!shown.contains(&"a chatty line"));
        assert!(shown.contains(&"assertion failed") && shown.contains(&"test money::adds ... FAILED"));
    }
}
