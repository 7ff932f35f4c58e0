//! The double-entry book of one campaign: what is promised (pending) and owed (posted) to its partner.
//!
//! Every transfer debits one account and credits another by the same amount, so the book balances by construction;
//! after TigerBeetle's two-phase transfers: pending, then posted or voided.

use std::collections::{BTreeMap, HashMap};

use kernel::{Money, money::Currency};

use super::ids::{CampaignId, RedemptionId, TransferId};

/// What discounts have cost the campaign.
pub const DISCOUNTS: &str = "discounts";
/// What the partner is owed for them.
pub const PAYABLE: &str = "payable";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Pended(Transfer),
    Posted { campaign: CampaignId, transfer: TransferId },
    Voided { campaign: CampaignId, transfer: TransferId },
    Made(Transfer),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub id: TransferId,
    pub campaign: CampaignId,
    pub redemption: RedemptionId,
    pub debit: String,
    pub credit: String,
    pub amount: Money,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    pub debits_pending: i64,
    pub credits_pending: i64,
    pub debits_posted: i64,
    pub credits_posted: i64,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub balances: BTreeMap<(String, Currency), Balance>,
    pending: HashMap<TransferId, Transfer>,
}

impl Ledger {
    pub fn pend(&self, transfer: Transfer) -> Vec<Event> {
        if self.pending.contains_key(&transfer.id) { Vec::new() } else { vec![Event::Pended(transfer)] }
    }

    pub fn post(&self, transfer: TransferId) -> Vec<Event> {
        self.pending
            .get(&transfer)
            .map(|it| Event::Posted { campaign: it.campaign, transfer })
            .into_iter()
            .collect()
    }

    pub fn void(&self, transfer: TransferId) -> Vec<Event> {
        self.pending
            .get(&transfer)
            .map(|it| Event::Voided { campaign: it.campaign, transfer })
            .into_iter()
            .collect()
    }

    /// Debits equal credits, pending and posted, in every currency.
    pub fn is_balanced(&self) -> bool {
        is_balanced(self.balances.iter().map(|((_, currency), balance)| (*currency, *balance)))
    }

    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::Pended(transfer) => {
                self.book(transfer, |debit, credit, amount| {
                    debit.debits_pending += amount;
                    credit.credits_pending += amount;
                });
                self.pending.insert(transfer.id, transfer.clone());
            }
            Event::Posted { transfer, .. } => {
                if let Some(transfer) = self.pending.remove(transfer) {
                    self.book(&transfer, |debit, credit, amount| {
                        debit.debits_pending -= amount;
                        credit.credits_pending -= amount;
                        debit.debits_posted += amount;
                        credit.credits_posted += amount;
                    });
                }
            }
            Event::Voided { transfer, .. } => {
                if let Some(transfer) = self.pending.remove(transfer) {
                    self.book(&transfer, |debit, credit, amount| {
                        debit.debits_pending -= amount;
                        credit.credits_pending -= amount;
                    });
                }
            }
            Event::Made(transfer) => self.book(transfer, |debit, credit, amount| {
                debit.debits_posted += amount;
                credit.credits_posted += amount;
            }),
        }
    }

    fn book(&mut self, transfer: &Transfer, change: fn(&mut Balance, &mut Balance, i64)) {
        let key = |name: &String| (name.clone(), transfer.amount.currency);
        let mut debit = self.balances.remove(&key(&transfer.debit)).unwrap_or_default();
        let mut credit = self.balances.remove(&key(&transfer.credit)).unwrap_or_default();
        change(&mut debit, &mut credit, transfer.amount.amount_minor);
        self.balances.insert(key(&transfer.debit), debit);
        self.balances.insert(key(&transfer.credit), credit);
    }
}

/// Of any set of accounts: debits equal credits in every currency.
pub fn is_balanced(balances: impl Iterator<Item = (Currency, Balance)>) -> bool {
    let mut sums: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
    for (currency, balance) in balances {
        let sum = sums.entry(currency).or_default();
        sum.0 += i128::from(balance.debits_pending) - i128::from(balance.credits_pending);
        sum.1 += i128::from(balance.debits_posted) - i128::from(balance.credits_posted);
    }
    sums.values().all(|sum| *sum == (0, 0))
}
