//! activity's and gamification's events → posts, and the sports that people do.

use async_trait::async_trait;
use eventing::{Failure, Incoming, Keeps, Projection, Source, Tx, sql::hold};
use kernel::{AccountId, Id, Sport};
use proto::{Name, activity, gamification};
use uuid::Uuid;

use super::people::EVERYBODY;
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

    fn keeps(&self) -> Keeps {
        Keeps::tables(&["post", "person_sport", "activity_sport"])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        // Against the reader that forgets people: it must not miss what is written of one meanwhile.
        let of = events.iter().map(|incoming| {
            match incoming.plain.kind == gamification::PlacementsFixed::full_name() {
                true => Some(EVERYBODY),
                false => incoming.event.partition_key.parse().ok(),
            }
        });
        hold(tx, of.flatten().collect()).await?;
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

/// It is as this says from now on: shown, changed where it stands, or told of by another.
async fn activity(tx: &mut dyn Tx, incoming: &Incoming) -> Result<(), Failure> {
    let plain = &incoming.plain;
    if let Some(event) = plain.decode::<activity::ActivityDeleted>() {
        let event = event?;
        let told = Told::of(&event.activity_id, &event.account_id)?;
        posts::take_away(tx, told.activity).await?;
        return told.sport(tx, None, None).await;
    }
    let Some(whole) = activity::ActivityRecorded::of(&plain.kind, &plain.payload) else { return Ok(()) };
    let whole = whole.map_err(|error| Failure::Poison(format!("{}: {error}", plain.kind)))?;
    let told = Told::of(&whole.activity_id, &whole.account_id)?;
    // Replaced while deleted: it stays deleted.
    let deleted = match plain.decode::<activity::ActivityReplaced>() {
        Some(event) => event?.deleted,
        None => false,
    };
    let duplicate = is_duplicate(whole.marks.as_ref());
    if !changes(&plain.kind) {
        if duplicate {
            posts::take_away(tx, told.activity).await?;
        } else {
            told.post(tx, incoming).await?;
        }
    }
    told.sport(tx, whole.visibility, whole.facts.filter(|_| !deleted && !duplicate)).await
}

/// Whether an event changes what an activity says, and not whether it is shown.
fn changes(kind: &str) -> bool {
    kind == activity::ActivityEdited::full_name()
        || kind == activity::ActivityRecomputed::full_name()
        || kind == activity::ActivityReplaced::full_name()
}

/// What another activity tells of is shown by that one. What is held against one is between its owner and a reviewer.
fn is_duplicate(marks: Option<&activity::Marks>) -> bool {
    marks.is_some_and(|marks| !marks.duplicate_of.is_empty())
}

/// Which activity an event tells of, and whose it is.
struct Told {
    activity: Uuid,
    account: AccountId,
}

impl Told {
    fn of(activity: &[u8], of: &[u8]) -> Result<Self, Failure> {
        Ok(Self { activity: uuid(activity, "activity_id")?, account: account(of)? })
    }

    async fn post(&self, tx: &mut dyn Tx, incoming: &Incoming) -> Result<(), Failure> {
        let post = Post {
            item: self.activity,
            author: self.account,
            at_us: incoming.event.at_us,
            kind: Kind::Activity,
            subject: Some(self.activity),
            badge: String::new(),
            place: 0,
        };
        Ok(posts::put(tx, &post).await?)
    }

    /// Its owner is found by its sport by whom the owner's settings admit: not where the activity is for fewer.
    async fn sport(
        &self,
        tx: &mut dyn Tx,
        visibility: Option<activity::Visibility>,
        facts: Option<activity::Facts>,
    ) -> Result<(), Failure> {
        let is_for_all = |own: activity::Visibility| own.audiences.iter().any(|word| word == "everyone");
        let counts = visibility.is_none_or(is_for_all);
        let sport = facts.filter(|_| counts).and_then(|facts| Sport::parse(&facts.sport));
        Ok(people::put_sport(tx, self.account, self.activity, sport).await?)
    }
}

/// What was earned by something that is for nobody is for nobody either.
async fn achievement(tx: &mut dyn Tx, incoming: &Incoming) -> Result<(), Failure> {
    let plain = &incoming.plain;
    let post = |item: Uuid, author: &[u8], badge: String, challenge: Option<Uuid>| {
        Ok::<_, Failure>(Post {
            item,
            author: account(author)?,
            at_us: incoming.event.at_us,
            kind: Kind::Achievement,
            subject: challenge,
            badge,
            place: 0,
        })
    };
    if let Some(event) = plain.decode::<gamification::BadgeUnlocked>() {
        let event = event?;
        let item = uuid(&event.achievement_id, "achievement_id")?;
        show(tx, &post(item, &event.account_id, event.badge, None)?, !event.private).await?;
    } else if let Some(event) = plain.decode::<gamification::BadgeReexplained>() {
        let event = event?;
        let item = uuid(&event.achievement_id, "achievement_id")?;
        show(tx, &post(item, &event.account_id, event.badge, None)?, !event.private).await?;
    } else if let Some(event) = plain.decode::<gamification::RewardBadgeGiven>() {
        let event = event?;
        let item = uuid(&event.achievement_id, "achievement_id")?;
        let challenge = uuid(&event.challenge_id, "challenge_id")?;
        let post = post(item, &event.account_id, event.badge, Some(challenge))?;
        show(tx, &post, !event.anonymous).await?;
    } else if let Some(event) = plain.decode::<gamification::BadgeRevoked>() {
        posts::take_away(tx, uuid(&event?.achievement_id, "achievement_id")?).await?;
    }
    Ok(())
}

async fn show(tx: &mut dyn Tx, post: &Post, shown: bool) -> Result<(), Failure> {
    if shown {
        posts::put(tx, post).await?;
    } else {
        posts::take_away(tx, post.item).await?;
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
