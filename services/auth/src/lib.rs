//! Accounts, tokens, roles, consents, privacy settings, partners, the key store.

pub mod domain;
pub mod wire;
