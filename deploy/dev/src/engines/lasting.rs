//! `cargo dev engines`: engines that stay until somebody stops them. One command at a time works on them.

use std::{fs, path::PathBuf, sync::Mutex, time::Instant};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};

use super::{
    ALL, Engine, home, installed, locked, named, own_folder,
    place::{Life, Place, last_lines},
};

#[derive(Subcommand)]
pub(crate) enum What {
    /// Starts them and prints their addresses; installs and fetches what is missing. Those that run are left alone
    Up(Which),
    /// Stops them; their data stay
    Down(Which),
    /// Stops them and wipes their data
    Reset(Which),
    /// Says which run, and where; fails unless all do
    Status(Which),
    /// The last lines that each has logged
    Logs {
        #[command(flatten)]
        which: Which,
        /// How many of each
        #[arg(long, short = 'n', default_value_t = 20)]
        lines: usize,
    },
}

#[derive(Args)]
pub(crate) struct Which {
    /// postgres, kafka, cassandra, s3; all unless said
    engines: Vec<String>,
    /// Folder of their data
    #[arg(long, env = "STADION_ENGINES_DATA")]
    data: Option<PathBuf>,
    /// Instead of 15432
    #[arg(long, env = "STADION_ENGINES_POSTGRES_PORT")]
    postgres_port: Option<u16>,
    /// Instead of 19092; the controller takes the next one
    #[arg(long, env = "STADION_ENGINES_KAFKA_PORT")]
    kafka_port: Option<u16>,
    /// Instead of 19042; what nodes say to each other takes the next one
    #[arg(long, env = "STADION_ENGINES_CASSANDRA_PORT")]
    cassandra_port: Option<u16>,
    /// Instead of 19000
    #[arg(long, env = "STADION_ENGINES_S3_PORT")]
    s3_port: Option<u16>,
}

/// An engine's place, and the port that was asked for.
struct Wanted {
    place: Place,
    port: Option<u16>,
}

pub(crate) fn run(what: &What) -> Result<bool> {
    match what {
        What::Up(which) => up(which),
        What::Down(which) => which.changed(|wanted| stopped(&wanted.place)),
        What::Reset(which) => which.changed(|wanted| reset(&wanted.place)),
        What::Status(which) => status(which),
        What::Logs { which, lines } => logs(which, *lines),
    }
}

impl Which {
    fn folder(&self) -> Result<PathBuf> {
        let folder = self.data.clone().unwrap_or_else(home);
        std::path::absolute(&folder).with_context(|| folder.display().to_string())
    }

    fn port(&self, engine: &dyn Engine) -> Option<u16> {
        match engine.name() {
            "postgres" => self.postgres_port,
            "kafka" => self.kafka_port,
            "cassandra" => self.cassandra_port,
            "s3" => self.s3_port,
            _ => None,
        }
    }

    fn wanted(&self) -> Result<Vec<Wanted>> {
        let engines: Vec<&'static dyn Engine> = if self.engines.is_empty() {
            ALL.to_vec()
        } else {
            self.engines.iter().map(|name| named(name)).collect::<Result<_>>()?
        };
        let folder = self.folder()?;
        let wanted = engines.into_iter().map(|engine| {
            let port = self.port(engine);
            let ports = ports(engine.ports(), port)?;
            let place = Place { engine, folder: folder.join(engine.name()), ports, flushes: true };
            Ok(Wanted { place, port })
        });
        wanted.collect()
    }

    /// Does something to each, all at once, while no other command does; says how each went.
    fn changed(&self, change: impl Fn(&Wanted) -> Result<String> + Sync) -> Result<bool> {
        let wanted = self.wanted()?;
        let folder = self.folder()?;
        own_folder(&folder)?;
        let _lock = locked(&folder.join("lock"))?;
        let failed = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for wanted in &wanted {
                let (change, failed) = (&change, &failed);
                scope.spawn(move || {
                    let name = wanted.place.engine.name();
                    match change(wanted) {
                        Ok(words) => println!("{name:<10} {words}"),
                        Err(error) => {
                            println!("{name:<10} failed: {error:#}");
                            failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(name);
                        }
                    }
                });
            }
        });
        let failed = failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if failed.is_empty() { Ok(true) } else { Err(anyhow!("{} failed", failed.join(", "))) }
    }
}

