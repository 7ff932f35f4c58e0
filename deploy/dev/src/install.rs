//! What a run needs and may not find: Debian packages, Python tools, a browser. Installed once, kept under `target/`
//! where possible.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};

use crate::stage;

/// Installs Debian packages; only root may, and only where there is apt.
pub(crate) fn debian(packages: &[&str]) -> Result<()> {
    if !is_root() {
        bail!("only root may install: sudo apt-get install {}", packages.join(" "));
    }
    if !has("apt-get") {
        bail!("there is no apt-get here: install {} by hand", packages.join(" "));
    }
    println!("installing {} (apt-get)", packages.join(" "));
    stage::output(Command::new("apt-get").args(["update", "-q"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-q", "--no-install-recommends"]).args(packages);
    // A package that starts a service of its own would be in our way; 101 says "not now" to Debian's scripts.
    install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1");
    stage::output(&mut install).map(drop)
}

pub(crate) fn is_root() -> bool {
    stage::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Is there such a program on the path?
pub(crate) fn has(program: &str) -> bool {
    found(program).is_some()
}

/// Where the program is, by the path.
fn found(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|path| path.join(program)).find(|path| path.is_file())
}

/// The folder of the Python tools' programs: a virtual environment with exactly what `requirements.txt` names.
pub(crate) fn python_tools() -> Result<PathBuf> {
    let wanted_file = stage::root().join("deploy/dev/requirements.txt");
    let wanted = fs::read_to_string(&wanted_file).with_context(|| wanted_file.display().to_string())?;
    let venv = stage::target().join("venv");
    let installed = venv.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(venv.join("bin"));
    }
    make_venv(&venv)?;
    println!("installing Python tools into {}", venv.display());
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&wanted_file);
    stage::output(&mut pip)?;
    fs::write(&installed, wanted).with_context(|| installed.display().to_string())?;
    Ok(venv.join("bin"))
}

/// Prometheus' own judge of rules and expressions.
pub(crate) fn promtool() -> Result<PathBuf> {
    if !has("promtool") {
        debian(&["prometheus"])?;
    }
    found("promtool").context("prometheus was installed and promtool is not on the path")
}

/// What the browser tests run on.
pub(crate) struct Browser {
    pub(crate) node: PathBuf,
    pub(crate) chromium: PathBuf,
}

/// Chromium from Debian, Node from wherever there is one that is new enough.
pub(crate) fn browser() -> Result<Browser> {
    let package = "chromium";
    if !has(package) {
        debian(&[package])?;
    }
    let chromium = found(package).context("chromium was installed and is not on the path")?;
    Ok(Browser { node: node()?, chromium })
}

/// The oldest that the tests' driver runs on.
const NODE_MAJOR_MIN: u32 = 20;

/// Node with npm beside it: the system's, else one that comes as a Python package (Debian 12 has an older one).
fn node() -> Result<PathBuf> {
    let system = PathBuf::from("node");
    if is_new_enough(&system) && has("npm") {
        return Ok(system);
    }
    let tools = python_tools()?;
    let own = tools.join("node");
    if !is_new_enough(&own) {
        println!("installing Node into {}", tools.display());
        let mut pip = Command::new(tools.join("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
        pip.arg(stage::root().join("deploy/browser/requirements.txt"));
        stage::output(&mut pip)?;
    }
    if !is_new_enough(&own) {
        bail!("there is no Node of version {NODE_MAJOR_MIN} or newer");
    }
    Ok(own)
}

/// `v20.11.1` → 20
fn is_new_enough(node: &PathBuf) -> bool {
    let version = stage::output(Command::new(node).arg("--version")).unwrap_or_default();
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|text| text.parse().ok());
    major.is_some_and(|major: u32| major >= NODE_MAJOR_MIN)
}

fn make_venv(venv: &PathBuf) -> Result<()> {
    let make = || stage::output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv));
    if make().is_ok() {
        return Ok(());
    }
    // Debian ships Python without the module that makes virtual environments.
    debian(&["python3", "python3-venv"])?;
    make().map(drop)
}
