//! Accounts, tokens, roles, consents, privacy settings, the key store
