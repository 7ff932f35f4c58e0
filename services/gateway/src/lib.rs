//! The public door: REST over the fleet
