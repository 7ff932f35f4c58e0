//! Privacy settings with their revision.

use kernel::{Code, Refusal};
use proto::auth as p;
use testkit::fleet::Ground;

use crate::stage::{Person, Stage, by, refused, refused_field, sign_up, told};

async fn get(stage: &Stage<'_>, person: &Person) -> p::Privacy {
    told(stage.client().get_privacy(by(person, p::GetPrivacyRequest {})).await).expect("settings")
}

async fn put(
    stage: &Stage<'_>,
    person: &Person,
    request: p::PutPrivacyRequest,
) -> Result<p::Privacy, Refusal> {
    told(stage.client().put_privacy(by(person, request)).await)
}

fn audience(privacy: &p::Privacy, class: &str) -> Vec<String> {
    privacy
        .audiences
        .iter()
        .find(|one| one.data_class == class)
        .map(|one| one.members.clone())
        .expect("a class")
}

fn with(if_revision: Option<u64>, class: &str, members: &[&str]) -> p::PutPrivacyRequest {
    let members = members.iter().map(|member| (*member).to_owned()).collect();
    p::PutPrivacyRequest {
        if_revision,
        audiences: vec![p::Audience { data_class: class.to_owned(), members }],
        ..p::PutPrivacyRequest::default()
    }
}

#[tokio::test]
async fn settings_begin_with_the_defaults_and_change_at_their_revision() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let fresh = get(&stage, &person).await;
    assert_eq!((fresh.revision, fresh.audiences.len()), (0, 8));
    assert_eq!(audience(&fresh, "profile"), ["everyone"]);
    assert_eq!(audience(&fresh, "heart_rate"), Vec::<String>::new());

    refused(put(&stage, &person, with(None, "map", &[])).await, Code::PreconditionRequired);
    let changed = put(&stage, &person, with(Some(0), "map", &["everyone"])).await.expect("changed");
    assert_eq!((changed.revision, audience(&changed, "map")), (1, vec!["everyone".to_owned()]));
    refused(put(&stage, &person, with(Some(0), "map", &[])).await, Code::VersionMismatch);
    let standing = stage.standing(person.id).await.privacy.expect("settings");
    assert_eq!((standing.revision, standing.audiences.len()), (1, 1), "only what was chosen");
}

#[tokio::test]
async fn zones_are_replaced_as_a_whole_and_checked() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let person = stage.person("Aigerim").await;
    let zone = |latitude: f64| p::PrivacyZone {
        name: "home".to_owned(),
        latitude,
        longitude: 76.9,
        radius_m: 400.0,
    };
    let zones = |revision, zones| p::PutPrivacyRequest {
        if_revision: Some(revision),
        zones,
        replace_zones: true,
        ..p::PutPrivacyRequest::default()
    };
    let changed = put(&stage, &person, zones(0, vec![zone(43.2)])).await.expect("changed");
    assert_eq!(changed.zones.len(), 1);
    for wrong in [f64::NAN, f64::INFINITY, 1e300, -91.0] {
        refused_field(
            put(&stage, &person, zones(1, vec![zone(wrong)])).await,
            "/zones/0/latitude",
            "out_of_range",
        );
    }
    let kept = put(&stage, &person, with(Some(1), "map", &[])).await.expect("changed");
    assert_eq!(kept.zones.len(), 1, "what is not said stays");
    let gone = put(&stage, &person, zones(2, vec![])).await.expect("changed");
    assert!(gone.zones.is_empty());
}

#[tokio::test]
async fn a_minor_sees_and_keeps_the_ceiling() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let minor = stage.person_of(p::RegisterRequest { birth_year: Some(2009), ..sign_up("Dana") }).await;
    let settings = get(&stage, &minor).await;
    assert_eq!(audience(&settings, "profile"), ["followers"]);
    assert_eq!(audience(&settings, "summary"), ["friends"]);
    assert_eq!(settings.board_name, "anonymous");
    refused_field(
        put(&stage, &minor, with(Some(0), "map", &["followers"])).await,
        "/audiences/map",
        "above_ceiling",
    );
    let same = p::PutPrivacyRequest {
        if_revision: Some(0),
        audiences: settings.audiences.clone(),
        searchable: Some(settings.searchable),
        board_name: Some(settings.board_name.clone()),
        follow_approval: Some(settings.follow_approval),
        zones: settings.zones.clone(),
        replace_zones: true,
    };
    put(&stage, &minor, same).await.expect("what was read can be written");
}
