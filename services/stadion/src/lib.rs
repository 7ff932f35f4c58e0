//! The one binary's insides: the fleet, whole in one process or a part of it, and the tools beside it.
//!
//! | file | what |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`settings`] | every setting of every service, checked before anything is opened |
//! | [`about`] | who a process is |
//! | [`stores`], [`keyspace`], [`files`], [`installation`] | on which engines all that is kept is; the services of this process |
//! | [`keys`] | the secret by which services know each other, changed while they run |
//! | [`up`], [`serve`] | serving until told to stop: all services, or some of a fleet's |
//! | [`tools`], [`socket`] | what operators do, in a running owner or on the folder itself |
//! | [`demo`] | the journey through the public door |

pub mod about;
pub mod cli;
mod connections;
pub mod demo;
mod files;
pub mod installation;
pub mod keys;
mod keyspace;
pub mod serve;
pub mod settings;
pub mod socket;
pub mod stores;
pub mod tools;
pub mod up;

use std::time::Duration;

use anyhow::Context;

use crate::{
    cli::{Cli, Command, OperatorCommand},
    settings::Settings,
};

const END_WITHIN: Duration = Duration::from_secs(2);

/// Runs one command line to its end.
///
/// # Errors
/// Whatever the command could not do, in words for the person who typed it.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime does not start")?;
    let ended = runtime.block_on(dispatch(cli.command));
    // A question to an engine that does not answer is not waited for.
    runtime.shutdown_timeout(END_WITHIN);
    ended
}

async fn dispatch(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(place) => {
            let settings = begin(&place.sources())?;
            up::up(settings).await
        }
        Command::Demo { place, exit } => Box::pin(demo::run(place, exit)).await,
        Command::Serve { services, place, grpc } => {
            let settings = begin(&place.sources().flag("--grpc", "grpc.addr", grpc))?;
            Box::pin(serve::serve(services, settings)).await
        }
        Command::Migrate(tool) => Box::pin(tools::migrate::run(&begin(&tool.sources())?)).await,
        Command::Replay { what: None, rebuild, tool } if rebuild.rebuild.is_some() => {
            Box::pin(tools::replay::rebuild(begin(&tool.sources())?, rebuild)).await
        }
        Command::Replay { what, tool, .. } => tools::replay::run(tool, what).await,
        Command::Doctor { tool, json, print_config } => {
            let sources = tool.sources();
            if print_config {
                tools::doctor::print_config(&sources)
            } else {
                Box::pin(tools::doctor::run(&sources, json)).await
            }
        }
        Command::Operator(OperatorCommand::Add { tool, email }) => {
            tools::operator::add(begin(&tool.sources())?, &email).await
        }
        Command::Keys(what) => tools::keys::run(&begin(&what.tool().sources())?, &what).await,
        Command::Recompute { tool, wanted } => {
            Box::pin(tools::recompute::run(begin(&tool.sources())?, wanted)).await
        }
        Command::Mail { tool, email } => tools::mail::run(&begin(&tool.sources())?, email.as_deref()),
        Command::Seed { seeds, tool } => {
            let plan = tools::seed::Plan {
                accounts: seeds.accounts,
                friends_mean: seeds.friends,
                challenge: seeds.seats(),
                seed: seeds.seed,
            };
            let settings = begin(&tool.sources())?;
            Box::pin(tools::seed::run(&settings, &plan, seeds.sessions.as_deref(), seeds.hours)).await
        }
        Command::Agent(errand) => Box::pin(tools::agent::run(errand)).await,
        Command::Inspect { file, json } => tools::inspect::run(&file, json),
    }
}

/// Reads the settings and starts logging.
pub(crate) fn begin(sources: &platform::config::Sources) -> anyhow::Result<Settings> {
    let settings = settings::load(sources)?;
    platform::telemetry::start(&settings.platform.log)?;
    Ok(settings)
}
