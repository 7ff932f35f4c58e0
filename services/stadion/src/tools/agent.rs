//! `stadion agent`: the reference sync agent, made to be copied. What it does and why, step by step: `docs/agent.md`.
//!
//! | file | what |
//! |---|---|
//! | [`book`] | what it must not forget: its tokens, and what became of each file |
//! | [`folder`] | which files have been written to their end |
//! | [`pairing`] | a code for the owner, tokens for the agent (RFC 8628) |
//! | [`courier`] | a file, its key, what the server made of it; tokens renewed |
//! | [`patience`] | how long to wait before the next try |
//!
//! It may be killed at any moment: whatever it has not written down it does again, under the same key, and the server
//! answers as it did.

mod book;
mod courier;
mod folder;
mod pairing;
mod patience;

use std::{io::Write, path::PathBuf, process, time::Duration};

use anyhow::{Context, bail};
use tokio::time::{Instant, sleep};

use super::say::say;
use crate::{cli::Errand, demo::door::Door};
use book::{Book, Outcome};
use courier::{Courier, Trouble};
use folder::{Folder, Left};
use patience::Patience;

/// Uploads asked after between two looks.
const ASKED_MAX: usize = 100;

/// How a run with an end ended; the numbers are those of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well = 0,
    /// Not paired, or no longer.
    Unpaired = 3,
    /// The server was not reached, or was not done, within the patience. Run again it goes on.
    Unfinished = 4,
    /// All was brought in but what the server refused, or what cannot be read.
    Refused = 5,
}

/// What a step came to.
enum Step {
    /// There may be more.
    Again,
    Done,
}

struct Agent {
    errand: Errand,
    courier: Courier,
    folder: Option<Folder>,
    patience: Patience,
    /// When something was last achieved.
    progress: Instant,
    refused: bool,
}

/// Runs until it is ended, or, with `--once` and `--pair`, until that is done: then the process ends with 0, 3, 4 or 5.
///
/// # Errors
/// A folder, a state file or an address that cannot be worked with.
pub async fn run(errand: Errand) -> anyhow::Result<()> {
    let end = Agent::begin(errand)?.work().await?;
    if end != End::Well {
        process::exit(end as i32);
    }
    Ok(())
}

impl Agent {
    fn begin(errand: Errand) -> anyhow::Result<Self> {
        let server = errand.server.trim_end_matches('/').to_owned();
        if !server.starts_with("http://") && !server.starts_with("https://") {
            bail!("--server {server}: an address begins with https:// or http://");
        }
        if server.starts_with("http://") && !is_this_machine(&server) {
            complain("the token and the files go to this server in the clear: https:// would hide them");
        }
        let state = match &errand.state {
            Some(path) => path.clone(),
            None => default_state()?,
        };
        let folder = errand.watch.clone().map(Folder::new);
        if let Some(folder) = &folder {
            folder.check()?;
        }
        let courier = Courier::new(Door::new(&server)?, Book::open(state, &server)?);
        let (patience, progress) = (Patience::default(), Instant::now());
        Ok(Self { errand, courier, folder, patience, progress, refused: false })
    }

    async fn work(mut self) -> anyhow::Result<End> {
        let every = Duration::from_secs(self.errand.every);
        let ends = self.errand.once || self.errand.pair;
        loop {
            let pause = match self.step().await {
                Ok(Step::Done) if self.refused => return Ok(End::Refused),
                Ok(Step::Done) => return Ok(End::Well),
                Ok(Step::Again) => every,
                Err(Trouble::Later { why, after }) => {
                    let pause = self.patience.next(after);
                    complain(format!("{why}; again in {:.1} s", pause.as_secs_f64()));
                    pause
                }
                Err(Trouble::Unpaired(why)) if ends => {
                    complain(format!("{why}; pair it with --pair"));
                    return Ok(End::Unpaired);
                }
                Err(Trouble::Unpaired(why)) => {
                    complain(format!("{why}; it must be paired anew"));
                    every
                }
                Err(Trouble::Own(error)) => return Err(error),
            };
            let left = Duration::from_secs(self.errand.patience).checked_sub(self.progress.elapsed());
            if ends && left.is_none_or(|left| left < pause) {
                complain(format!("nothing moved for {} s: run it again to go on", self.errand.patience));
                return Ok(End::Unfinished);
            }
            sleep(pause).await;
        }
    }

