//! Campaigns, offers, budgets, catalogue, purchase, ledger

pub mod domain;
pub mod wire;
