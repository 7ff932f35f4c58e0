//! Takes files to the server: each under a key made of its content, so that a file that is sent again – the answer was
//! lost, the agent was killed – is answered as the first time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kernel::{Clock, SystemClock};
use serde_json::Value;

use super::{
    book::{Book, Outcome, Problem, Tokens},
    folder::Complete,
};
use crate::demo::door::{Answer, Ask, Door, escaped};

pub(super) const CLIENT_ID: &str = "stadion-device";
/// The server answers small files within the call.
const WAIT_S: u32 = 20;
/// A large file on a slow line.
const SEND_WITHIN: Duration = Duration::from_secs(600);
/// A token that ends so soon is renewed first.
const LEEWAY: SignedDuration = SignedDuration::from_secs(20);
const NAME_CHARS_MAX: usize = 120;

/// What concerns the server, the pairing or this machine, and so every file.
pub(super) enum Trouble {
    /// No answer, or one that says later.
    Later { why: String, after: Option<Duration> },
    /// The pairing has ended.
    Unpaired(String),
    /// The state cannot be kept, the folder cannot be read.
    Own(anyhow::Error),
}

impl Trouble {
    pub(super) fn unheard(error: &anyhow::Error) -> Self {
        Self::Later { why: format!("{error:#}"), after: None }
    }

    /// An answer that is none to what was asked.
    pub(super) fn of(answer: &Answer) -> Self {
        Self::Later { why: told(answer), after: retry_after(answer) }
    }
}

pub(super) struct Courier {
    pub(super) door: Door,
    pub(super) book: Book,
}

impl Courier {
    pub(super) fn new(door: Door, book: Book) -> Self {
        Self { door, book }
    }

    pub(super) fn is_paired(&self) -> bool {
        self.book.tokens().is_some()
    }

    /// What became of the file; or why this file, of all, cannot be brought in now.
    pub(super) async fn upload(&mut self, file: &Complete) -> Result<Result<Outcome, String>, Trouble> {
        let name: String = file.name.chars().take(NAME_CHARS_MAX).collect();
        let path = format!("/v1/uploads?wait_s={WAIT_S}&filename={}", escaped(&name));
        let ask = |door: &Door| {
            let ask = door.post(&path).header("Idempotency-Key", &format!("file-{}", file.hash));
            ask.body("application/octet-stream", file.bytes.clone()).within(SEND_WITHIN)
        };
        let answer = self.call(ask).await?;
        match answer.status {
            200 | 202 => Ok(Ok(read_outcome(&answer, name, now()))),
            // It is the file that is wrong: sent again, it would be wrong again.
            400 | 409 | 413 | 414 | 415 | 422 if !is_transient(&answer) => {
                let problem = Some(read_problem(&answer.json, answer.status));
                let refused = Outcome {
                    file: name,
                    at: now(),
                    status: "refused".to_owned(),
                    upload_id: None,
                    activity_ids: Vec::new(),
                    problem,
                };
                Ok(Ok(refused))
            }
            429 | 502..=504 => Err(Trouble::of(&answer)),
            _ => Ok(Err(told(&answer))),
        }
    }

    /// An upload that was not read to its end yet.
    pub(super) async fn ask_after(&mut self, known: &Outcome) -> Result<Outcome, Trouble> {
        let path = format!("/v1/uploads/{}", known.upload_id.as_deref().unwrap_or_default());
        let answer = self.call(|door| door.get(&path)).await?;
        match answer.status {
            200 => Ok(read_outcome(&answer, known.file.clone(), known.at)),
            // A device sees what it sent itself. It was paired anew since: the file is there, and not ours to ask after.
            404 => Ok(Outcome { status: "sent".to_owned(), ..known.clone() }),
            _ => Err(Trouble::of(&answer)),
        }
    }

