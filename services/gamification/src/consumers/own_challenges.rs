//! Our own events → challenges and who takes part. Every row is set to what the event says: a rebuild gives the same.

use async_trait::async_trait;
use eventing::{
    Aggregate, DomainEvent, Failure, Incoming, Keeps, Projection, Source, Tx, args, sql::DbError,
};

use crate::{
    domain::{
        Challenge, Participation, Terms,
        challenge::{self, ChallengeId},
        participation::{self, Frozen},
        seats::{self, Seats},
    },
    store::challenges as rows,
};

#[derive(Default)]
pub struct OwnChallenges;

#[async_trait]
impl Projection for OwnChallenges {
    fn name(&self) -> &'static str {
        "gamification-challenges"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&["challenge", "participation"])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        for incoming in events {
            match incoming.event.stream.kind() {
                Challenge::KIND => {
                    let event = challenge::Event::decode(&incoming.plain)?;
                    challenge_told(tx, &event, incoming).await?;
                }
                Seats::KIND => {
                    let seats::Event::Changed { challenge, taken, .. } =
                        seats::Event::decode(&incoming.plain)?;
                    let sql = "UPDATE challenge SET taken = $2 WHERE challenge_id = $1";
                    tx.execute(sql, args![challenge, taken]).await?;
                }
                Participation::KIND => {
                    participant_told(tx, &participation::Event::decode(&incoming.plain)?).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

async fn challenge_told(
    tx: &mut dyn Tx,
    event: &challenge::Event,
    incoming: &Incoming,
) -> Result<(), DbError> {
    use challenge::Event as Told;
    let id = match event {
        Told::Drafted { challenge, author, terms } => {
            rows::keep_draft(tx, *challenge, *author, terms, incoming.event.position).await?;
            *challenge
        }
        Told::Changed { challenge, terms, .. } => {
            rows::keep_terms(tx, *challenge, terms).await?;
            *challenge
        }
        Told::Opened { challenge, opened_us, .. } => {
            rows::mark(tx, *challenge, "opened_us", *opened_us).await?;
            *challenge
        }
        Told::Extended { challenge, window, .. } => {
            if let Some(terms) = rows::kept_terms(tx, *challenge).await? {
                rows::keep_terms(tx, *challenge, &Terms { window: window.clone(), ..terms }).await?;
            }
            *challenge
        }
        Told::Stopped { challenge, stopped_us, .. } => {
            rows::mark(tx, *challenge, "stopped_us", *stopped_us).await?;
            *challenge
        }
        Told::Settling { challenge, .. } => {
            rows::mark(tx, *challenge, "settling", 1).await?;
            *challenge
        }
        Told::Settled { challenge, settled_us, .. } => {
            rows::mark(tx, *challenge, "settled_us", *settled_us).await?;
            *challenge
        }
        Told::PlacementsFixed { challenge, .. }
        | Told::TeamsFixed { challenge, .. }
        | Told::PlacementAdjusted { challenge, .. } => *challenge,
    };
    revised(tx, id, incoming).await
}

/// The revision that `If-Match` asks about: the version of the stream.
async fn revised(tx: &mut dyn Tx, id: ChallengeId, incoming: &Incoming) -> Result<(), DbError> {
    rows::revise(tx, id, incoming.event.version).await
}

async fn participant_told(tx: &mut dyn Tx, event: &participation::Event) -> Result<(), DbError> {
    use participation::Event as Told;
    match event {
        Told::Joined { challenge, account, member, show_as, count_private, joined_us, frozen } => {
            let nothing = Frozen::default();
            let frozen = frozen.as_ref().unwrap_or(&nothing);
            let part = rows::Joined {
                challenge: *challenge,
                account: *account,
                member: *member,
                show_as: *show_as,
                count_private: *count_private,
                joined_us: *joined_us,
                segments: &frozen.segments,
                time_zone: &frozen.time_zone,
            };
            rows::keep_part(tx, &part).await
        }
        Told::Changed { challenge, account, show_as, count_private } => {
            rows::change_part(tx, *challenge, *account, *show_as, *count_private).await
        }
        Told::Left { challenge, account } => rows::leave_part(tx, *challenge, *account).await,
        Told::Erased { challenge, account } => rows::erase_part(tx, *challenge, *account).await,
    }
}
