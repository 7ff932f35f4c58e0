//! Tables of auth. Accounts and partners are inline rows of the journal's appends; sessions, codes, grants and
//! throttles are plain rows and primary.

pub mod accounts;
pub mod codes;
pub mod devices;
pub mod mails;
pub mod near;
pub mod partners;
pub mod revocations;
pub mod sessions;
pub mod standings;
pub mod sweep;
pub mod throttle;
