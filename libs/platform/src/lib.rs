//! What every service stands on. A service is a [`Module`] built from [`Resources`]; it runs alike beside its siblings
//! in one process and alone in a fleet.
//!
//! | module | what |
//! |---|---|
//! | [`module`] | `Module`, `Resources`: what a service gives and gets |
//! | [`context`] | `Caller` of a request, ambient of a task |
//! | [`transport`], [`guard`] | the two sides of a call between services |
//! | [`actor`], [`installation`] | who acts: signed tokens and the key that signs them |
//! | [`status`] | refusals as gRPC statuses and back |
//! | [`answer`], [`seen`] | a caller sees its own writes |
//! | [`journal`], [`siblings`], [`keys`] | journals, state tables and data keys between siblings |
//! | [`sight`] | who may see whom |
//! | [`gather`], [`recent`] | questions asked together, answers kept for a while |
//! | [`config`] | typed settings, each with one name and a known origin |
//! | [`telemetry`], [`trace`], [`metrics`], `standing`, [`spans`], [`health`] | what operators see |
//! | [`tasks`], [`serve`], [`shutdown`], [`load`] | running, listening, stopping, saying no |

pub mod actor;
pub mod answer;
pub mod config;
pub mod context;
pub mod deadline;
pub mod gather;
pub mod guard;
pub mod health;
pub mod installation;
pub mod journal;
pub mod keys;
pub mod load;
pub mod metrics;
pub mod module;
pub mod recent;
pub mod seen;
pub mod serve;
pub mod shutdown;
pub mod siblings;
pub mod sight;
pub mod spans;
mod standing;
pub mod status;
pub mod tasks;
pub mod telemetry;
pub mod trace;
pub mod transport;

pub use actor::Actor;
pub use answer::{answer, reached, settled};
pub use context::Caller;
pub use gather::Gather;
pub use module::{Module, Resources, StartError};
pub use recent::Recent;
pub use sight::{Look, Person, Sight};
pub use status::{refusal, status};
pub use tasks::{Task, Tasks};
pub use transport::Peers;
