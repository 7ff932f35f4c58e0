//! activity's and gamification's events → posts, and the sports that people do.

use async_trait::async_trait;
use eventing::{Failure, Incoming, Projection, Source, Tx};
use kernel::{AccountId, Id, Sport};
use proto::{activity, gamification};
use uuid::Uuid;

use crate::{
    store::{
        people,
        posts::{self, Kind, Post},
    },
    wire::id_of,
};

pub struct Posts;

#[async_trait]
impl Projection for Posts {
    fn name(&self) -> &'static str {
        "social-posts"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::Topic("activity"), Source::Topic("gamification")]
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            match incoming.source.as_str() {
                "activity" => activity(tx, incoming).await?,
                _ => {
                    achievement(tx, incoming).await?;
                    results(tx, incoming).await?;
                }
            }
        }
        Ok(())
    }
}

async fn activity(tx: &mut dyn Tx, incoming: &Incoming) -> Result<(), Failure> {
    let plain = &incoming.plain;
    if let Some(event) = plain.decode::<activity::ActivityRecorded>() {
        let event = event?;
        let shown = Shown { activity: &event.activity_id, account: &event.account_id };
        shown.put(tx, incoming, event.visibility, event.facts).await?;
    } else if let Some(event) = plain.decode::<activity::ActivityRestored>() {
        let event = event?;
        let shown = Shown { activity: &event.activity_id, account: &event.account_id };
        shown.put(tx, incoming, event.visibility, event.facts).await?;
    } else if let Some(event) = plain.decode::<activity::ActivityDeleted>() {
        posts::take_away(tx, uuid(&event?.activity_id, "activity_id")?).await?;
    }
    Ok(())
}

struct Shown<'a> {
    activity: &'a [u8],
    account: &'a [u8],
}

impl Shown<'_> {
    async fn put(
        &self,
        tx: &mut dyn Tx,
        incoming: &Incoming,
        visibility: Option<activity::Visibility>,
        facts: Option<activity::Facts>,
    ) -> Result<(), Failure> {
        let (item, author) = (uuid(self.activity, "activity_id")?, account(self.account)?);
        let post = Post {
            item,
            author,
            at_us: incoming.event.at_us,
            kind: Kind::Activity,
            subject: Some(item),
            badge: String::new(),
            place: 0,
        };
        posts::put(tx, &post).await?;
        let only_me = visibility.is_some_and(|visibility| visibility.audiences.is_empty());
        let sport = facts.and_then(|facts| Sport::parse(&facts.sport));
        // What is for nobody does not make its owner be found by it.
        if let Some(sport) = sport.filter(|_| !only_me) {
            people::put_sport(tx, author, sport).await?;
        }
        Ok(())
    }
}

async fn achievement(tx: &mut dyn Tx, incoming: &Incoming) -> Result<(), Failure> {
    let plain = &incoming.plain;
    let post = |item: &[u8], author: &[u8], badge: String| {
        Ok::<_, Failure>(Post {
            item: uuid(item, "achievement_id")?,
            author: account(author)?,
            at_us: incoming.event.at_us,
            kind: Kind::Achievement,
            subject: None,
            badge,
            place: 0,
        })
    };
    if let Some(event) = plain.decode::<gamification::BadgeUnlocked>() {
        let event = event?;
        posts::put(tx, &post(&event.achievement_id, &event.account_id, event.badge)?).await?;
    } else if let Some(event) = plain.decode::<gamification::RewardBadgeGiven>() {
        let event = event?;
        posts::put(tx, &post(&event.achievement_id, &event.account_id, event.badge)?).await?;
    } else if let Some(event) = plain.decode::<gamification::BadgeRevoked>() {
        posts::take_away(tx, uuid(&event?.achievement_id, "achievement_id")?).await?;
    }
    Ok(())
}

/// Whoever took part without a name keeps it so.
async fn results(tx: &mut dyn Tx, incoming: &Incoming) -> Result<(), Failure> {
    let Some(event) = incoming.plain.decode::<gamification::PlacementsFixed>() else { return Ok(()) };
    let event = event?;
    let challenge = uuid(&event.challenge_id, "challenge_id")?;
    for placement in event.placements.iter().filter(|placement| !placement.anonymous) {
        let author = account(&placement.account_id)?;
        let item = Id::<Post>::derived(&[b"challenge_result", challenge.as_bytes(), author.as_bytes()]);
        let post = Post {
            item: item.uuid(),
            author,
            at_us: incoming.event.at_us,
            kind: Kind::ChallengeResult,
            subject: Some(challenge),
            badge: String::new(),
            place: placement.rank,
        };
        posts::put(tx, &post).await?;
    }
    Ok(())
}

fn uuid(bytes: &[u8], field: &str) -> Result<Uuid, Failure> {
    Uuid::from_slice(bytes).map_err(|_| Failure::Poison(format!("{field} is no uuid")))
}

fn account(bytes: &[u8]) -> Result<AccountId, Failure> {
    id_of(bytes).ok_or_else(|| Failure::Poison("account_id is no uuid".to_owned()))
}
