//! What promo reads: its own journal into rows, auth's partners and erasures, and badges that grant offers.

pub mod badges;
pub mod own_journal;
pub mod people;
pub mod timers;
