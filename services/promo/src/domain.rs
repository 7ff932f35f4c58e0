//! What promo decides: pure, sync, clockless. States are folded from events; decisions answer events or a refusal.
//!
//! | module | decides |
//! |---|---|
//! | [`terms`], [`draft`] | what a campaign promises, and whether what a marketer wrote is one |
//! | [`schedule`] | when, in whose time |
//! | [`campaign`], [`staff`] | the review and the life of a campaign, and who may do what in which region |
//! | [`budget`] | the pool tree: reserved + confirmed ≤ limit on every pool of the path |
//! | [`offer`], [`redemption`], [`order`], [`ledger`] | the parts of a purchase |
//! | [`purchase`] | one decision over all of those parts |
//! | [`code`], [`click`] | codes and click tokens, derived under the service's secret |
//! | [`catalogue`] | feeds and products |
//! | [`recommend`] | what to show, and why |

pub mod budget;
pub mod campaign;
pub mod catalogue;
pub mod click;
pub mod code;
pub mod draft;
pub mod ids;
pub mod ledger;
pub mod offer;
pub mod order;
pub mod purchase;
pub mod recommend;
pub mod redemption;
pub mod schedule;
pub mod staff;
pub mod terms;
