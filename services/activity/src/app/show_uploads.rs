//! Uploads as their sender sees them.

use std::time::Duration;

use kernel::{Code, Refusal};
use proto::activity::UploadView;
use tokio::time::Instant;

use super::{App, Sender, page};
use crate::{
    domain::{ImportId, UploadId},
    readers::Job,
    store::uploads::{self, Row},
    wire,
};

/// How often an upload that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Files of an archive in the answer about its upload; all of them are at the import of the same id.
const FILES_MAX: u32 = 200;

pub struct UploadPage {
    pub items: Vec<UploadView>,
    /// The last of the page, when another may follow.
    pub next: Option<UploadId>,
}

impl App {
    /// The sender's own upload; a device sees only what it sent itself.
    pub async fn show_upload(&self, sender: &Sender, id: UploadId) -> Result<UploadView, Refusal> {
        let Some(row) = self.upload_row(id).await? else {
            let arriving = self.is_arriving(sender.account, id.uuid(), "upload").await?;
            return arriving.filter(|_| !sender.device).map(|_| queued(id)).ok_or_else(Refusal::not_found);
        };
        let own = row.account_id == sender.account && (!sender.device || row.session_id == sender.session);
        if !own {
            return Err(Refusal::not_found());
        }
        let mut view = self.upload_view(row).await?;
        if view.is_archive {
            view.archive =
                Some(self.show_import(sender.account, ImportId::new(id.uuid()), 0, FILES_MAX).await?);
        }
        Ok(view)
    }

    /// As [`App::show_upload`], but waits until all is told, at most so long.
    pub async fn await_upload(
        &self,
        sender: &Sender,
        id: UploadId,
        patience: Duration,
    ) -> Result<UploadView, Refusal> {
        let until = Instant::now() + patience;
        loop {
            match self.show_upload(sender, id).await {
                // Its reader looks for twins before it lets go: a workout that is known is shown once from the beginning.
                Ok(view)
                    if (is_told(&view) && !self.queue.is_busy_with(Job::Upload(id)))
                        || Instant::now() >= until =>
                {
                    self.told_by_rows().await?;
                    return Ok(view);
                }
                // The row is not there yet: the append is durable all the same.
                Err(refusal) if refusal.code == Code::NotFound && Instant::now() >= until => {
                    return Ok(queued(id));
                }
                Err(refusal) if refusal.code != Code::NotFound => return Err(refusal),
                _ => tokio::time::sleep_until((Instant::now() + LOOK_EVERY).min(until)).await,
            }
        }
    }

    /// The rows hold what the journal holds by now.
    async fn told_by_rows(&self) -> Result<(), Refusal> {
        let head = self.journal.store().head().await.map_err(eventing::Error::from)?;
        platform::reached(head).await;
        Ok(())
    }

    /// Newest first.
    pub async fn list_uploads(
        &self,
        sender: &Sender,
        behind: Option<UploadId>,
        limit: u32,
    ) -> Result<UploadPage, Refusal> {
        let limit = page(limit);
        let session = if sender.device { sender.session } else { None };
        let rows = uploads::range(&self.db, sender.account, session, behind, limit);
        let rows = rows.await.map_err(eventing::Error::from)?;
        let full = rows.len() == limit as usize;
        let next = rows.last().filter(|_| full).map(|row| row.upload_id);
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            items.push(self.upload_view(row).await?);
        }
        Ok(UploadPage { items, next })
    }

    async fn upload_row(&self, id: UploadId) -> Result<Option<Row>, Refusal> {
        Ok(uploads::get(&self.db, id).await.map_err(eventing::Error::from)?)
    }

    async fn upload_view(&self, row: Row) -> Result<UploadView, Refusal> {
        let mut view = row.whole;
        if let Some(original) = row.original {
            // Filled once the first is ready; the first's failure is this one's too, it is the same file.
            if let Some(first) = self.upload_row(original).await? {
                view.activity_ids = first.whole.activity_ids;
                view.notices = first.whole.notices;
                if first.whole.status == "failed" {
                    view.status = first.whole.status;
                    view.problem = first.whole.problem;
                }
            }
        } else if view.status == "queued"
            && (view.is_archive || self.queue.is_busy_with(Job::Upload(row.upload_id)))
        {
            view.status = "parsing".to_owned();
        }
        Ok(view)
    }
}

/// Final, and, for a duplicate, with the first one's activities.
fn is_told(view: &UploadView) -> bool {
    match view.status.as_str() {
        "queued" | "parsing" => false,
        "duplicate" => !view.activity_ids.is_empty(),
        _ => true,
    }
}

fn queued(id: UploadId) -> UploadView {
    UploadView { id: wire::bytes(id), status: "queued".to_owned(), ..UploadView::default() }
}
