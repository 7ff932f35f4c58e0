//! Our board beside Redis' sorted set, in one run, with no socket on either side: a new score and the rank it gives.
//!
//! Redis loops inside one script call (ZADD, ZREVRANK); what the loop itself costs is measured apart and taken off. It
//! gets the shorter names (`m123`); our board gets accounts, ties by time, and revisions to compare. Prints one figure a
//! line as JSON; `stadion-loadtest board` runs this and reports them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread::sleep,
    time::{Duration, Instant},
};

use kernel::{AccountId, Id};
use leaderboard::domain::{
    board::{ALL, Board, Scope, Score, Told},
    places::Ties,
};
use privacy::BoardName;
use serde_json::json;

const SIZES: [u32; 3] = [1_000, 50_000, 1_000_000];
const TIMES: u32 = 300_000;
const ROUNDS: usize = 5;
const SCORES: u64 = 1 << 30;

/// `KEYS[1]` the set; `ARGV`: members, times, seed, what to do.
const SCRIPT: &str = "
local members, times, act = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[4]
math.randomseed(tonumber(ARGV[3]))
local sum = 0
for i = 1, times do
  local member, score = 'm' .. math.random(0, members - 1), math.random(0, 1073741823)
  if act == 'fill' then redis.call('ZADD', KEYS[1], score, 'm' .. (i - 1))
  elseif act == 'rank' then
    redis.call('ZADD', KEYS[1], score, member)
    sum = sum + redis.call('ZREVRANK', KEYS[1], member)
  else sum = sum + score end
end
return sum";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let mut redis = match Redis::start(folder.path()) {
        Ok(redis) => Some(redis),
        Err(error) => {
            println!("{}", json!({"skipped": "the board beside Redis", "why": error.to_string()}));
            None
        }
    };
    for members in SIZES {
        let (ours_ns, bytes) = ours(members);
        let conditions = format!("{members} members, random scores, CPU time, median of {ROUNDS} × {TIMES}");
        figure(&format!("update + rank, our board, {members}"), (ours_ns, "ns"), &conditions);
        figure(&format!("memory a member, our board, {members}"), (bytes, "B"), "one segment");
        let Some(redis) = &mut redis else { continue };
        let (theirs_ns, bytes) = redis.measure(members)?;
        let conditions = format!("{conditions}, in one script call, less the empty loop");
        figure(&format!("ZADD + ZREVRANK, Redis, {members}"), (theirs_ns, "ns"), &conditions);
        figure(&format!("memory a member, Redis, {members}"), (bytes, "B"), "MEMORY USAGE of the set");
        let what = format!("our board is faster than Redis, {members}");
        figure(&what, (theirs_ns / ours_ns, "×"), &redis.version);
    }
    Ok(())
}

fn figure(what: &str, (value, unit): (f64, &str), conditions: &str) {
    println!("{}", json!({"what": what, "value": value, "unit": unit, "conditions": conditions}));
}

/// CPU time of a process' first thread so far: other work on the machine does not count. Where the system does not
/// tell (it is Linux that does), the time that has passed.
fn spent(process: &str) -> Duration {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let told = std::fs::read_to_string(format!("/proc/{process}/schedstat"));
    let ns = told.ok().and_then(|told| told.split(' ').next().and_then(|ns| ns.parse().ok()));
    ns.map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

// ── ours ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/// xorshift: the same scores on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

fn told(account: AccountId, number: u32, value: u64, revision: u64) -> Told {
    Told {
        account,
        number,
        show_as: BoardName::Shown,
        score: Some(Score { value: value.cast_signed(), reached_us: 0 }),
        segments: Vec::new(),
        revision,
        sequence: revision,
    }
}

/// ns an update with its rank, bytes a member.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small numbers")]
fn ours(members: u32) -> (f64, f64) {
    let accounts: Vec<AccountId> = (0..members).map(|n| Id::derived(&[&n.to_le_bytes()])).collect();
    let (mut board, mut dice) = (Board::new(false, Ties::First), Dice(42));
    for (number, account) in (0..).zip(&accounts) {
        board.apply(told(*account, number, dice.below(SCORES), 1));
    }
    let (mut revision, mut sum, mut rounds) = (1, 0_u64, Vec::new());
    for _ in 0..ROUNDS {
        let begun = spent("self");
        for _ in 0..TIMES {
            revision += 1;
            let number = dice.below(members.into()) as u32;
            let account = accounts[number as usize];
            board.apply(told(account, number, dice.below(SCORES), revision));
            sum += board.place(Scope::Segment(ALL), account).map_or(0, |place| u64::from(place.rank));
        }
        rounds.push(spent("self").saturating_sub(begun).as_nanos() as f64 / f64::from(TIMES));
    }
    assert!(sum > 0, "the ranks were computed");
    (median(rounds), board.bytes() as f64 / f64::from(members))
}

// ── theirs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

struct Redis {
    process: Child,
    socket: BufReader<UnixStream>,
    version: String,
}

impl Redis {
    fn start(folder: &Path) -> Outcome<Self> {
        let version = Command::new("redis-server").arg("--version").output();
        let version = version.map_err(|error| format!("redis-server is not to be had: {error}"))?;
        let version =
            String::from_utf8_lossy(&version.stdout).split(" sha=").next().unwrap_or_default().to_owned();
        let path = folder.join("redis.sock");
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&path)
            .arg("--dir")
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()?;
        let mut tries = 0;
        let socket = loop {
            match UnixStream::connect(&path) {
                Ok(socket) => break socket,
                Err(error) if tries > 500 => return Err(error.into()),
                Err(_) => sleep(Duration::from_millis(20)),
            }
            tries += 1;
        };
        Ok(Self { process, socket: BufReader::new(socket), version })
    }

    /// ns an update with its rank, bytes a member.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn measure(&mut self, members: u32) -> Outcome<(f64, f64)> {
        self.call(&["DEL", "board"])?;
        self.run(members, members, 1, "fill")?;
        let mut rounds = Vec::new();
        for seed in 0..ROUNDS {
            let empty = self.run(members, TIMES, seed, "loop")?;
            let full = self.run(members, TIMES, seed, "rank")?;
            rounds.push(full.saturating_sub(empty).as_nanos() as f64 / f64::from(TIMES));
        }
        let bytes = self.call(&["MEMORY", "USAGE", "board", "SAMPLES", "0"])?;
        Ok((median(rounds), bytes as f64 / f64::from(members)))
    }

    fn run(&mut self, members: u32, times: u32, seed: usize, act: &str) -> Outcome<Duration> {
        let begun = spent(&self.process.id().to_string());
        let (members, times, seed) = (members.to_string(), times.to_string(), seed.to_string());
        self.call(&["EVAL", SCRIPT, "1", "board", &members, &times, &seed, act])?;
        Ok(spent(&self.process.id().to_string()).saturating_sub(begun))
    }

    /// One command whose answer is a number.
    fn call(&mut self, command: &[&str]) -> Outcome<i64> {
        let mut request = format!("*{}\r\n", command.len());
        for part in command {
            request.push_str(&format!("${}\r\n{part}\r\n", part.len()));
        }
        self.socket.get_mut().write_all(request.as_bytes())?;
        let mut answer = String::new();
        self.socket.by_ref().take(4_096).read_line(&mut answer)?;
        let number = answer.trim_end().strip_prefix(':').ok_or_else(|| format!("Redis says {answer:?}"))?;
        Ok(number.parse()?)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It keeps nothing; whatever goes wrong, it is to be gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
