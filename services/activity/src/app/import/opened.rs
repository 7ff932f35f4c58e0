//! What came in, opened: an archive, or the document of a health export by itself. It may be larger than memory.

use std::sync::Arc;

use formats::{
    Problem,
    apple::{self, Document, Wrapping},
    archive::{self, Kind, Member, ReadAt, strava::Table},
};
use kernel::{Code, Refusal};

use crate::{
    app::{App, read_upload::refusal_of},
    blobs::{BlobError, BlobFile},
};

pub(super) const NOTHING_OF_IT: &str =
    "an import takes a ZIP archive or a health export; a single file is uploaded";

/// Where the document of a health export lies.
#[derive(Clone)]
pub(super) enum Lies {
    ByItself(Wrapping),
    Member(Box<Member>),
}

#[derive(Clone)]
pub(super) struct Opened {
    pub(super) file: BlobFile,
    pub(super) kind: Kind,
    pub(super) members: Arc<[Member]>,
    /// Of a Strava export.
    pub(super) table: Arc<Table>,
    /// Its list of files is gone, and so many bytes belong to none of those that were found.
    pub(super) bytes_lost: Option<u64>,
    pub(super) health: Option<Lies>,
}

impl App {
    /// A refusal of what came in is the inner error.
    pub(super) async fn open_blob(&self, blob: &str) -> Result<Result<Opened, Refusal>, Refusal> {
        let file = match self.blobs.file(blob).await {
            Ok(file) => file,
            Err(BlobError::Missing(_)) => {
                let gone = "the archive is gone; please send it again";
                return Ok(Err(Refusal::new(Code::FileUnreadable, gone)));
            }
            Err(error) => return Err(error.into()),
        };
        match tokio::task::spawn_blocking(move || open(file)).await {
            Ok(opened) => Ok(opened.map_err(|problem| refusal_of(&problem))),
            Err(panic) => {
                tracing::error!(%panic, "an archive could not be opened");
                Ok(Err(Refusal::new(Code::FileUnreadable, "the archive cannot be read")))
            }
        }
    }
}

/// Whether bytes are something to import; of what is larger than memory too.
pub(in crate::app) fn is_importable<S: ReadAt>(source: &S) -> bool {
    let mut head = [0; 4];
    source.read_at(0, &mut head).is_ok_and(|_| archive::is_zip(&head)) || apple::detect(source).is_some()
}

fn open(file: BlobFile) -> Result<Opened, Problem> {
    let nothing = || (Arc::from(Vec::new()), Arc::new(Table::default()));
    if let Some(wrapping) = apple::detect(&file) {
        let (members, table) = nothing();
        let health = Some(Lies::ByItself(wrapping));
        return Ok(Opened { file, kind: Kind::AppleExport, members, table, bytes_lost: None, health });
    }
    if !is_importable(&file) {
        return Err(Problem::Unreadable(NOTHING_OF_IT.into()));
    }
    let archive = archive::open(&file)?;
    let table = Arc::new(archive.strava_table()?.unwrap_or_default());
    let (kind, members) = (archive.kind(), Arc::from(archive.members()));
    let health = archive.health_export().and_then(|index| archive.members().get(index)).cloned();
    let health = health.map(|member| Lies::Member(Box::new(member)));
    let bytes_lost = archive.bytes_lost();
    Ok(Opened { file, kind, members, table, bytes_lost, health })
}

impl Lies {
    pub(super) fn document(&self, file: &BlobFile) -> Result<Document<BlobFile>, Problem> {
        match self {
            Self::ByItself(wrapping) => Ok(Document::open(file.clone(), *wrapping)),
            Self::Member(member) => Document::member(file.clone(), member),
        }
    }

    /// As its files are called in a plan.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::ByItself(_) => "export.xml",
            Self::Member(member) => &member.name,
        }
    }

    pub(super) fn is(&self, other: &Member) -> bool {
        matches!(self, Self::Member(member) if **member == *other)
    }
}
