//! `cargo dev`: everything that somebody who works on Stadion runs, and what CI runs too.

mod bench;
mod check;
mod engines;
mod install;
mod observability;
mod report;
mod stage;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo dev", about = "Work on Stadion: test, check, engines, bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Installs what tests need, starts real engines, runs every test, says what was run and what was skipped
    Test,
    /// What a reviewer would check: format, lints, dependencies, house rules, contract, links of the documents
    Check,
    /// Real engines on loopback, for work by hand
    Engines {
        #[command(subcommand)]
        what: engines::lasting::What,
    },
    /// The committed benchmarks and load scenarios; their figures belong into docs/numbers.md
    Bench {
        /// Only benchmarks of this package; `simulate`: ten thousand courses of the seeded simulation; `faults`: the
        /// faults on real engines, outages in full length
        #[arg(value_name = "WHAT")]
        package: Option<String>,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Test => test::run(),
        Command::Check => check::run(),
        Command::Engines { what } => engines::lasting::run(&what),
        Command::Bench { package } => bench::run(package.as_deref()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo dev: {error:#}");
            ExitCode::FAILURE
        }
    }
}
