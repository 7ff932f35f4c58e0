//! Files that come in parts.

use activity::Config;
use bytes::Bytes;
use futures::future::join_all;
use kernel::{AccountId, Code};
use platform::{actor::Actor, context::acting_for};
use proto::activity::{
    CreateResumableRequest, GetImportRequest, GetUploadRequest, ResumableChunk, ResumableHeader,
    ResumableHow, ResumableRequest, ResumableView, UploadView, resumable_chunk::Part,
};
use sha2::{Digest, Sha256};
use testkit::{
    fleet::{Ground, eventually},
    zip::stored as zip,
};
use tonic::{Response, Status};

use crate::world::{self, Accounts, World, app, by, fit, refused, refused_with, watch};

/// Small parts, and little for one account.
fn config() -> Config {
    Config {
        sweep_every_ms: 100,
        resumable_part_bytes: 10_000,
        resumable_bytes_max: 1_000_000,
        resumable_unfinished_bytes_max: 1_500_000,
        ..Config::default()
    }
}

impl World<'_> {
    async fn begin(&self, actor: Actor, length: usize, purpose: &str) -> Result<ResumableView, Status> {
        let how = ResumableHow {
            filename: "run.fit".to_owned(),
            purpose: purpose.to_owned(),
            dry_run: purpose == "import",
            ..ResumableHow::default()
        };
        let asked = CreateResumableRequest { length: length as i64, how: Some(how) };
        self.client().create_resumable(acting_for(actor, asked)).await.map(Response::into_inner)
    }

    async fn append(
        &self,
        account: AccountId,
        id: &Bytes,
        offset: usize,
        data: &[u8],
    ) -> Result<ResumableView, Status> {
        self.append_checked(account, id, offset, data, ("", &[])).await
    }

    async fn append_checked(
        &self,
        account: AccountId,
        id: &Bytes,
        offset: usize,
        data: &[u8],
        (algorithm, checksum): (&str, &[u8]),
    ) -> Result<ResumableView, Status> {
        let header = ResumableHeader {
            resumable_id: id.clone(),
            offset: offset as i64,
            checksum_algorithm: algorithm.to_owned(),
            checksum: Bytes::copy_from_slice(checksum),
        };
        let mut chunks = vec![ResumableChunk { part: Some(Part::Header(header)) }];
        chunks.extend(
            data.chunks(4_000)
                .map(|piece| ResumableChunk { part: Some(Part::Data(Bytes::copy_from_slice(piece))) }),
        );
        let request = by(account, tokio_stream::iter(chunks));
        self.client().append_resumable(request).await.map(Response::into_inner)
    }

    async fn resumable(&self, account: AccountId, id: &Bytes) -> Result<ResumableView, Status> {
        let asked = ResumableRequest { resumable_id: id.clone() };
        self.client().get_resumable(by(account, asked)).await.map(Response::into_inner)
    }

    async fn becomes(&self, account: AccountId, id: &Bytes) -> UploadView {
        let look = || async {
            let asked = GetUploadRequest { upload_id: id.clone() };
            self.client().get_upload(by(account, asked)).await.unwrap().into_inner()
        };
        let is_final = |view: &UploadView| !matches!(view.status.as_str(), "queued" | "parsing");
        eventually("is the upload read", look, is_final).await
    }

    async fn parts_left(&self) -> i64 {
        let sql = "SELECT COUNT(*) FROM resumable_part";
        self.db.fetch_one(sql, Vec::new()).await.unwrap().unwrap().get(0).unwrap()
    }
}

async fn the_whole_way(ground: &Ground) {
    let accounts = Accounts::default();
    let world = world::start_with(ground, &accounts, config()).await;
    let aida = accounts.athlete("aida");
    let file = fit("2026-05-01");
    let begun = world.begin(app(aida), file.len(), "upload").await.unwrap();
    assert_eq!((begun.received, begun.state.as_str()), (0, "open"));
    let third = file.len() / 3;
    let first = world.append(aida, &begun.id, 0, &file[..third]).await.unwrap();
    assert_eq!(first.received, third as i64);
    for wrong in [0, third - 1, third + 1, file.len()] {
        refused_with(world.append(aida, &begun.id, wrong, &file[third..]).await, Code::Conflict);
    }
    let more = [&file[third..], b"more than was said"].concat();
    refused_with(world.append(aida, &begun.id, third, &more).await, Code::PayloadTooLarge);
    world.stop().await;

    // Another process on the same ground: what was kept is known.
    let world = world::start_with(ground, &accounts, config()).await;
    let known = world.resumable(aida, &begun.id).await.unwrap().received as usize;
    assert!(known >= third && known < file.len(), "{known}");
    let whole = world.append(aida, &begun.id, known, &file[known..]).await.unwrap();
    assert_eq!((whole.received as usize, whole.state.as_str()), (file.len(), "received"));
    let upload = world.becomes(aida, &begun.id).await;
    assert_eq!((upload.status.as_str(), upload.filename.as_str()), ("ready", "run.fit"));
    assert_eq!(upload.size_bytes as usize, file.len());
    let done = || async { world.resumable(aida, &begun.id).await.unwrap().state };
    eventually("is it done", done, |state| state == "done").await;
    assert_eq!(world.parts_left().await, 0);
    // The same file whole, and in parts once more: the same activity.
    let again = world.uploaded(aida, file.clone()).await;
    assert_eq!((again.status.as_str(), &again.activity_ids), ("duplicate", &upload.activity_ids));
    let twice = world.begin(app(aida), file.len(), "upload").await.unwrap();
    world.append(aida, &twice.id, 0, &file).await.unwrap();
    let twice = world.becomes(aida, &twice.id).await;
    assert_eq!((twice.status.as_str(), &twice.activity_ids), ("duplicate", &upload.activity_ids));
    world.stop().await;
}

