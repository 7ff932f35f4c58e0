//! `stadion replay [CONSUMER]`: dead letters are taken again, in order within each key.

use super::say::say;
use crate::{
    settings::Settings,
    tools::{Request, ask},
};

/// # Errors
/// A store that cannot be read. Letters that are still refused are no error: they are counted.
pub async fn run(settings: Settings, consumer: Option<String>) -> anyhow::Result<()> {
    let answer = ask(&settings, Request::Replay { consumer }).await?;
    for (service, report) in answer.as_object().into_iter().flatten() {
        let count = |name: &str| report.get(name).and_then(serde_json::Value::as_u64).unwrap_or_default();
        say(format_args!(
            "{service}: {} waited, {} released, {} still parked",
            count("waiting"),
            count("released"),
            count("still_parked")
        ));
    }
    Ok(())
}
