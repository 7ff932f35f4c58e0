//! An import and a page of its files, for its owner.

use eventing::Error;
use kernel::{AccountId, Refusal};
use proto::activity::ImportView;

use super::import_stream;
use crate::{
    app::{App, page},
    domain::{
        ImportId,
        import::{Import, Phase},
    },
    store::{imports, taken},
    wire,
};

impl App {
    /// The files from the number on that a page before ended with.
    pub async fn show_import(
        &self,
        account: AccountId,
        id: ImportId,
        from: u32,
        limit: u32,
    ) -> Result<ImportView, Refusal> {
        let row = imports::get(&self.db, id).await.map_err(Error::from)?;
        let Some(row) = row else { return self.early_import(account, id).await };
        if row.account_id != account {
            return Err(Refusal::not_found());
        }
        let limit = page(limit);
        let mut view = row.whole;
        if view.state == Phase::Planning.as_str() {
            let progress = imports::progress(&self.db, id).await.map_err(Error::from)?;
            (view.bytes_done, view.bytes_total) = (progress.bytes_done, progress.bytes_total);
        }
        view.files = imports::files(&self.db, id, from, limit).await.map_err(Error::from)?;
        let full = view.files.len() == limit as usize;
        let next = view.files.last().filter(|_| full).map(|last| last.number.saturating_add(1).to_string());
        view.next_cursor = next.unwrap_or_default();
        Ok(view)
    }

    /// One of which its row does not know yet.
    async fn early_import(&self, account: AccountId, id: ImportId) -> Result<ImportView, Refusal> {
        let import = self.journal.load::<Import>(&import_stream(id)).await?.state;
        let Some(archive) = import.archive else { return self.arriving_import(account, id).await };
        let erased = taken::now(&self.db, account).await.map_err(Error::from)?.erased;
        if archive.account_id != account || erased {
            return Err(Refusal::not_found());
        }
        Ok(ImportView {
            id: wire::bytes(id),
            state: import.phase.as_str().to_owned(),
            dry_run: archive.dry_run,
            filename: archive.filename.unwrap_or_default(),
            size_bytes: archive.size_bytes,
            created_us: kernel::time::micros(self.journal.now()),
            ..ImportView::default()
        })
    }

    /// One that came in parts, all of which are here.
    async fn arriving_import(&self, account: AccountId, id: ImportId) -> Result<ImportView, Refusal> {
        let arriving =
            self.is_arriving(account, id.uuid(), "import").await?.ok_or_else(Refusal::not_found)?;
        Ok(ImportView {
            id: wire::bytes(id),
            state: Phase::Planning.as_str().to_owned(),
            dry_run: arriving.how.dry_run,
            filename: arriving.how.filename,
            size_bytes: arriving.length,
            created_us: kernel::time::micros(self.journal.now()),
            ..ImportView::default()
        })
    }
}
