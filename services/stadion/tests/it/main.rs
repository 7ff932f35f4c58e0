//! The installation as its users meet it.

mod embedded;
mod journey;
mod killed;
mod tools;
