//! The gateway's settings, each with its default.

use std::{net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where callers reach us; what `iss` of tokens and the discovery document say.
    pub public_url: String,
    /// `iss` of access tokens.
    pub token_issuer: String,
    /// `aud` of access tokens.
    pub token_audience: String,
    pub limits: Limits,
    /// A request that is not answered by then is given up.
    pub request_timeout_s: u64,
    /// A body that has not arrived by then is given up.
    pub body_timeout_s: u64,
    /// A part of a file may take so long; what came of it by then is kept.
    pub part_timeout_s: u64,
    pub upload_bytes_max: usize,
    /// Of a file in parts.
    pub resumable_bytes_max: u64,
    pub feed_bytes_max: usize,
    /// What the bodies of all requests that run may take together.
    pub bodies_bytes_max: usize,
    /// Live answers (streams and sockets) that run at once.
    pub live_streams_max: usize,
    /// Origins that browsers may call from; empty = all (there are no cookies here to be misused).
    pub cors_origins: Vec<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// What cursors are bound with, at least 32 characters; empty = a key kept in the data folder. Set it alike on all
    /// gateways of a fleet.
    pub cursor_secret: String,
}

/// Requests a second; 0 = no limit.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    pub writes_per_s: u32,
    pub reads_per_s: u32,
    /// Of one address, without a token.
    pub open_per_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { writes_per_s: 60, reads_per_s: 300, open_per_s: 300 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8080".to_owned(),
            token_issuer: "stadion".to_owned(),
            token_audience: "stadion".to_owned(),
            limits: Limits::default(),
            request_timeout_s: 45,
            body_timeout_s: 60,
            part_timeout_s: 3_600,
            upload_bytes_max: 64 << 20,
            resumable_bytes_max: 5 << 30,
            feed_bytes_max: 32 << 20,
            bodies_bytes_max: 256 << 20,
            live_streams_max: 60_000,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            cursor_secret: String::new(),
        }
    }
}

impl Config {
    /// What is wrong with the settings, in words with the setting's name.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.public_url.starts_with("http://") && !self.public_url.starts_with("https://") {
            faults.push("gateway.public_url must begin with http:// or https://".to_owned());
        }
        if !self.cursor_secret.is_empty() && self.cursor_secret.len() < 32 {
            faults.push("gateway.cursor_secret must have at least 32 characters".to_owned());
        }
        if [self.request_timeout_s, self.body_timeout_s, self.part_timeout_s].contains(&0) {
            let detail = "gateway.request_timeout_s, gateway.body_timeout_s and gateway.part_timeout_s must be more than 0";
            faults.push(detail.to_owned());
        }
        for origin in &self.cors_origins {
            if http::HeaderValue::from_str(origin).is_err() {
                faults.push(format!("gateway.cors_origins: {origin} is no origin"));
            }
        }
        faults
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_s)
    }

    pub(crate) fn part_timeout(&self) -> Duration {
        Duration::from_secs(self.part_timeout_s)
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_s)
    }
}
