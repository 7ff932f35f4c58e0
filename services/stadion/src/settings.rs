//! Every setting of every service, in one place, each under one name.

use platform::config::{Config, ConfigError, Loading, Sources};

use crate::stores::SERVICES;

/// All settings, valid.
#[derive(Clone, Debug)]
pub struct Settings {
    pub platform: platform::config::Settings,
    pub auth: auth::Config,
    pub activity: activity::Config,
    pub gamification: gamification::Config,
    pub promo: promo::Config,
    pub social: social::Config,
    pub leaderboard: leaderboard::Config,
    pub gateway: gateway::Config,
    /// For `doctor --print-config`.
    pub config: Config,
}

/// Settings that a service is given by this room, because they stand under a shared name.
const OF_AUTH: &[&str] = &["sign_ups_per_hour", "failed_logins_per_hour"];
const OF_GATEWAY: &[&str] = &[
    "limits.writes_per_s",
    "limits.reads_per_s",
    "token_issuer",
    "token_audience",
    "upload_bytes_max",
    "resumable_bytes_max",
];

/// # Errors
/// Everything that is wrong, at once, each with its origin.
pub fn load(sources: &Sources) -> Result<Settings, ConfigError> {
    let mut loading = Loading::new(sources);
    let platform: platform::config::Settings = loading.root();
    let mut auth: auth::Config = loading.part("auth", OF_AUTH);
    let mut activity: activity::Config = loading.part("activity", &[]);
    activity.files = loading.section("files");
    let gamification: gamification::Config = loading.part("gamification", &[]);
    let promo: promo::Config = loading.part("promo", &[]);
    let social: social::Config = loading.part("social", &[]);
    let leaderboard: leaderboard::Config = loading.part("leaderboard", &[]);
    let mut gateway: gateway::Config = loading.part("gateway", OF_GATEWAY);

    auth.sign_ups_per_hour = platform.limits.sign_ups_per_hour;
    auth.mail.clone_from(&platform.mail);
    if let Some(what) = auth.mail_fault() {
        loading.fault("auth.mail_from", what);
    }
    auth.failed_logins_per_hour = platform.limits.failed_logins_per_hour;
    gateway.limits.writes_per_s = platform.limits.writes_per_s;
    gateway.limits.reads_per_s = platform.limits.reads_per_s;
    gateway.token_issuer.clone_from(&auth.token_issuer);
    gateway.token_audience.clone_from(&auth.token_audience);
    gateway.upload_bytes_max = activity.upload_bytes_max;
    gateway.resumable_bytes_max = activity.resumable_bytes_max;
    for (key, what) in activity.faults() {
        loading.fault(&format!("activity.{key}"), what);
    }
    for what in gateway.faults() {
        loading.fault("gateway", what);
    }
    if activity.upload_bytes_max >= platform::transport::MESSAGE_BYTES_MAX {
        let most = platform::transport::MESSAGE_BYTES_MAX - 1;
        loading.fault("activity.upload_bytes_max", format!("must be at most {most}"));
    }
    for service in platform.peers.keys().filter(|name| !SERVICES.iter().any(|(known, _)| known == name)) {
        loading.fault(&format!("peers.{service}"), "there is no such service");
    }
    let config = loading.finish()?;
    Ok(Settings { platform, auth, activity, gamification, promo, social, leaderboard, gateway, config })
}

impl Settings {
    /// Whether nobody said another public URL than the default.
    pub fn public_url_is_default(&self) -> bool {
        let said = self.config.effective().into_iter().find(|one| one.setting == "gateway.public_url");
        said.is_none_or(|said| said.origin == "default")
    }
}