/// The engine's own ports, or as many from the one that was asked for.
fn ports(own: &[u16], asked: Option<u16>) -> Result<Vec<u16>> {
    let Some(first) = asked else { return Ok(own.to_vec()) };
    if first == 0 {
        bail!("port 0 is no port that others could be told");
    }
    let ports = (0..own.len()).map(|beside| u16::try_from(usize::from(first) + beside));
    ports.collect::<Result<_, _>>().with_context(|| format!("behind port {first} there is no other"))
}

fn up(which: &Which) -> Result<bool> {
    let wanted = which.wanted()?;
    for Wanted { place, .. } in wanted.iter().filter(|wanted| wanted.place.running().is_none()) {
        installed(place.engine)?;
    }
    let all = which.changed(started);
    println!();
    for Wanted { mut place, .. } in wanted {
        let Some(record) = place.running() else { continue };
        place.ports = record.ports;
        let note = place.engine.note().map_or_else(String::new, |note| format!("  # {note}"));
        println!("export {}={}{note}", place.engine.variable(), place.address());
    }
    all
}

fn started(wanted: &Wanted) -> Result<String> {
    let place = &wanted.place;
    if let Some(record) = place.running() {
        let running = Place { ports: record.ports, folder: place.folder.clone(), ..*place };
        if let Some(port) = wanted.port.filter(|port| *port != running.port()) {
            let name = place.engine.name();
            bail!("it runs on port {}, not {port}: `cargo dev engines down {name}` first", running.port());
        }
        running.wait_ready()?;
        return Ok(format!("{}, as before", running.address()));
    }
    println!("{:<10} starting", place.engine.name());
    let began = Instant::now();
    // It stays when we end, and is nobody's child then.
    let child = place.start(Life::Lasting)?;
    let took_s = began.elapsed().as_secs_f32();
    Ok(format!("{}, process {}, after {took_s:.1} s", place.address(), child.id()))
}

fn stopped(place: &Place) -> Result<String> {
    let began = Instant::now();
    let ran = place.stop()?;
    Ok(if ran {
        format!("stopped after {:.1} s", began.elapsed().as_secs_f32())
    } else {
        "stopped".to_owned()
    })
}

fn reset(place: &Place) -> Result<String> {
    place.stop()?;
    match fs::remove_dir_all(place.data()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| place.data().display().to_string())
        }
        _ => Ok("stopped, without data".to_owned()),
    }
}

fn status(which: &Which) -> Result<bool> {
    let mut all = true;
    for Wanted { mut place, .. } in which.wanted()? {
        let name = place.engine.name();
        let Some(record) = place.running() else {
            println!("{name:<10} stopped");
            all = false;
            continue;
        };
        place.ports = record.ports;
        let answers = place.engine.ready(&place);
        all &= answers;
        let pid = record.process.pid;
        let memory_mb = record.process.memory_bytes().unwrap_or_default() / 1_000_000;
        let word = if answers { "" } else { ", does not answer" };
        println!("{name:<10} {}, process {pid}, {memory_mb} MB{word}", place.address());
    }
    Ok(all)
}

fn logs(which: &Which, lines: usize) -> Result<bool> {
    for Wanted { place, .. } in which.wanted()? {
        println!("── {} ({}) ──", place.engine.name(), place.log().display());
        match last_lines(&place.log(), lines) {
            Some(lines) => lines.iter().for_each(|line| println!("{line}")),
            None => println!("never started"),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_ports_follow_the_one_that_is_asked_for() {
        assert_eq!(ports(&[19_092, 19_093], None).unwrap(), [19_092, 19_093]);
        assert_eq!(ports(&[19_092, 19_093], Some(9092)).unwrap(), [9092, 9093]);
        assert!(ports(&[19_092, 19_093], Some(65_535)).is_err());
        assert_eq!(ports(&[15_432], Some(65_535)).unwrap(), [65_535]);
        assert!(ports(&[15_432], Some(0)).is_err());
    }
}
