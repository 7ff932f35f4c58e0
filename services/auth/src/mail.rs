//! Where letters are put. Without an SMTP server they end in a folder, one file a mail, names in the order of time; with
//! one they wait in auth's store until a [`crate::courier`] has taken them: what was put there outlives the process.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use eventing::Db;
use jiff::Timestamp;
use kernel::time::micros;
use mail_builder::{MessageBuilder, headers::raw::Raw};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    domain::email::Email,
    error::{Error, Result},
    secrets::{Secrets, random},
    store::mails::{self, Row},
};

/// What a mail says. The language is the receiver's where we know it.
#[derive(Clone, Debug)]
pub struct Letter {
    pub to: Email,
    pub subject: String,
    pub text: String,
    /// Stands in `X-Stadion-Code` too, for tools, where mail ends in a folder.
    pub code: Option<String>,
    /// As `X-Stadion-Registration`.
    pub registration: Option<String>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct MailSink {
    from: Arc<str>,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Folder { folder: Arc<Path>, counter: Arc<AtomicU64> },
    Outbox(Outbox),
}

impl MailSink {
    /// Mail ends in `folder`.
    pub fn folder(folder: PathBuf, from: &str) -> Self {
        Self { from: from.into(), way: Way::Folder { folder: folder.into(), counter: Arc::default() } }
    }

    /// Mail waits to be taken on.
    pub fn outbox(outbox: Outbox, from: &str) -> Self {
        Self { from: from.into(), way: Way::Outbox(outbox) }
    }

    /// What waits to be taken on; `None`: mail ends here.
    pub fn waiting(&self) -> Option<&Outbox> {
        if let Way::Outbox(outbox) = &self.way { Some(outbox) } else { None }
    }

    /// Keeps the letter; when this answers, it is there.
    pub async fn send(&self, letter: Letter, now: Timestamp) -> Result<()> {
        self.put(letter, now, true).await
    }

    /// The same work without a mail in the end: answers take equally long, whether or not somebody is to hear of it.
    pub async fn pretend(&self, letter: Letter, now: Timestamp) -> Result<()> {
        self.put(letter, now, false).await
    }

    async fn put(&self, letter: Letter, now: Timestamp, keep: bool) -> Result<()> {
        match &self.way {
            Way::Folder { folder, counter } => {
                let count = counter.fetch_add(1, Ordering::Relaxed);
                let name = format!("{:020}-{:010}-{:06}", now.as_microsecond(), std::process::id(), count);
                let message = self.message(&letter, &name, now, true)?;
                let folder = folder.clone();
                let written =
                    tokio::task::spawn_blocking(move || write(&folder, &name, &message, keep)).await;
                Ok(written.unwrap_or_else(|error| Err(std::io::Error::other(error)))?)
            }
            Way::Outbox(outbox) => {
                let id = Uuid::from_bytes(random()?);
                let message = self.message(&letter, &id.to_string(), now, false)?;
                outbox.put(id, keep.then_some(&letter.to), &message, now).await
            }
        }
    }

    fn message(&self, letter: &Letter, id: &str, now: Timestamp, for_tools: bool) -> Result<Vec<u8>> {
        let domain = self.from.rsplit('@').next().unwrap_or_default();
        let mut message = MessageBuilder::new()
            .message_id(format!("{id}@{domain}"))
            .date(now.as_second())
            .from(self.from.as_ref())
            .to(letter.to.as_str())
            .subject(letter.subject.as_str())
            .text_body(letter.text.as_str());
        let marks = [("X-Stadion-Code", &letter.code), ("X-Stadion-Registration", &letter.registration)];
        for (header, value) in marks.into_iter().filter(|_| for_tools) {
            if let Some(value) = value {
                message = message.header(header, Raw::new(value.as_str()));
            }
        }
        Ok(message.write_to_vec()?)
    }
}

fn write(folder: &Path, name: &str, message: &[u8], keep: bool) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let draft = folder.join(format!("{name}.draft"));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&draft)?.write_all(message)?;
    if keep {
        // A reader of the folder sees whole mails only.
        std::fs::rename(&draft, folder.join(format!("{name}.eml")))
    } else {
        std::fs::remove_file(&draft)
    }
}

/// Mails on their way, as rows of auth's store; cheap to clone. They are wrapped: a mail holds an address and a code.
#[derive(Clone)]
pub struct Outbox {
    db: Db,
    secrets: Arc<Secrets>,
    news: Arc<Notify>,
}

/// A mail whose turn it is.
pub struct Waiting {
    pub id: Uuid,
    pub put_us: i64,
    /// How often it was tried, this time included.
    pub tries: u32,
    /// `None`: nobody is to hear of it.
    pub to: Option<String>,
    pub message: Vec<u8>,
}

impl Outbox {
    pub fn new(db: Db, secrets: Secrets) -> Self {
        Self { db, secrets: Arc::new(secrets), news: Arc::default() }
    }

    async fn put(&self, id: Uuid, to: Option<&Email>, message: &[u8], now: Timestamp) -> Result<()> {
        let plain = [to.map_or("", Email::as_str).as_bytes(), b"\n", message].concat();
        let sealed = self.secrets.wrap(&about(id), &plain)?;
        mails::put(&self.db, id, micros(now), sealed).await?;
        self.news.notify_one();
        Ok(())
    }

    /// Ends when this process has put something in.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Those that wait for longest, at most `max`: nobody else takes them until `until_us`.
    pub async fn claim(&self, now_us: i64, until_us: i64, max: u32) -> Result<Vec<Waiting>> {
        let rows = mails::claim(&self.db, now_us, until_us, max).await?;
        rows.into_iter().map(|row| self.open(row)).collect()
    }

    fn open(&self, row: Row) -> Result<Waiting> {
        let plain = self.secrets.unwrap(&about(row.id), &row.sealed)?;
        let mut parts = plain.splitn(2, |byte| *byte == b'\n');
        let to = parts.next().and_then(|to| std::str::from_utf8(to).ok());
        let to = to.ok_or(Error::Corrupt("a mail's receiver"))?.to_owned();
        let message = parts.next().ok_or(Error::Corrupt("a mail"))?.to_vec();
        let Row { id, put_us, tries, .. } = row;
        Ok(Waiting { id, put_us, tries, to: Some(to).filter(|to| !to.is_empty()), message })
    }

    /// It is the turn of the mail again at `next_us`.
    pub async fn put_off(&self, id: Uuid, next_us: i64) -> Result<()> {
        Ok(mails::put_off(&self.db, id, next_us).await?)
    }

    /// It is on its way no more.
    pub async fn forget(&self, id: Uuid) -> Result<()> {
        Ok(mails::forget(&self.db, id).await?)
    }

    /// How many wait, and since when the first of them.
    pub async fn depth(&self) -> Result<(i64, Option<i64>)> {
        Ok(mails::depth(&self.db).await?)
    }
}

/// What a wrapped mail belongs to.
fn about(id: Uuid) -> Vec<u8> {
    [b"mail:".as_slice(), id.as_bytes()].concat()
}
