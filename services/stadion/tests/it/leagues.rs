//! The weekly league of those who have moved, through public HTTP.

use jiff::{SignedDuration, Timestamp, civil::Weekday};
use serde_json::{Value, json};
use stadion::demo::{cast::Person, door::until};

use crate::{embedded::Put, hostile::refused, hostile_contest::Stage};

/// Far from Monday, when everybody begins anew.
const WEDNESDAY: &str = "2026-05-13T12:00:00Z";

impl Stage {
    /// A minute of it, so long ago.
    async fn moved(&self, person: &Person, sport: &str, ago_s: i64) {
        let start = self.clock.now() - SignedDuration::from_secs(ago_s);
        let entry =
            json!({ "sport": sport, "start_at": start.to_string(), "elapsed_time_s": 50, "distance_m": 150 });
        let ask = self.cast.door.post("/v1/activities").with(&person.token);
        ask.json(&entry).expect(201).await.unwrap();
    }

    async fn league(&self, person: &Person, size: u32) -> Value {
        let ask = || self.cast.door.get("/v1/me/league").with(&person.token);
        let seen = until(ask, |answer| answer.json["size"] == json!(size)).await;
        seen.unwrap_or_else(|error| panic!("never {size} in the cohort: {error}")).json
    }
}

/// (rank, name, xp, whether it is who asks)
fn rows(league: &Value) -> Vec<(u64, Option<String>, u64, bool)> {
    let row = |row: &Value| {
        let name = row["name"].as_str().map(str::to_owned);
        assert_eq!(name.is_some(), row["account_id"].is_string(), "who has no name has no id");
        (row["rank"].as_u64().unwrap(), name, row["xp"].as_u64().unwrap(), row["me"].as_bool().unwrap())
    };
    league["entries"].as_array().unwrap().iter().map(row).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn athletes_of_a_week_stand_in_one_cohort_and_see_the_names_that_they_may() {
    let stage = Stage::at(Put::to(WEDNESDAY)).await;
    let (dana, marat, aru) =
        (stage.athlete("Dana").await, stage.athlete("Marat").await, stage.athlete("Aru").await);
    let named = |who: &str| Some(format!("{who} {}", stage.cast.tag));
    let league = stage.league(&dana, 0).await;
    assert_eq!(
        (&league["tier"], &league["tier_number"], &league["tiers"]),
        (&json!("bronze"), &json!(1), &json!(5))
    );
    assert_eq!((&league["rank"], &league["entries"]), (&Value::Null, &json!([])), "nothing earned yet");
    let [start, end] =
        ["week_start", "ends_at"].map(|of| league[of].as_str().unwrap().parse::<Timestamp>().unwrap());
    assert_eq!(end.duration_since(start), SignedDuration::from_hours(7 * 24));
    assert_eq!(start.to_zoned(jiff::tz::TimeZone::UTC).weekday(), Weekday::Monday);

    // A first activity and a first in its sport; and another sport; and another.
    stage.moved(&dana, "running", 60).await;
    stage.moved(&marat, "running", 60).await;
    stage.moved(&marat, "cycling", 61).await;
    for (sport, ago_s) in [("running", 60), ("cycling", 61), ("swimming", 62)] {
        stage.moved(&aru, sport, ago_s).await;
    }
    stage.league(&dana, 3).await;
    // What each of them earned is there a moment later.
    let told = |answer: &Value| {
        let xp = |at: usize| answer["entries"][at]["xp"].as_u64();
        xp(0) >= Some(110) && xp(0) > xp(1) && xp(1) > xp(2)
    };
    let ask = || stage.cast.door.get("/v1/me/league").with(&dana.token);
    let league = until(ask, |answer| told(&answer.json)).await.unwrap().json;
    let xp: Vec<u64> = rows(&league).iter().map(|row| row.2).collect();
    assert!(xp.is_sorted_by(|one, next| one > next), "{xp:?}");
    let wanted =
        [(1, named("Aru"), xp[0], false), (2, named("Marat"), xp[1], false), (3, named("Dana"), xp[2], true)];
    assert_eq!(rows(&league), wanted);
    assert_eq!((&league["rank"], &league["promotion_places"]), (&json!(3), &json!(1)));

    // Aru is anonymous from now on: to others, and never to herself.
    let privacy = stage.cast.door.get("/v1/me/privacy").with(&aru.token).expect(200).await.unwrap();
    let tag = privacy.headers["etag"].to_str().unwrap().to_owned();
    let mut settings = privacy.json;
    settings["board_name"] = json!("anonymous");
    let put = stage.cast.door.put("/v1/me/privacy").with(&aru.token).header("If-Match", &tag);
    put.json(&settings).expect(200).await.unwrap();
    assert_eq!(rows(&stage.league(&dana, 3).await)[0], (1, None, xp[0], false));
    assert_eq!(rows(&stage.league(&aru, 3).await)[0], (1, named("Aru"), xp[0], true));

    // Nobody's week is over yet; what is asked wrongly is refused.
    let past = stage.cast.door.get("/v1/me/leagues").with(&dana.token).expect(200).await.unwrap();
    assert_eq!(past.json, json!({ "items": [] }));
    let wrong = stage.cast.door.get("/v1/me/leagues?cursor=next").with(&dana.token).send().await.unwrap();
    refused(&wrong, 400, "bad_cursor", "no cursor of ours");
    for path in ["/v1/me/league", "/v1/me/leagues"] {
        refused(&stage.cast.door.get(path).send().await.unwrap(), 401, "unauthenticated", path);
    }
    stage.running.stop().await.unwrap();
}
