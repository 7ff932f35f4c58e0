//! `stadion keys …`: the installation's key is changed step by step, while the fleet runs.

use std::time::Duration;

use anyhow::{Context, ensure};
use platform::installation::{InstallationKey, Step, step};

use super::say::say;
use crate::{cli::KeysCommand, installation::key_file, settings::Settings};

/// # Errors
/// A file that cannot be read or written, a step out of its turn.
pub async fn run(settings: &Settings, what: &KeysCommand) -> anyhow::Result<()> {
    let path = key_file(settings);
    // The tools that write never make the first one: a file that is missing is another file.
    ensure!(path.is_file(), "installation.key_file: {} is not there", path.display());
    let take = |one| step(&path, one).with_context(|| path.display().to_string());
    match what {
        KeysCommand::List(_) => {}
        KeysCommand::Add(_) => say(take(Step::Add)?),
        KeysCommand::Turn(_) => say(take(Step::Turn)?),
        KeysCommand::Retire(_) => say(take(Step::Retire)?),
        KeysCommand::Rotate { wait, .. } => {
            let pause = Duration::from_secs(*wait);
            for one in [Step::Add, Step::Turn] {
                say(format_args!("{one:?}: {}, in {wait} s", take(one)?));
                tokio::time::sleep(pause).await;
            }
            say(take(Step::Retire)?);
        }
    }
    for (nth, mark) in InstallationKey::load_or_create(&path)?.marks().iter().enumerate() {
        say(format_args!("{mark} {}", if nth == 0 { "signs" } else { "is believed" }));
    }
    Ok(())
}
