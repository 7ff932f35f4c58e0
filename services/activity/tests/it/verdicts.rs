//! What cannot be is told to its owner, counts nowhere, and is decided by a person who is somebody else.

use bytes::Bytes;
use kernel::{AccountId, Code};
use proto::{
    activity::{
        ActivityView, AppealRequest, ChangeActivityRequest, CreateActivityRequest, CropRequest,
        DecideVerdictRequest, GetActivityRequest, HistoryRequest, ListVerdictsRequest, VerdictRequest,
        VerdictView,
    },
    auth::Role,
};
use testkit::fleet::Ground;
use tonic::Status;

use crate::{
    twins::sample,
    world::{self, Accounts, World, by, refused_with},
};

pub(crate) async fn verdict(world: &World<'_>, viewer: AccountId, id: &Bytes) -> Result<VerdictView, Status> {
    let asked = VerdictRequest { activity_id: id.clone() };
    world.client().verdict(by(viewer, asked)).await.map(tonic::Response::into_inner)
}

pub(crate) async fn view(world: &World<'_>, viewer: AccountId, id: &Bytes) -> ActivityView {
    let asked = GetActivityRequest { activity_id: id.clone() };
    world.client().get_activity(by(viewer, asked)).await.unwrap().into_inner()
}

pub(crate) async fn appeal(world: &World<'_>, account: AccountId, id: &Bytes) -> Result<VerdictView, Status> {
    let asked = AppealRequest { activity_id: id.clone(), text: "The road went downhill.".to_owned() };
    world.client().appeal(by(account, asked)).await.map(tonic::Response::into_inner)
}

pub(crate) async fn decide(
    world: &World<'_>,
    reviewer: AccountId,
    id: &Bytes,
    ruling: &str,
) -> Result<VerdictView, Status> {
    let asked = DecideVerdictRequest {
        activity_id: id.clone(),
        ruling: ruling.to_owned(),
        reason: "The map agrees.".to_owned(),
    };
    world.client().decide_verdict(by(reviewer, asked)).await.map(tonic::Response::into_inner)
}

pub(crate) async fn waiting(world: &World<'_>, reviewer: AccountId) -> Result<Vec<Bytes>, Status> {
    let answer = world.client().list_verdicts(by(reviewer, ListVerdictsRequest::default())).await;
    Ok(answer?.into_inner().items.into_iter().map(|case| case.activity_id).collect())
}

/// 10 km in ten minutes, by hand.
async fn a_lie(world: &World<'_>, account: AccountId) -> Bytes {
    let entry = CreateActivityRequest {
        sport: "running".to_owned(),
        start_us: 1_777_000_000_000_000,
        elapsed_time_s: 600.0,
        distance_m: Some(10_000.0),
        ..CreateActivityRequest::default()
    };
    world.client().create_activity(by(account, entry)).await.unwrap().into_inner().id
}

pub(crate) fn moderator(accounts: &Accounts, regions: &[&str]) -> AccountId {
    let account = accounts.athlete("moderator");
    let regions = regions.iter().map(|&region| region.to_owned()).collect();
    accounts
        .change(account, |standing| standing.roles = vec![Role { role: "moderator".to_owned(), regions }]);
    account
}

#[tokio::test]
async fn a_made_up_run_is_flagged_with_its_reason_and_others_are_told_nothing() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    accounts.shows(aida, "summary", &["everyone"]);
    let Some(file) = sample("gpx/synthetic-run-15pts.gpx") else { return };
    let id = world.uploaded(aida, file).await.activity_ids.remove(0);
    let told = verdict(&world, aida, &id).await.unwrap();
    assert_eq!(told.state, "flagged");
    let reasons = told.judgement.unwrap().reasons;
    println!("{reasons:#?}");
    assert!(reasons.iter().any(|reason| reason.rule == "speed" && reason.value > 9.0));
    assert_eq!(view(&world, aida, &id).await.verdict, "flagged");
    assert_eq!(view(&world, boris, &id).await.verdict, "");
    refused_with(verdict(&world, boris, &id).await, Code::NotFound);
    world.stop().await;
}

