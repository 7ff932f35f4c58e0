//! What is decided, without clock or store.
//!
//! | module | what it decides |
//! |---|---|
//! | [`pair`] | friendship, invitations, follows and blocks of two accounts |
//! | [`edges`] | what each of the two sees of that, as rows |
//! | [`group`], [`terms`] | who is in a group, with which role; what a group is |
//! | [`item`] | kudos and comments under an activity |
//! | [`subject`] | that nothing is kept of an erased account |
//! | [`words`] | what people may write |
//! | [`fold`], [`search`] | names as search compares them; which of them a query finds |

pub mod edges;
pub mod fold;
pub mod group;
pub mod item;
pub mod pair;
pub mod search;
pub mod subject;
pub mod terms;
pub mod words;
