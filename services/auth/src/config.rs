//! What can be set. Every value has a default.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// auth's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// `iss` of the tokens; whoever verifies them must expect the same.
    pub token_issuer: String,
    /// `aud` of the tokens.
    pub token_audience: String,
    pub access_token_s: u32,
    /// Password hashes computed at once; each takes 19 MiB.
    pub hashes_at_once: usize,
    /// The key-encryption key; absent: `auth.kek` in the service's data folder. Without it nothing sealed can be read.
    pub kek: Option<PathBuf>,
    /// Where mail is taken to: a setting of the whole installation, given by the host.
    #[serde(skip)]
    pub mail: platform::config::Mail,
    /// The sender of mails.
    pub mail_from: String,
    /// Sign-ups begun from one address in an hour; 0 = any number.
    pub sign_ups_per_hour: u32,
    /// Failed logins from one address, and for one e-mail, in an hour; 0 = any number.
    pub failed_logins_per_hour: u32,
    /// Mails with codes to one e-mail in an hour; 0 = any number.
    pub mails_per_hour: u32,
    /// Wrong device codes that one account may enter in an hour; 0 = any number.
    pub failed_approvals_per_hour: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            token_issuer: "stadion".to_owned(),
            token_audience: "stadion".to_owned(),
            access_token_s: 600,
            hashes_at_once: 2,
            kek: None,
            mail: platform::config::Mail::default(),
            mail_from: "no-reply@stadion.example".to_owned(),
            sign_ups_per_hour: 20,
            failed_logins_per_hour: 30,
            mails_per_hour: 60,
            failed_approvals_per_hour: 10,
        }
    }
}

impl Config {
    /// What is wrong with the sender, where mail is taken to a server.
    pub fn mail_fault(&self) -> Option<&'static str> {
        let is_fit = !self.mail.is_taken_on() || self.mail_from.parse::<lettre::Address>().is_ok();
        (!is_fit).then_some("must be an address: it is what the mail server is told")
    }

    /// Where the key-encryption key is, for a service whose own folder is `data`.
    pub fn kek_path(&self, data: &Path) -> PathBuf {
        self.kek.clone().unwrap_or_else(|| data.join("auth.kek"))
    }
}
