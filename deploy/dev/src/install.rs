//! What a run needs and may not find: Debian packages, Python tools. Installed once, kept under `target/` where possible.

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
    std::env::var_os("PATH")
        .is_some_and(|paths| std::env::split_paths(&paths).any(|path| path.join(program).is_file()))
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

fn make_venv(venv: &PathBuf) -> Result<()> {
    let make = || stage::output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv));
    if make().is_ok() {
        return Ok(());
    }
    // Debian ships Python without the module that makes virtual environments.
    debian(&["python3", "python3-venv"])?;
    make().map(drop)
}
