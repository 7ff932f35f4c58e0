//! Engines that come as jars: a Java runtime, and Maven to fetch what a `pom.xml` under `deploy/engines` names.

use std::{
    ffi::OsString,
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{
    home,
    place::{Place, last_lines},
};
use crate::{install, stage};

const RUNTIME: &str = "openjdk-17-jre-headless";
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Lines of Maven's log that say what it could not get.
const WHY_LINES: usize = 12;

/// What is common to the engines' runtimes: quick to start and small, rather than fast after an hour. Nothing is left
/// in the machine's folders.
const SMALL: [&str; 5] = [
    "-Xms64m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
];

/// An engine's jars.
pub(crate) struct Jars {
    pub(crate) name: &'static str,
    /// Major versions of Java that it runs on.
    pub(crate) java: RangeInclusive<u32>,
}

impl Jars {
    pub(crate) fn folder(&self) -> PathBuf {
        home().join("programs").join(self.name)
    }

    /// Fetched once; again when the `pom.xml` has changed.
    pub(crate) fn install(&self) -> Result<()> {
        let pom = stage::root().join("deploy/engines").join(self.name).join("pom.xml");
        let wanted = fs::read_to_string(&pom).with_context(|| pom.display().to_string())?;
        let folder = self.folder();
        let fetched = folder.join("fetched.xml");
        let mut packages = Vec::new();
        if runtime(&self.java).is_none() {
            packages.push(RUNTIME);
        }
        let up_to_date = fs::read_to_string(&fetched).is_ok_and(|text| text == wanted);
        if !up_to_date && !install::has("mvn") {
            packages.push("maven");
        }
        if !packages.is_empty() {
            install::debian(&packages)?;
        }
        if up_to_date {
            return Ok(());
        }
        println!("{}: fetching its jars (Maven) into {}", self.name, folder.display());
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let mut fetch = Command::new("mvn");
        fetch.args(["--quiet", "--batch-mode", "--strict-checksums", "--file"]).arg(&pom).arg(COPY);
        fetch.arg("-DincludeScope=runtime").arg(with("-DoutputDirectory=", &folder));
        // Maven complains where others answer, and colours its silence.
        let log = folder.with_extension("log");
        fetch.arg("--log-file").arg(&log);
        if let Err(error) = stage::output(fetch.current_dir(&folder)) {
            let why = last_lines(&log, WHY_LINES).unwrap_or_default().join("\n  ");
            bail!("{error}\n  {why}");
        }
        fs::write(&fetched, wanted).with_context(|| fetched.display().to_string())
    }

    /// A program of the engine, for the settings and the scratch folder of a place.
    pub(crate) fn program(&self, place: &Place, memory: &str) -> Result<Command> {
        let java = runtime(&self.java).with_context(|| self.what_is_missing())?;
        let mut command = Command::new(java);
        command.args(SMALL).arg(format!("-Xmx{memory}"));
        command.arg(with("-Djava.io.tmpdir=", &place.scratch()));
        command.arg(with("-XX:ErrorFile=", &place.folder.join("crash")));
        command.arg("-cp").arg(self.folder().join("*"));
        Ok(command)
    }

    fn what_is_missing(&self) -> String {
        let (oldest, newest) = (self.java.start(), self.java.end());
        format!("{} needs Java of a version from {oldest} to {newest}: install {RUNTIME}", self.name)
    }
}

/// `-Dname=` and a path, which need not be text.
pub(crate) fn with(option: &str, path: &Path) -> OsString {
    let mut word = OsString::from(option);
    word.push(path);
    word
}

/// A template of `deploy/engines`, each `{name}` replaced, written where the engine reads it.
pub(crate) fn fill(template: &str, values: &[(&str, &str)], to: &Path) -> Result<()> {
    let text = filled(template, values)?;
    fs::write(to, text).with_context(|| to.display().to_string())
}

fn filled(template: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut text = template.to_owned();
    for (name, value) in values {
        let word = format!("{{{name}}}");
        if !text.contains(&word) {
            bail!("the template has no {word}");
        }
        text = text.replace(&word, value);
    }
    Ok(text)
}

/// The first runtime of such a version: the one that is asked for, the one on the path, Debian's.
fn runtime(versions: &RangeInclusive<u32>) -> Option<PathBuf> {
    let asked = std::env::var_os("JAVA_HOME").map(|folder| PathBuf::from(folder).join("bin/java"));
    let debian = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let debian = debian.map(|entry| entry.path().join("bin/java"));
    asked
        .into_iter()
        .chain([PathBuf::from("java")])
        .chain(debian)
        .find(|java| major_version(java).is_some_and(|version| versions.contains(&version)))
}

fn major_version(java: &Path) -> Option<u32> {
    let output = Command::new(java).arg("-version").output().ok()?;
    major_version_in(&String::from_utf8_lossy(&output.stderr))
}

/// `openjdk version "17.0.15" 2025-04-15` → 17; versions before 9 are written `1.8.0`.
fn major_version_in(said: &str) -> Option<u32> {
    let version = said.lines().find_map(|line| line.split("version \"").nth(1))?;
    let mut numbers = version.split(|letter: char| !letter.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_says_its_version_in_three_ways() {
        assert_eq!(major_version_in("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK …"), Some(17));
        assert_eq!(major_version_in("Picked up _JAVA_OPTIONS: -X\njava version \"1.8.0_392\"\n"), Some(8));
        assert_eq!(major_version_in("openjdk version \"25-ea\" 2025-09-16"), Some(25));
        assert_eq!(major_version_in("The operation couldn't be completed"), None);
    }

    #[test]
    fn a_template_is_filled_wherever_a_name_stands() {
        let text = filled("a={port}\nb=h:{port}\nc={data}", &[("port", "1"), ("data", "/x y")]).unwrap();
        assert_eq!(text, "a=1\nb=h:1\nc=/x y");
        assert!(filled("a={port}", &[("prot", "1")]).is_err());
    }
}
