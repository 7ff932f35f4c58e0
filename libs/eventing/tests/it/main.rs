//! The spine's pure parts under arbitrary input.

mod sealing;