#[tokio::test]
async fn a_file_in_parts_outlives_its_process_and_becomes_the_upload_of_its_id() {
    the_whole_way(&Ground::fresh()).await;
}

#[tokio::test]
async fn of_a_part_that_its_checksum_does_not_fit_nothing_is_kept() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start_with(&ground, &accounts, config()).await;
    let aida = accounts.athlete("aida");
    let file = fit("2026-05-01");
    let begun = world.begin(app(aida), file.len(), "upload").await.unwrap();
    let half = file.len() / 2;
    assert!(half > 2 * config().resumable_part_bytes, "several pieces: {half}");
    let folder = ground.folder().join(format!("activity/blobs/parts/{aida}"));
    let pieces = || {
        let rooms = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        rooms.map(|room| std::fs::read_dir(room.path()).map_or(0, Iterator::count)).sum::<usize>()
    };
    let of_other = Sha256::digest(b"another part").to_vec();
    let wrong = world.append_checked(aida, &begun.id, 0, &file[..half], ("sha256", &of_other)).await;
    refused_with(wrong, Code::ChecksumMismatch);
    assert_eq!(world.resumable(aida, &begun.id).await.unwrap().received, 0);
    assert_eq!((world.parts_left().await, pieces()), (0, 0));
    for unknown in [("md5", &of_other[..16]), ("sha1", &of_other[..])] {
        let refused = world.append_checked(aida, &begun.id, 0, &file[..half], unknown).await;
        refused_with(refused, Code::BadChecksum);
    }
    // A part that is longer than the file leaves nothing either.
    let long = [&file[..], b"more"].concat();
    let long_sum = Sha256::digest(&long).to_vec();
    let refused = world.append_checked(aida, &begun.id, 0, &long, ("sha256", &long_sum)).await;
    refused_with(refused, Code::PayloadTooLarge);
    assert_eq!((world.parts_left().await, pieces()), (0, 0));

    let right = Sha256::digest(&file[..half]).to_vec();
    let kept = world.append_checked(aida, &begun.id, 0, &file[..half], ("sha256", &right)).await.unwrap();
    assert_eq!(kept.received as usize, half);
    let rest = sha1::Sha1::digest(&file[half..]).to_vec();
    world.append_checked(aida, &begun.id, half, &file[half..], ("sha1", &rest)).await.unwrap();
    assert_eq!(world.becomes(aida, &begun.id).await.status, "ready");
    world.stop().await;
}

#[tokio::test]
async fn a_file_comes_in_parts_on_postgresql() {
    let Some(ground) = Ground::postgres("a file in parts on PostgreSQL") else { return };
    the_whole_way(&ground).await;
}

#[tokio::test]
async fn an_archive_in_parts_becomes_the_import_of_its_id() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start_with(&ground, &accounts, config()).await;
    let aida = accounts.athlete("aida");
    let archive = zip(&[("a.fit", fit("2026-05-01")), ("b.fit", fit("2026-05-02"))]);
    let begun = world.begin(app(aida), archive.len(), "import").await.unwrap();
    world.append(aida, &begun.id, 0, &archive).await.unwrap();
    let look = || async {
        let asked = GetImportRequest { import_id: begun.id.clone(), ..GetImportRequest::default() };
        world.client().get_import(by(aida, asked)).await.unwrap().into_inner()
    };
    let planned = eventually("is it looked through", look, |view| view.state == "planned").await;
    assert_eq!((planned.files_total, planned.dry_run, planned.filename.as_str()), (2, true, "run.fit"));
    world.stop().await;
}

#[tokio::test]
async fn an_archive_that_is_kept_no_longer_leaves_nothing_when_it_comes_in_parts_again() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start_with(&ground, &accounts, config()).await;
    let aida = accounts.athlete("aida");
    let archive = zip(&[("a.fit", fit("2026-05-01")), ("b.fit", fit("2026-05-02"))]);
    assert!(world.uploaded(aida, archive.clone()).await.is_archive);
    let kept = || async {
        let folder = ground.folder().join("activity/blobs/original").join(aida.to_string());
        std::fs::read_dir(folder).map(Iterator::count).unwrap_or_default()
    };
    let before = kept().await;
    world.later(31 * 86_400);
    eventually("how many files are kept", kept, |kept| *kept == before - 1).await;
    let begun = world.begin(app(aida), archive.len(), "upload").await.unwrap();
    world.append(aida, &begun.id, 0, &archive).await.unwrap();
    assert_eq!(world.becomes(aida, &begun.id).await.status, "duplicate");
    let done = || async { world.resumable(aida, &begun.id).await.unwrap().state };
    eventually("is it done", done, |state| state == "done").await;
    assert_eq!(kept().await, before - 1);
    world.stop().await;
}