    /// Asks with a token that is good, and once more when it was not.
    async fn call(&mut self, ask: impl Fn(&Door) -> Ask) -> Result<Answer, Trouble> {
        let good = self.book.tokens().filter(|tokens| now() + LEEWAY < tokens.access_until);
        let mut token = match good.map(|tokens| tokens.access_token.clone()) {
            Some(token) => token,
            None => self.renewed().await?,
        };
        let mut answer = self.send(&ask, &token).await?;
        if answer.status == 401 {
            // Clocks differ, and sessions are ended by their owners: renewing tells which.
            token = self.renewed().await?;
            answer = self.send(&ask, &token).await?;
        }
        if answer.status == 401 { Err(self.revoked(&told(&answer))) } else { Ok(answer) }
    }

    async fn send(&self, ask: &impl Fn(&Door) -> Ask, token: &str) -> Result<Answer, Trouble> {
        ask(&self.door).with(token).send().await.map_err(|error| Trouble::unheard(&error))
    }

    /// A new access token. The new refresh token is kept before anything is done with either: the old one is used up.
    async fn renewed(&mut self) -> Result<String, Trouble> {
        let Some(tokens) = self.book.tokens() else {
            return Err(Trouble::Unpaired("this agent is not paired".to_owned()));
        };
        let wanted = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh_token.as_str()),
            ("client_id", CLIENT_ID),
        ];
        let answer = self.door.post("/oauth/token").form(&wanted).send().await;
        let answer = answer.map_err(|error| Trouble::unheard(&error))?;
        match answer.status {
            200 => {
                let tokens = read_tokens(&answer)?;
                let token = tokens.access_token.clone();
                self.book.renew(Some(tokens)).map_err(Trouble::Own)?;
                Ok(token)
            }
            400 | 401 if answer.text("/error").is_ok_and(|error| error == "invalid_grant") => {
                Err(self.revoked(&answer.text("/error_description").unwrap_or_default()))
            }
            _ => Err(Trouble::of(&answer)),
        }
    }

    /// Tokens that open nothing any more are thrown away; what became of the files is not.
    fn revoked(&mut self, why: &str) -> Trouble {
        match self.book.renew(None) {
            Ok(()) => Trouble::Unpaired(format!("the pairing has ended ({why})")),
            Err(error) => Trouble::Own(error),
        }
    }
}

/// The session that pairing and renewing answer with.
pub(super) fn read_tokens(answer: &Answer) -> Result<Tokens, Trouble> {
    let said = |pointer: &str| answer.text(pointer).map_err(|error| Trouble::unheard(&error));
    let life_s = answer.number("/expires_in").unwrap_or_default().clamp(0.0, 86_400.0);
    Ok(Tokens {
        access_token: said("/access_token")?,
        access_until: now() + SignedDuration::from_secs_f64(life_s),
        refresh_token: said("/refresh_token")?,
    })
}

fn read_outcome(answer: &Answer, file: String, at: Timestamp) -> Outcome {
    let ids = answer.json.get("activity_ids").and_then(Value::as_array).into_iter().flatten();
    let problem = answer.json.get("problem").filter(|problem| problem.is_object());
    Outcome {
        file,
        at,
        status: answer.text("/status").unwrap_or_else(|_| "queued".to_owned()),
        upload_id: answer.text("/id").ok(),
        activity_ids: ids.filter_map(Value::as_str).map(str::to_owned).collect(),
        problem: problem.map(|problem| read_problem(problem, answer.status)),
    }
}

fn read_problem(problem: &Value, status: u16) -> Problem {
    let text = |name: &str| problem.get(name).and_then(Value::as_str).map(str::to_owned);
    Problem {
        code: text("code").unwrap_or_else(|| format!("status_{status}")),
        detail: text("detail").or_else(|| text("title")).unwrap_or_default(),
    }
}

/// A conflict with something else that goes on; only the key's is the file's own.
fn is_transient(answer: &Answer) -> bool {
    answer.status == 409 && answer.text("/code").is_ok_and(|code| code == "conflict")
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    let said = answer.headers.get("retry-after")?.to_str().ok()?;
    said.trim().parse().ok().map(Duration::from_secs)
}

fn told(answer: &Answer) -> String {
    let Problem { code, detail } = read_problem(&answer.json, answer.status);
    format!("the server answers {} {code}: {detail}", answer.status)
}

fn now() -> Timestamp {
    SystemClock.now()
}
