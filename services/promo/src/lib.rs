//! Campaigns, offers, budgets, catalogue, purchase, ledger