    async fn step(&mut self) -> Result<Step, Trouble> {
        if self.errand.pair || (!self.courier.is_paired() && !self.errand.once) {
            pairing::pair(&mut self.courier, &self.errand.name, &mut self.patience).await?;
            self.achieved();
            if self.errand.pair {
                return Ok(Step::Done);
            }
        }
        if !self.courier.is_paired() {
            return Err(Trouble::Unpaired("this agent is not paired".to_owned()));
        }
        let Some(folder) = &mut self.folder else { return Ok(Step::Done) };
        let complete = match folder.look() {
            Ok(complete) => complete,
            Err(error) if self.errand.once => return Err(Trouble::Own(error)),
            // A watch that is unplugged comes back.
            Err(error) => return Err(Trouble::Later { why: format!("{error:#}"), after: None }),
        };
        for path in complete {
            self.bring(path).await?;
        }
        self.ask_after().await?;
        let is_quiet = self.folder.as_ref().is_none_or(Folder::is_quiet) && !self.courier.book.is_waiting();
        Ok(if self.errand.once && is_quiet { Step::Done } else { Step::Again })
    }

    /// Brings one file in, once. Only what concerns the server as a whole is trouble.
    async fn bring(&mut self, path: PathBuf) -> Result<(), Trouble> {
        let Some(folder) = &mut self.folder else { return Ok(()) };
        let file = match folder.read(&path) {
            Ok(Some(file)) => file,
            // It changed under our hands: the next looks tell when it is complete.
            Ok(None) => return Ok(()),
            Err(why) => {
                folder.settle(&path);
                self.refused |= matches!(why, Left::Unfit(_));
                say(format_args!("{}: not sent: {why}", path.display()));
                return Ok(());
            }
        };
        if self.courier.book.outcome(&file.hash).is_some() {
            folder.settle(&path);
            return Ok(());
        }
        match self.courier.upload(&file).await? {
            Ok(outcome) => {
                folder.settle(&path);
                self.keep(&file.hash, outcome)
            }
            // The others go on.
            Err(why) => {
                let pause = folder.postpone(&path);
                complain(format!("{}: {why}; again in {:.0} s", file.name, pause.as_secs_f64()));
                Ok(())
            }
        }
    }

    /// Written down, then told: what is said to be in is known to be in.
    fn keep(&mut self, hash: &str, outcome: Outcome) -> Result<(), Trouble> {
        let line = outcome.to_string();
        self.refused |= outcome.is_refused();
        self.courier.book.keep(hash, outcome).map_err(Trouble::Own)?;
        say(line);
        self.achieved();
        Ok(())
    }

    /// What was still being read when it was sent.
    async fn ask_after(&mut self) -> Result<(), Trouble> {
        for (hash, known) in self.courier.book.waiting(ASKED_MAX) {
            let outcome = self.courier.ask_after(&known).await?;
            if outcome.is_final() {
                self.keep(&hash, outcome)?;
            }
        }
        Ok(())
    }

    fn achieved(&mut self) {
        self.patience.reset();
        self.progress = Instant::now();
    }
}

/// A line on standard error: what goes wrong is not mixed with what was done.
fn complain(line: impl std::fmt::Display) {
    // Nobody reads it: nothing to be done about that.
    let _ = writeln!(std::io::stderr(), "stadion agent: {line}");
}

fn is_this_machine(server: &str) -> bool {
    let host = server.trim_start_matches("http://");
    ["127.", "localhost", "[::1]"].iter().any(|name| host.starts_with(name))
}

/// `$XDG_STATE_HOME/stadion/agent.json`, where the home of states is `~/.local/state` unless said.
fn default_state() -> anyhow::Result<PathBuf> {
    let said = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = said("XDG_STATE_HOME").or_else(|| Some(said("HOME")?.join(".local/state")));
    Ok(home.context("say with --state where to keep the token")?.join("stadion/agent.json"))
}