#[tokio::test]
async fn of_the_samples_only_a_made_up_run_and_a_drive_home_are_flagged() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");
    let mut flagged = Vec::new();
    for kind in ["fit", "gpx", "tcx"] {
        let Ok(files) = std::fs::read_dir(format!("{folder}/{kind}")) else { continue };
        let mut files: Vec<_> =
            files.flatten().map(|file| file.path()).filter(|path| path.is_file()).collect();
        files.sort();
        for (nth, path) in files.iter().enumerate() {
            // One account a file: here each is looked at for itself.
            let whose = accounts.athlete(&format!("{kind} {nth}"));
            let upload = world.uploaded(whose, std::fs::read(path).unwrap()).await;
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            for id in &upload.activity_ids {
                let told = verdict(&world, whose, id).await.unwrap();
                let reasons = told.judgement.unwrap_or_default().reasons;
                let reasons: Vec<_> = reasons.into_iter().map(|reason| reason.detail).collect();
                println!("| {kind}/{name} | {} | {} | {} |", told.sport, told.state, reasons.join("; "));
                // One ride is there in four formats.
                let copies = reasons.iter().all(|reason| reason.starts_with("another account"));
                if told.state != "clear" && !copies {
                    flagged.push(name.clone());
                }
            }
        }
    }
    // The one was made up; the other's watch went on in the car: from its 34th minute on it does 14 m/s and more.
    let rightly = ["synthetic-run-15pts.gpx", "run-2007-no-hr.tcx"];
    assert!(flagged.iter().all(|name| rightly.contains(&name.as_str())), "{flagged:?}");
    world.stop().await;
}

#[tokio::test]
async fn an_appeal_is_decided_by_a_moderator_who_is_somebody_else() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let (aida, boris) = (accounts.athlete("aida"), accounts.athlete("boris"));
    accounts.change(aida, |standing| standing.region = Some("KZ-75".to_owned()));
    let reviewer = moderator(&accounts, &[]);
    let id = a_lie(&world, aida).await;
    assert_eq!(verdict(&world, aida, &id).await.unwrap().state, "flagged");
    assert!(waiting(&world, reviewer).await.unwrap().is_empty());
    refused_with(appeal(&world, boris, &id).await, Code::NotFound);
    assert_eq!(appeal(&world, aida, &id).await.unwrap().state, "appealed");
    refused_with(appeal(&world, aida, &id).await, Code::Conflict);
    assert_eq!(waiting(&world, reviewer).await.unwrap(), std::slice::from_ref(&id));
    refused_with(waiting(&world, boris).await, Code::Forbidden);
    refused_with(decide(&world, boris, &id, "cleared").await, Code::Forbidden);
    refused_with(decide(&world, reviewer, &id, "perhaps").await, Code::InvalidField);
    moderator(&accounts, &["KZ-71"]);
    refused_with(decide(&world, reviewer, &id, "cleared").await, Code::NotFound);
    assert!(waiting(&world, reviewer).await.unwrap().is_empty());
    moderator(&accounts, &["KZ-75"]);
    let seen = verdict(&world, reviewer, &id).await.unwrap();
    assert_eq!(seen.judgement.unwrap().appeal, "The road went downhill.");
    let decided = decide(&world, reviewer, &id, "cleared").await.unwrap();
    assert_eq!((decided.state.as_str(), decided.judgement.unwrap().ruling.as_str()), ("clear", "cleared"));
    assert_eq!(view(&world, aida, &id).await.verdict, "clear");
    assert!(waiting(&world, reviewer).await.unwrap().is_empty());
    refused_with(decide(&world, reviewer, &id, "upheld").await, Code::Conflict);
    let asked = HistoryRequest { activity_id: id.clone(), ..HistoryRequest::default() };
    let history = world.client().history(by(aida, asked)).await.unwrap().into_inner().items;
    let told: Vec<_> =
        history.iter().rev().map(|revision| (revision.kind.as_str(), revision.actor.as_str())).collect();
    let [ruled, asked] = [("flagged", "system"), ("appealed", "owner")];
    assert_eq!(told, [("recorded", "owner"), ruled, asked, ("cleared", "moderator")]);
    // A new name changes nothing about it.
    let asked = ChangeActivityRequest {
        activity_id: id.clone(),
        expected_revision: 4,
        name: Some("Fast".to_owned()),
        ..ChangeActivityRequest::default()
    };
    let renamed = world.client().change_activity(by(aida, asked)).await.unwrap().into_inner();
    assert_eq!(renamed.verdict, "clear");
    world.stop().await;
}

