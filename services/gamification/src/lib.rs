//! XP, levels, badges: each explains itself