#[tokio::test]
async fn of_many_who_send_the_same_part_one_does() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start_with(&ground, &accounts, config()).await;
    let aida = accounts.athlete("aida");
    let file = fit("2026-05-01");
    let begun = world.begin(app(aida), file.len(), "upload").await.unwrap();
    let sent = join_all((0..8).map(|_| world.append(aida, &begun.id, 0, &file))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = sent.into_iter().partition(Result::is_ok);
    assert!(taken.len() <= 1, "{}", taken.len());
    refused.into_iter().for_each(|answer| refused_with(answer, Code::Conflict));
    // Whoever was in the lead at each part: the rest is sent by one.
    let known = world.resumable(aida, &begun.id).await.unwrap().received as usize;
    if known < file.len() {
        world.append(aida, &begun.id, known, &file[known..]).await.unwrap();
    }
    assert_eq!(world.becomes(aida, &begun.id).await.status, "ready");
    world.stop().await;
}

#[tokio::test]
async fn what_may_not_come_in_parts_is_refused_and_what_nobody_goes_on_with_is_forgotten() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start_with(&ground, &accounts, config()).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    refused_with(world.begin(app(aida), 0, "upload").await, Code::InvalidField);
    refused_with(world.begin(app(aida), 10, "backup").await, Code::InvalidField);
    refused_with(world.begin(app(aida), 1_000_001, "upload").await, Code::PayloadTooLarge);
    refused_with(world.begin(watch(aida, "watch"), 10, "upload").await, Code::InsufficientScope);
    let begun = world.begin(app(aida), 1_000_000, "upload").await.unwrap();
    let second = refused(world.begin(app(aida), 600_000, "upload").await);
    assert!(second.code == Code::PayloadTooLarge && second.detail.contains("unfinished"), "{second:?}");
    world.begin(app(boris), 600_000, "upload").await.unwrap();
    refused_with(world.append(boris, &begun.id, 0, b"x").await, Code::NotFound);
    refused_with(world.resumable(boris, &begun.id).await, Code::NotFound);

    world.append(aida, &begun.id, 0, &[7; 25_000]).await.unwrap();
    let asked = ResumableRequest { resumable_id: begun.id.clone() };
    refused_with(world.client().drop_resumable(by(boris, asked.clone())).await, Code::NotFound);
    world.client().drop_resumable(by(aida, asked)).await.unwrap();
    refused_with(world.resumable(aida, &begun.id).await, Code::NotFound);
    assert_eq!(world.parts_left().await, 0);

    let left = world.begin(app(aida), 600_000, "upload").await.unwrap();
    world.later(80_000);
    world.append(aida, &left.id, 0, &[7; 25_000]).await.unwrap();
    world.later(80_000);
    assert_eq!(world.resumable(aida, &left.id).await.unwrap().received, 25_000, "a part came in between");
    world.later(10_000);
    let forgotten = eventually("is it forgotten", || world.resumable(aida, &left.id), Result::is_err).await;
    refused_with(forgotten, Code::NotFound);
    eventually("are its parts gone", || world.parts_left(), |left| *left == 0).await;
    world.stop().await;
}

#[tokio::test]
async fn a_single_file_that_is_too_large_fails_and_an_archive_of_that_size_does_not() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let config = Config { upload_bytes_max: 1_000, ..config() };
    let world = world::start_with(&ground, &accounts, config).await;
    let aida = accounts.athlete("aida");
    for (file, wanted) in [(fit("2026-05-01"), "failed"), (zip(&[("a.fit", fit("2026-05-01"))]), "ready")] {
        let begun = world.begin(app(aida), file.len(), "upload").await.unwrap();
        world.append(aida, &begun.id, 0, &file).await.unwrap();
        let upload = world.becomes(aida, &begun.id).await;
        assert_eq!(upload.status, wanted, "{upload:?}");
        let code = upload.problem.map(|problem| problem.code).unwrap_or_default();
        assert_eq!(code, if wanted == "failed" { "payload_too_large" } else { "" });
    }
    world.stop().await;
}

#[tokio::test]
async fn an_erased_accounts_parts_are_gone() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start_with(&ground, &accounts, config()).await;
    let aida = accounts.athlete("aida");
    let begun = world.begin(app(aida), 100_000, "upload").await.unwrap();
    world.append(aida, &begun.id, 0, &[7; 25_000]).await.unwrap();
    world.erase(aida).await;
    assert_eq!(world.parts_left().await, 0);
    refused_with(world.resumable(aida, &begun.id).await, Code::NotFound);
    world.stop().await;
}
