//! Pairing by code (RFC 8628): the owner enters what is shown here where they are signed in already; no password is
//! ever typed into an agent.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    complain,
    courier::{CLIENT_ID, Courier, Trouble, read_tokens},
    patience::Patience,
};
use crate::{demo::door::Answer, tools::say::say};

const SCOPE: &str = "activity:ingest";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// RFC 8628 § 3.5: by so much slower when told to slow down.
const SLOWER: Duration = Duration::from_secs(5);

/// What the server gave to begin with.
struct Code {
    device_code: String,
    interval: Duration,
    expires: Instant,
}

/// Shows a code and waits until its owner has entered it; then the tokens are kept.
pub(super) async fn pair(courier: &mut Courier, name: &str, patience: &mut Patience) -> Result<(), Trouble> {
    let mut code = begin(courier, name).await?;
    loop {
        sleep(code.interval).await;
        if Instant::now() > code.expires {
            return Err(Trouble::Unpaired("the code was not entered in time".to_owned()));
        }
        let poll = [("grant_type", GRANT), ("device_code", &code.device_code), ("client_id", CLIENT_ID)];
        let answer = match courier.door.post("/oauth/token").form(&poll).send().await {
            Ok(answer) => answer,
            Err(error) => {
                // The code stays good meanwhile.
                let pause = patience.next(None);
                complain(format!("{error:#}; again in {:.1} s", pause.as_secs_f64()));
                sleep(pause).await;
                continue;
            }
        };
        let error = answer.text("/error").unwrap_or_default();
        match (answer.status, error.as_str()) {
            (200, _) => return keep(courier, &answer),
            (400, "authorization_pending") => {}
            (400, "slow_down") => code.interval += SLOWER,
            (400..=499, "expired_token" | "invalid_grant" | "access_denied") => {
                return Err(Trouble::Unpaired(format!("the code is no longer good ({error})")));
            }
            _ => return Err(Trouble::of(&answer)),
        }
    }
}

async fn begin(courier: &Courier, name: &str) -> Result<Code, Trouble> {
    let wanted = [("client_id", CLIENT_ID), ("scope", SCOPE), ("device_name", name)];
    let answer = courier.door.post("/oauth/device_authorization").form(&wanted).send().await;
    let answer = answer.map_err(|error| Trouble::unheard(&error))?;
    if answer.status != 200 {
        return Err(Trouble::of(&answer));
    }
    let said = |pointer: &str| answer.text(pointer).map_err(|error| Trouble::unheard(&error));
    let seconds = |pointer: &str, otherwise: f64| {
        Duration::from_secs_f64(answer.number(pointer).unwrap_or(otherwise).clamp(1.0, 3600.0))
    };
    let life = seconds("/expires_in", 600.0);
    say(format_args!("enter the code {} at {}", said("/user_code")?, said("/verification_uri")?));
    if let Ok(complete) = answer.text("/verification_uri_complete") {
        say(format_args!("or open {complete} within {} minutes", life.as_secs() / 60));
    }
    Ok(Code {
        device_code: said("/device_code")?,
        interval: seconds("/interval", 5.0),
        expires: Instant::now() + life,
    })
}

fn keep(courier: &mut Courier, answer: &Answer) -> Result<(), Trouble> {
    let tokens = read_tokens(answer)?;
    let account_id = answer.text("/account_id").map_err(|error| Trouble::unheard(&error))?;
    courier.book.pair(account_id, tokens).map_err(Trouble::Own)?;
    say(format_args!("paired; the token is kept in {}", courier.book.path().display()));
    Ok(())
}
