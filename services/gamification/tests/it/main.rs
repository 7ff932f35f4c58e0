//! Gamification, tested from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod any_order;
mod arena;
mod backfill;
mod burst;
mod called_off;
mod challenges;
mod clubs;
mod contest;
mod days;
mod early;
mod fleet;
mod golden;
mod golden_challenges;
mod journey;
mod leagues;
mod oracle;
mod past;
mod rules;
mod scores;
mod scores_any_order;
mod scores_oracle;
mod seats;
mod settling;
mod siblings;
mod teams;
