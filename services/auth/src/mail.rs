//! The local mail sink: one file a mail, names in the order of time. Where mail goes while no SMTP server is set.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use mail_builder::{MessageBuilder, headers::raw::Raw};

use crate::domain::email::Email;

/// What a mail says. The language is the receiver's where we know it.
#[derive(Clone, Debug)]
pub struct Letter {
    pub to: Email,
    pub subject: String,
    pub text: String,
    /// Stands in `X-Stadion-Code` too, for tools.
    pub code: Option<String>,
    /// Stands in `X-Stadion-Registration`, for tools.
    pub registration: Option<String>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct MailSink {
    folder: Arc<Path>,
    from: Arc<str>,
    counter: Arc<AtomicU64>,
}

impl MailSink {
    pub fn new(folder: PathBuf, from: &str) -> Self {
        Self { folder: folder.into(), from: from.into(), counter: Arc::default() }
    }

    /// Writes the letter; when this answers, the file is there.
    pub async fn send(&self, letter: Letter, now: Timestamp) -> std::io::Result<()> {
        self.put(letter, now, true).await
    }

    /// The same work without a mail in the end: answers take equally long, whether or not somebody is to hear of it.
    pub async fn pretend(&self, letter: Letter, now: Timestamp) -> std::io::Result<()> {
        self.put(letter, now, false).await
    }

    async fn put(&self, letter: Letter, now: Timestamp, keep: bool) -> std::io::Result<()> {
        let sink = self.clone();
        let written = tokio::task::spawn_blocking(move || sink.write(&letter, now, keep)).await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }

    fn write(&self, letter: &Letter, now: Timestamp, keep: bool) -> std::io::Result<()> {
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        let name = format!("{:020}-{:010}-{:06}", now.as_microsecond(), std::process::id(), count);
        let mut message = MessageBuilder::new()
            .message_id(format!("{name}@stadion.local"))
            .date(now.as_second())
            .from(self.from.as_ref())
            .to(letter.to.as_str())
            .subject(letter.subject.as_str())
            .text_body(letter.text.as_str());
        for (header, value) in
            [("X-Stadion-Code", &letter.code), ("X-Stadion-Registration", &letter.registration)]
        {
            if let Some(value) = value {
                message = message.header(header, Raw::new(value.as_str()));
            }
        }
        std::fs::create_dir_all(&self.folder)?;
        let draft = self.folder.join(format!("{name}.draft"));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        file.write_all(&message.write_to_vec()?)?;
        if keep {
            // A reader of the folder sees whole mails only.
            std::fs::rename(&draft, self.folder.join(format!("{name}.eml")))
        } else {
            std::fs::remove_file(&draft)
        }
    }
}
