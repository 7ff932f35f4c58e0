//! The platform as its users meet it.

mod actors;
mod config;
mod health;
mod installation;
mod metrics;
mod serving;
mod tasks;
mod transport;
