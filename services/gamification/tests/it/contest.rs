//! Challenges as tests write them: straight into the journal, as the commands of their lifecycle would.

use std::{collections::BTreeMap, sync::Arc};

use eventing::{Aggregate, Command, Decision, Journal, StreamId};
use gamification::domain::{
    Challenge, ChallengeId, Participation, Terms, challenge,
    participation::{self, Frozen, ShowAs},
};
use kernel::AccountId;

/// Terms as their author wrote them, over May 2026 in UTC unless said otherwise.
pub(crate) fn terms(metric: &str) -> Terms {
    Terms::parse(&written(metric)).unwrap()
}

pub(crate) fn written(metric: &str) -> challenge::terms::Written {
    challenge::terms::Written {
        name: BTreeMap::from([("en".to_owned(), "May".to_owned())]),
        metric: metric.to_owned(),
        start: "2026-05-01T00:00:00".to_owned(),
        end: "2026-06-01T00:00:00".to_owned(),
        ..challenge::terms::Written::default()
    }
}

pub(crate) async fn says<A: Aggregate>(
    journal: &Journal,
    stream: &StreamId,
    key: &str,
    events: Vec<A::Event>,
) {
    let command = Command::by("service:test");
    let decide = |_: &A, _| Ok(Decision::of(events.clone()));
    journal.execute::<A, _>(&command, stream, key, decide).await.unwrap();
}

pub(crate) async fn happens(journal: &Journal, id: ChallengeId, event: challenge::Event) {
    says::<Challenge>(journal, &StreamId::of("challenge", id), &id.to_string(), vec![event]).await;
}

pub(crate) async fn opened(journal: &Journal, name: &str, terms: Terms) -> ChallengeId {
    let (id, author) = (ChallengeId::derived(&[name.as_bytes()]), AccountId::derived(&[b"author"]));
    let opened_us = terms.window.start_us;
    let drafted = challenge::Event::Drafted { challenge: id, author, terms: Arc::new(terms) };
    let opened = challenge::Event::Opened { challenge: id, by: author, opened_us };
    says::<Challenge>(journal, &StreamId::of("challenge", id), &id.to_string(), vec![drafted, opened]).await;
    id
}

pub(crate) async fn takes_part(journal: &Journal, event: participation::Event) {
    let (challenge, account) = match &event {
        participation::Event::Joined { challenge, account, .. }
        | participation::Event::Changed { challenge, account, .. }
        | participation::Event::Left { challenge, account }
        | participation::Event::Erased { challenge, account } => (*challenge, *account),
    };
    let stream = StreamId::named(&format!("participation-{challenge}-{account}"));
    says::<Participation>(journal, &stream, &account.to_string(), vec![event]).await;
}

pub(crate) fn joins(challenge: ChallengeId, account: AccountId, member: u32) -> participation::Event {
    joins_in(challenge, account, member, &["region:KZ-75"])
}

pub(crate) fn joins_in(
    challenge: ChallengeId,
    account: AccountId,
    member: u32,
    segments: &[&str],
) -> participation::Event {
    participation::Event::Joined {
        challenge,
        account,
        member,
        show_as: ShowAs::Name,
        count_private: false,
        joined_us: 0,
        frozen: Some(Frozen {
            segments: segments.iter().map(|segment| (*segment).to_owned()).collect(),
            time_zone: "Asia/Almaty".to_owned(),
        }),
    }
}
