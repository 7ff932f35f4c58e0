//! Gamification, tested from outside.

mod any_order;
mod oracle;
