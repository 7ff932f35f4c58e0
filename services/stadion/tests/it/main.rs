//! The installation as its users meet it.
#![allow(clippy::unwrap_used, reason = "what a test is set up with is there, or the test fails")]

mod agent;
mod any_order;
mod archives;
mod bad_start;
#[path = "../../../../libs/backends/tests/it/broker.rs"]
mod broker;
mod control_characters;
mod crowd;
mod doctor;
mod embedded;
mod faults_engines;
mod faults_fleet;
mod faults_judge;
mod faults_machine;
mod fleet;
mod full_server;
mod hostile;
mod hostile_circle;
mod hostile_contest;
mod journey;
mod keys;
mod killed;
mod leagues;
mod live_sessions;
mod logs;
mod mail;
mod observed;
mod on_servers;
mod other_rules;
mod parked;
mod rebuild;
mod replicas;
mod resumables;
mod rolling;
mod seed;
mod serve;
mod statistics;
mod streaks;
mod teams;
mod together;
mod tools;
mod traces;
mod visibility;
mod wire;
