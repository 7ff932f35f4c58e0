//! The one binary.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = stadion::cli::Cli::parse();
    match stadion::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stadion: {error:#}");
            ExitCode::FAILURE
        }
    }
}
