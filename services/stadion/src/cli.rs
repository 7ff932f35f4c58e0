//! The command line. Flags are settings too: each overrides the one it is named after.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use platform::config::Sources;

use crate::tools::seed::Seats;

#[derive(Debug, Parser)]
#[command(
    name = "stadion",
    version,
    about = "Stadion: the back end of a fitness and activity social platform"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole fleet in one process on embedded stores; prints `ready http://…` when it serves
    Up(Place),
    /// `up` on a fresh folder, then the whole journey through the public door, a line a step
    Demo {
        #[command(flatten)]
        place: Place,
        /// End with the journey instead of serving on
        #[arg(long)]
        exit: bool,
    },
    /// The named services in this process, peers by address; prints `ready …` when it serves
    Serve {
        #[arg(required = true)]
        services: Vec<String>,
        #[command(flatten)]
        place: Place,
        /// The address for siblings [default: 127.0.0.1:7070]
        #[arg(long, value_name = "ADDR")]
        grpc: Option<String>,
    },
    /// Brings the stores' schema up to date
    Migrate(Tool),
    /// What readers could not take: shows it, has it taken again, gives it up. Alone: lists it. With --rebuild: makes a read
    /// model anew
    #[command(args_conflicts_with_subcommands = true)]
    Replay {
        #[command(subcommand)]
        what: Option<ReplayCommand>,
        #[command(flatten)]
        rebuild: Rebuild,
        #[command(flatten)]
        tool: Tool,
    },
    /// Says what is wrong with an engine, a peer, a clock or a limit, and what to do; changes nothing. Ends with 1 when
    /// something is wrong, with 0 when nothing is or there are warnings only
    Doctor {
        #[command(flatten)]
        tool: Tool,
        /// One JSON document instead of lines
        #[arg(long)]
        json: bool,
        /// Every setting with its value and where it came from
        #[arg(long, conflicts_with = "json")]
        print_config: bool,
    },
    /// Operators of this installation
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// The key by which the services know each other: lists it, changes it while they run
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Works out anew what files came to, by the algorithms of this program; what differs becomes an event of the activity.
    /// Asked for again, it goes on where it stood
    Recompute {
        #[command(flatten)]
        wanted: Recomputation,
        #[command(flatten)]
        tool: Tool,
    },
    /// The newest mail of the local sink
    Mail {
        /// To this address only
        email: Option<String>,
        #[command(flatten)]
        tool: Tool,
    },
    /// Writes accounts, friendships and a running challenge, offline: for load tests and demonstrations
    Seed {
        #[command(flatten)]
        seeds: Seeds,
        #[command(flatten)]
        tool: Tool,
    },
    /// Brings in the device files that appear in a folder: paired by a code, through kills, outages and throttling. With
    /// --once it ends with 0 when all is in, 3 when it is not paired, 4 when the server was not reached or not done in
    /// time (run it again), 5 when a file was refused
    Agent(Errand),
    /// What a device file holds
    Inspect {
        file: PathBuf,
        #[arg(long)]
        json: bool,
    },
}

/// What `agent` is sent out for.
#[derive(Clone, Debug, Args)]
pub struct Errand {
    /// The server's public address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub server: String,
    /// The folder; its subfolders belong to it
    #[arg(long, value_name = "FOLDER", required_unless_present = "pair")]
    pub watch: Option<PathBuf>,
    /// Where the token is kept, and what became of each file [default: $XDG_STATE_HOME/stadion/agent.json]
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// What its owner reads in the list of devices
    #[arg(long, value_name = "NAME", default_value = "stadion agent")]
    pub name: String,
    /// Pairs it, anew if need be, and ends
    #[arg(long, conflicts_with = "once")]
    pub pair: bool,
    /// Brings in what is there and ends, instead of watching
    #[arg(long)]
    pub once: bool,
    /// Seconds between two looks into the folder
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub every: u64,
    /// With --once and --pair: seconds without any progress after which it gives up
    #[arg(long, value_name = "S", default_value_t = 60)]
    pub patience: u64,
}

/// The past, worked out anew.
#[derive(Clone, Debug, Args)]
pub struct Recomputation {
    /// The name under which it is remembered how far it is; another name begins at the beginning [default: the version
    /// of this program]
    #[arg(long, value_name = "NAME")]
    pub run: Option<String>,
    /// Says what would change, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Files that are read again in a second, at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub per_second: u32,
}

