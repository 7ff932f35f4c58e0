//! `stadion operator add EMAIL`.

use anyhow::Context;

use super::say::say;
use crate::{
    settings::Settings,
    tools::{Request, ask},
};

/// Prints the one-time code, alone.
///
/// # Errors
/// An address that is none, an installation that cannot be reached.
pub async fn add(settings: Settings, email: &str) -> anyhow::Result<()> {
    let answer = ask(&settings, Request::AddOperator { email: email.to_owned() }).await?;
    let code = answer.get("code").and_then(serde_json::Value::as_str).context("no code came back")?;
    say(code);
    eprintln!(
        "Set a password with it: POST /v1/password-resets/confirm {{\"email\", \"code\", \"password\"}}"
    );
    Ok(())
}
