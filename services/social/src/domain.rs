//! What is decided, without clock or store.
//!
//! | module | what it decides |
//! |---|---|
//! | [`pair`] | friendship, invitations, follows and blocks of two accounts |
//! | [`edges`] | what each of the two sees of that, as rows |

pub mod edges;
pub mod pair;
