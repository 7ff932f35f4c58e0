//! The open-loop generator: calls begin when the schedule says so, whether or not earlier ones were answered, and their
//! latency counts from that intended moment. So a server that stalls cannot slow the clock it is measured by.
//!
//! | file | what |
//! |---|---|
//! | [`scenario`] | what is asked for: a TOML file |
//! | [`schedule`] | when each call is to begin |
//! | [`wire`] | a few HTTP/2 connections, many calls on each |
//! | [`drive`] | beginning them, hearing the answers |
//! | [`tally`] | latencies by endpoint and by second, how late we ourselves were |
//! | [`verdict`] | which objectives were met, and whether the measurement counts |
//! | [`result`], [`page`], [`plot`] | JSON for machines, one HTML file for people |
//! | [`dice`] | chance that falls the same way each time |

pub(crate) mod dice;
pub(crate) mod drive;
pub(crate) mod page;
pub(crate) mod plot;
pub(crate) mod result;
pub(crate) mod scenario;
pub(crate) mod schedule;
pub(crate) mod tally;
pub(crate) mod verdict;
pub(crate) mod wire;