/// A read model made anew. Without another flag it is made and compared, and nothing is flipped.
#[derive(Clone, Debug, Default, Args)]
pub struct Rebuild {
    /// Makes this read model anew from the journals, beside the old one, which is served on; `list` names them all
    #[arg(long, value_name = "SERVICE/READER|list")]
    pub rebuild: Option<String>,
    /// Then serves the new one, when it equals the old one; the old one is kept
    #[arg(long, requires = "rebuild")]
    pub flip: bool,
    /// With --flip: also when they differ
    #[arg(long, requires = "flip")]
    pub yes: bool,
    /// Serves the one that is kept again, from where it stood; it catches up by itself
    #[arg(long, requires = "rebuild", conflicts_with_all = ["flip", "forget"])]
    pub back: bool,
    /// Drops the one that is kept, or what was begun of a new one
    #[arg(long, requires = "rebuild", conflicts_with = "flip")]
    pub forget: bool,
}

#[derive(Debug, Subcommand)]
pub enum ReplayCommand {
    /// The keys that wait: reader, source, key, how many records, since when, tries, why
    List {
        /// Only those of this reader
        reader: Option<String>,
        #[command(flatten)]
        tool: Tool,
    },
    /// The records of a key that waits
    Show {
        /// As `list` says it
        id: String,
        #[command(flatten)]
        tool: Tool,
    },
    /// Takes what waits again, in order within each key
    Release {
        /// Only those of this reader
        reader: Option<String>,
        /// Only this key
        #[arg(long)]
        key: Option<String>,
        #[command(flatten)]
        tool: Tool,
    },
    /// Gives a key up: its reader never takes what waits
    Drop {
        /// As `list` says it
        id: String,
        /// Only the first record, which failed; what is behind it can be released then
        #[arg(long)]
        first: bool,
        /// Without this it is only said what would be lost
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        tool: Tool,
    },
}

/// On the file that `installation.key_file` names.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// A mark for each key that is believed; the first signs
    List(Tool),
    /// Adds a key: believed, and signing nothing yet
    Add(Tool),
    /// Lets the newest key sign
    Turn(Tool),
    /// Forgets all keys but the one that signs
    Retire(Tool),
    /// `add`, `turn` and `retire`, with a pause between them in which every process reads the file again: where all of
    /// them read this very file
    Rotate {
        /// Seconds between two steps: more than twice the five seconds between two readings
        #[arg(long, value_name = "S", default_value_t = 15, value_parser = clap::value_parser!(u64).range(11..))]
        wait: u64,
        #[command(flatten)]
        tool: Tool,
    },
}

impl KeysCommand {
    pub fn tool(&self) -> &Tool {
        match self {
            Self::List(tool) | Self::Add(tool) | Self::Turn(tool) | Self::Retire(tool) => tool,
            Self::Rotate { tool, .. } => tool,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Makes or promotes an operator; prints a one-time code for `POST /v1/password-resets/confirm`
    Add {
        email: String,
        #[command(flatten)]
        tool: Tool,
    },
}

/// What `seed` writes.
#[derive(Clone, Debug, Args)]
pub struct Seeds {
    /// How many athletes; those that are there already stay
    #[arg(long, value_name = "N")]
    pub accounts: usize,
    /// One public running challenge, open now, with all of them in it
    #[arg(long)]
    pub challenge: bool,
    /// With --challenge: nobody is in it yet; they join through the public door
    #[arg(long, requires = "challenge")]
    pub unjoined: bool,
    /// Friends that an athlete has on average
    #[arg(long, value_name = "MEAN", default_value_t = 8.0)]
    pub friends: f64,
    /// Signs an access token for every account: lines `account_id token`
    #[arg(long, value_name = "FILE")]
    pub sessions: Option<PathBuf>,
    /// How long the tokens live; at most 48
    #[arg(long, default_value_t = 24)]
    pub hours: u32,
    /// The same seed makes the same people
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Seeds {
    /// Who is in the challenge, if there is one.
    pub fn seats(&self) -> Option<Seats> {
        self.challenge.then_some(if self.unjoined { Seats::Free } else { Seats::Taken })
    }
}

/// Where an owner runs.
#[derive(Clone, Debug, Default, Args)]
pub struct Place {
    #[command(flatten)]
    pub tool: Tool,
    /// The public address [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub http: Option<String>,
    /// The operators' address [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<String>,
}

/// Which installation is meant.
#[derive(Clone, Debug, Default, Args)]
pub struct Tool {
    /// The data folder [default: ./stadion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A file of settings (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Tool {
    pub fn sources(&self) -> Sources {
        let data = self.data.as_ref().map(|path| path.display().to_string());
        Sources::of_process().file(self.config.clone()).flag("--data", "data", data)
    }
}

impl Place {
    pub fn sources(&self) -> Sources {
        self.tool.sources().flag("--http", "http.addr", self.http.clone()).flag(
            "--admin",
            "admin.addr",
            self.admin.clone(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
