//! A file that comes in parts, because it is large or the way is bad: what is durable of it is remembered, and whoever sends
//! it goes on from there, to whichever process. Once it is whole it is an upload, or an import, of the same id.
//!
//! | command | query |
//! |---|---|
//! | `create`, `append`, `abandon`; the jobs behind them: `finish`, `expire` | `show` |

mod append;
mod checksum;
mod finish;

use eventing::{Command, Error};
use kernel::{AccountId, Code, Refusal, time};
use proto::activity::{ResumableHow, ResumableView};

use super::{App, Sender, receive_upload::filename};
use crate::{
    domain::{ResumableId, input},
    store::resumables::{self, OPEN, Row},
    wire,
};

const PURPOSES: [&str; 2] = ["upload", "import"];
/// Looked up at once.
const EXPIRED_MAX: u32 = 20;

impl App {
    /// Room for a file of so many bytes.
    ///
    /// # Errors
    /// `payload_too_large` for one that is larger than is taken, or too much together with what the account has unfinished.
    pub async fn create_resumable(
        &self,
        command: &Command,
        sender: &Sender,
        length: i64,
        how: ResumableHow,
    ) -> Result<Row, Refusal> {
        let most = i64::try_from(self.config.resumable_bytes_max).unwrap_or(i64::MAX);
        if length <= 0 {
            return Err(Refusal::field("/upload-length", "out_of_range", "at least one byte"));
        }
        if length > most {
            return Err(Refusal::new(Code::PayloadTooLarge, format!("a file has at most {most} bytes")));
        }
        if !PURPOSES.contains(&how.purpose.as_str()) {
            return Err(Refusal::field("/upload-metadata", "unknown", "purpose is upload or import"));
        }
        let source = input::source(&how.source, "upload")?;
        let how = ResumableHow { source, filename: filename(&how.filename).unwrap_or_default(), ..how };
        let row = Row {
            resumable_id: command.new_id("resumable"),
            account_id: sender.account,
            session_id: sender.session,
            length,
            received: 0,
            state: OPEN.to_owned(),
            expires_us: self.resumable_expires_us(),
            how,
        };
        let (id, asked) = (row.resumable_id, (length, row.how.clone()));
        let unfinished_max = i64::try_from(self.config.resumable_unfinished_bytes_max).unwrap_or(i64::MAX);
        let fits = resumables::create(&self.db, row, unfinished_max).await.map_err(Error::from)?;
        if !fits {
            let detail = "with what is unfinished already this is too much: finish that, or delete it";
            return Err(Refusal::new(Code::PayloadTooLarge, detail));
        }
        let made = self.own_resumable(sender.account, id).await?;
        if (made.length, made.how.clone()) != asked {
            return Err(Refusal::new(Code::IdempotencyMismatch, "the key was used for another file"));
        }
        Ok(made)
    }

    pub async fn show_resumable(
        &self,
        account: AccountId,
        id: ResumableId,
    ) -> Result<ResumableView, Refusal> {
        self.own_resumable(account, id).await.map(view)
    }

    /// Nothing more comes; what came of it is deleted. What it became already stays.
    pub async fn abandon_resumable(&self, account: AccountId, id: ResumableId) -> Result<(), Refusal> {
        let row = self.own_resumable(account, id).await?;
        if row.state == resumables::RECEIVED {
            return Err(Refusal::new(Code::Conflict, "it is whole, and becomes what it was sent for"));
        }
        self.drop_resumable(&row).await
    }

    /// Deletes those of which nothing was heard for too long.
    pub async fn expire_resumables(&self) -> Result<(), Refusal> {
        let now_us = time::micros(self.journal.now());
        let expired = resumables::expired(&self.db, now_us, EXPIRED_MAX).await.map_err(Error::from)?;
        for row in expired {
            self.drop_resumable(&row).await?;
        }
        Ok(())
    }

    /// The parts first: what is forgotten could not be deleted any more.
    async fn drop_resumable(&self, row: &Row) -> Result<(), Refusal> {
        self.blobs.drop_parts(row.account_id, row.resumable_id).await?;
        Ok(resumables::delete(&self.db, row.resumable_id).await.map_err(Error::from)?)
    }

    pub(super) async fn own_resumable(&self, account: AccountId, id: ResumableId) -> Result<Row, Refusal> {
        let row = resumables::get(&self.db, id).await.map_err(Error::from)?;
        row.filter(|row| row.account_id == account).ok_or_else(Refusal::not_found)
    }

    fn resumable_expires_us(&self) -> i64 {
        let kept_us = i64::from(self.config.resumable_kept_s) * 1_000_000;
        time::micros(self.journal.now()).saturating_add(kept_us)
    }
}

pub fn view(row: Row) -> ResumableView {
    ResumableView {
        id: wire::bytes(row.resumable_id),
        length: row.length,
        received: row.received,
        state: row.state,
        expires_us: row.expires_us,
        how: Some(row.how),
    }
}
