//! For tests only: in-process fleet, given/when/then, golden events, house rules
