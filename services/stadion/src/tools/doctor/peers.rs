//! The siblings that run elsewhere, an address at a time: is somebody there, and is it one of us?

use std::{net::SocketAddr, time::Duration};

use platform::transport::{Address, Looked, probe};

use super::{
    Check, clock,
    finding::{Area, Finding},
    limited,
};
use crate::{
    about::{self, About},
    settings::Settings,
};

const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// A check an address of a peer.
pub(super) fn checks<'s>(settings: &'s Settings, marks: &'s [String]) -> Vec<Check<'s>> {
    let mut checks = Vec::new();
    for (service, addresses) in &settings.platform.peers {
        for address in Address::list(addresses).unwrap_or_default() {
            let what = format!("{service} {address}");
            checks.push(limited(Area::Peer, what, look(service, address, marks)));
        }
    }
    checks
}

async fn look(service: &str, address: Address, marks: &[String]) -> Vec<Finding> {
    let what = format!("{service} {address}");
    let probed = match probe(&address, service).await {
        Ok(probed) => probed,
        Err(error) => {
            let mend = format!("mend peers.{service}, or the name in DNS");
            return vec![Finding::wrong(
                Area::Peer,
                what,
                format!("the name is not resolved: {error}"),
                mend,
            )];
        }
    };
    let mut findings = Vec::new();
    for (place, looked) in probed {
        let what = format!("{service} {address} ({place})");
        match looked {
            Looked::Silent(why) => {
                let mend = format!("start it there, let this machine reach it, or mend peers.{service}");
                findings.push(Finding::wrong(Area::Peer, what, format!("it {why}"), mend));
            }
            Looked::Reluctant => {
                let mend = "see /readyz at its admin.addr for what it waits for";
                findings.push(Finding::warning(Area::Peer, what, "it is there and not ready", mend));
            }
            Looked::Serving => findings.extend(who(&what, service, place, marks).await),
        }
    }
    findings
}

/// It serves; is it ours, of our version, and what time is it there?
async fn who(what: &str, service: &str, place: SocketAddr, marks: &[String]) -> Vec<Finding> {
    let before_us = clock::now_us();
    let about = match asked(place).await {
        Ok(about) => about,
        Err(error) => {
            let means = format!("it serves, and does not say who it is ({error})");
            let mend = "see that it is a stadion of this version, with nothing between that changes requests";
            return vec![Finding::warning(Area::Peer, what, means, mend)];
        }
    };
    let moments = (before_us, clock::now_us());
    let ours = env!("CARGO_PKG_VERSION");
    let finding = if !marks.is_empty() && !about.installation.iter().any(|mark| marks.contains(mark)) {
        Finding::wrong(
            Area::Peer,
            what,
            format!(
                "it belongs to the installation {}, and we are {}",
                about.installation.join(", "),
                marks.join(", ")
            ),
            format!("mend peers.{service}, or give both the same installation.key_file"),
        )
    } else if about.version != ours {
        Finding::warning(
            Area::Peer,
            what,
            format!("it is of version {}, and we are of {ours}", about.version),
            "nothing while an upgrade is under way; else finish it",
        )
    } else {
        Finding::ok(Area::Peer, what, format!("{} serves {}", about.name, about.services.join(", ")))
    };
    vec![finding, clock::apart(what, about.now_us, moments)]
}

async fn asked(place: SocketAddr) -> Result<About, reqwest::Error> {
    let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).no_proxy().build()?;
    let answer = client.get(format!("http://{place}{}", about::PATH)).send().await?;
    answer.error_for_status()?.json().await
}