#[tokio::test]
async fn nobody_decides_about_their_own() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let reviewer = moderator(&accounts, &[]);
    let id = a_lie(&world, reviewer).await;
    appeal(&world, reviewer, &id).await.unwrap();
    refused_with(decide(&world, reviewer, &id, "cleared").await, Code::OwnApproval);
    world.stop().await;
}

#[tokio::test]
async fn another_sport_is_judged_by_its_own_limits() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let id = a_lie(&world, aida).await;
    let asked = ChangeActivityRequest {
        activity_id: id.clone(),
        expected_revision: view(&world, aida, &id).await.revision,
        sport: Some("cycling".to_owned()),
        ..ChangeActivityRequest::default()
    };
    let changed = world.client().change_activity(by(aida, asked)).await.unwrap().into_inner();
    assert_eq!((changed.sport.as_str(), changed.verdict.as_str()), ("cycling", "clear"));
    world.stop().await;
}

#[tokio::test]
async fn the_drive_home_is_cropped_away_and_what_is_left_is_clear() {
    let (ground, accounts) = (Ground::fresh(), Accounts::default());
    let world = world::start(&ground, &accounts).await;
    let aida = accounts.athlete("aida");
    let mut run = world::run("2026-05-01");
    let last = run.streams.clone();
    let (end_s, end, end_m) = (
        *last.time_s.last().unwrap(),
        last.latlng.last().unwrap().unwrap(),
        last.distance_m.last().unwrap().unwrap(),
    );
    for second in 1..=300_u32 {
        let way_m = f64::from(second) * 20.0;
        run.streams.push(formats::Sample {
            time_s: end_s + f64::from(second),
            latlng: Some((end.0 + way_m / 111_195.0, end.1)),
            distance_m: Some(end_m + way_m),
            heart_rate_bpm: Some(120.0 + f64::from(second % 5)),
            ..formats::Sample::default()
        });
    }
    run.laps.clear();
    run.totals = formats::Totals::default();
    formats::totals::complete(&mut run);
    let id = world.uploaded(aida, formats::write(&run)).await.activity_ids.remove(0);
    let whole = view(&world, aida, &id).await;
    assert_eq!(whole.verdict, "flagged");
    let crop = |from_s, to_s| CropRequest { activity_id: id.clone(), from_s, to_s };
    refused_with(world.client().crop(by(aida, crop(None, None))).await, Code::InvalidField);
    refused_with(world.client().crop(by(aida, crop(Some(1e6), None))).await, Code::InvalidField);
    let left = world.client().crop(by(aida, crop(None, Some(end_s)))).await.unwrap().into_inner();
    assert_eq!((left.verdict.as_str(), left.elapsed_time_s), ("clear", Some(end_s)));
    assert!(left.distance_m.unwrap() < whole.distance_m.unwrap() - 5_900.0);
    let read = ActivityView { detail: None, ..view(&world, aida, &id).await };
    assert_eq!(read, left, "and so it is read");
    let later = world.client().crop(by(aida, crop(Some(60.0), None))).await.unwrap().into_inner();
    assert_eq!(later.start_us.unwrap() - left.start_us.unwrap(), 60_000_000);
    world.stop().await;
}
