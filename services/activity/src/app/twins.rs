//! The same workout told twice: found, linked, put together; and what its owner says about that.
//!
//! Whoever recorded or changed something looks around it at once, so that a caller sees no workout twice; a reader of our
//! own journal looks again, for what a crash or two at the same time left undone.

use std::collections::{BTreeSet, HashMap, VecDeque};

use eventing::{Command, Done, Error, Loaded};
use formats::Streams;
use kernel::{AccountId, ActivityId, Refusal};
use prost::Message;
use proto::activity::StreamsBlob;

use super::{App, Seen, across::hold, activity_stream, events, read_upload::encode, show_streams};
use crate::{
    blobs::BlobError,
    domain::{
        across::Begun,
        activity::{Activity, Change},
        facts::Record,
        fusion::{self, Source},
        marks::Marks,
        twins::{self, Candidate, Evidence, Group, REACH_US, Track, Whereabouts},
    },
    reading,
    store::starts,
    streams::{StreamType, show},
};

/// Another telling of a workout, as its owner is shown it.
pub struct Twin {
    pub id: ActivityId,
    pub state: &'static str,
    pub record: Record,
    /// Whether its owner said so.
    pub by_owner: bool,
    pub gives: Vec<&'static str>,
    pub because: Vec<String>,
}

/// What lies around an activity.
struct Around {
    loaded: Vec<Loaded<Activity>>,
    candidates: Vec<Candidate>,
    groups: Vec<Group>,
    streams: HashMap<ActivityId, Streams>,
}

impl App {
    /// Looks around where it is, and writes what follows for this activity and whatever it has to do with: what cannot be
    /// together, and what is the same workout. Readers that have seen the answer's position have seen that, also where
    /// another look wrote it first; `None`: it stands alone.
    pub async fn settle_twins(
        &self,
        cause: &Command,
        account: AccountId,
        id: ActivityId,
        at: &Whereabouts,
    ) -> Result<Option<Done>, Refusal> {
        let actor = "service:activity".to_owned();
        let command = &Command { key: None, actor, ..cause.clone() };
        let attempt = || async move {
            let near = self.near(account, &at.starts_us).await?;
            let ids: BTreeSet<ActivityId> = near.iter().map(|begun| begun.activity_id).collect();
            let said = self.journeys(account, id, &at.starts_us, near).await?;
            let held = hold(&self.journal, command, &said).await?;
            if !at.bound && ids.iter().all(|other| *other == id) {
                return Ok(held);
            }
            let mut around = self.around(account, id, ids).await?;
            let mut batch = self.journal.batch(command);
            let mut written = false;
            for at in touched(&around, id) {
                for (place, changes) in self.changes(account, &mut around, at).await? {
                    let stream = &around.loaded[place];
                    let of = around.candidates[place].id;
                    batch.write(stream, &account.to_string(), events(of, account, changes));
                    written = true;
                }
            }
            if written {
                return batch.commit().await.map(Some);
            }
            if around.candidates.iter().all(|other| other.id == id) {
                return Ok(held);
            }
            let position = self.journal.store().head().await?;
            Ok(Some(Done { position, replayed: false, result: Default::default() }))
        };
        Ok(self.journal.retrying(attempt).await?)
    }

    /// Whatever of theirs began near these instants.
    async fn near(&self, account: AccountId, starts_us: &[i64]) -> Result<Vec<Begun>, Error> {
        let mut near: Vec<Begun> = Vec::new();
        for start_us in starts_us {
            let found = starts::around(&self.db, account, *start_us, REACH_US).await?;
            let known: BTreeSet<ActivityId> = near.iter().map(|begun| begun.activity_id).collect();
            near.extend(found.into_iter().filter(|begun| !known.contains(&begun.activity_id)));
        }
        Ok(near)
    }

    /// Of those near the ones that are live, the given one among them, in groups.
    async fn around(
        &self,
        account: AccountId,
        id: ActivityId,
        mut near: BTreeSet<ActivityId>,
    ) -> Result<Around, Error> {
        near.insert(id);
        let (mut loaded, mut candidates) = (Vec::new(), Vec::new());
        let mut left: VecDeque<ActivityId> = near.iter().copied().collect();
        while let Some(id) = left.pop_front() {
            let stream = self.journal.load::<Activity>(&activity_stream(id)).await?;
            let own = stream.state.account_id == Some(account) && stream.state.is_live();
            let Some(record) = stream.state.alone().filter(|record| own && record.facts.is_some()) else {
                continue;
            };
            // What its owner joined it to may have begun at any time.
            let joined = [record.marks.joined, record.marks.duplicate_of];
            left.extend(joined.into_iter().flatten().filter(|other| near.insert(*other)));
            let cropped = stream.state.cropped;
            loaded.push(stream);
            candidates.push(Candidate { id, record, track: None, cropped });
        }
        let mut streams = HashMap::new();
        for at in 0..candidates.len() {
            let wanted = |other: &Candidate| {
                other.id != candidates[at].id && twins::may_be_same(&candidates[at], other)
            };
            if candidates.iter().any(wanted) {
                let columns = self.columns(&candidates[at].record).await?;
                candidates[at].track = Track::of(&columns);
                streams.insert(candidates[at].id, columns);
            }
        }
        let groups = twins::groups(&candidates);
        Ok(Around { loaded, candidates, groups, streams })
    }

    /// An activity's columns as they lie in its blob; none where there are none, or they are gone.
    pub(super) async fn columns(&self, record: &Record) -> Result<Streams, Error> {
        let Some(key) = &record.streams_blob else { return Ok(Streams::default()) };
        let bytes = match self.blobs.get(key).await {
            Ok(bytes) => bytes,
            Err(BlobError::Missing(_)) => return Ok(Streams::default()),
            Err(error) => return Err(Error::Refused(error.into())),
        };
        let body = record.health.is_some();
        let decoding = move || -> Result<Streams, Refusal> {
            let blob = StreamsBlob::decode(bytes)
                .map_err(|error| Refusal::new(kernel::Code::Internal, error.to_string()))?;
            let mut streams = show::assemble(show_streams::decode(&StreamType::ALL, &blob.chunks)?);
            if !body {
                crate::streams::without_heart_rate(&mut streams);
            }
            Ok(streams)
        };
        let decoded = tokio::task::spawn_blocking(decoding).await;
        let decoded = decoded.map_err(|panic| Refusal::new(kernel::Code::Internal, panic.to_string()));
        decoded.and_then(|streams| streams).map_err(Error::Refused)
    }

    /// What must be written so that one group is as it should be: by the place of the activity.
    async fn changes(
        &self,
        account: AccountId,
        around: &mut Around,
        at: usize,
    ) -> Result<Vec<(usize, Vec<Change>)>, Error> {
        let group = around.groups[at].clone();
        let primary = around.candidates[group.primary].id;
        let mut all = Vec::new();
        for member in &group.members {
            let alone = &around.candidates[*member].record;
            if alone.marks.duplicate_of != Some(primary) {
                let marks = Marks { duplicate_of: Some(primary), ..alone.marks.clone() };
                all.push((*member, vec![Change::Linked(Box::new(Record { marks, ..alone.clone() }))]));
            }
        }
        let fused = self.fused(account, around, &group).await?;
        let mut changes = Vec::new();
        let known = around.loaded[group.primary].state.record.clone();
        let mut standing = known.unwrap_or_else(|| fused.clone());
        if standing.marks.duplicate_of.is_some() {
            standing = Record {
                marks: Marks { duplicate_of: None, ..around.candidates[group.primary].record.marks.clone() },
                ..around.candidates[group.primary].record.clone()
            };
            changes.push(Change::Unlinked(Box::new(standing.clone())));
        }
        if fused != standing {
            changes.push(Change::Fused(Box::new(fused)));
        }
        if !changes.is_empty() {
            all.push((group.primary, changes));
        }
        Ok(all)
    }

    /// The primary's record with what the members give it; its columns are durable.
    async fn fused(&self, account: AccountId, around: &mut Around, group: &Group) -> Result<Record, Error> {
        let (primary, members) = self.sources(around, group).await?;
        let id = primary.id;
        let fused = tokio::task::spawn_blocking(move || {
            let mut fused = fusion::fuse(&primary, &members);
            if let (Some(streams), Some(facts)) = (&fused.streams, &mut fused.record.facts) {
                reading::find_efforts(facts, streams);
            }
            let encoded = fused.streams.as_ref().map(|streams| encode(account, id, streams));
            (fused.record, encoded)
        });
        let (mut record, encoded) = fused
            .await
            .map_err(|panic| Error::Refused(Refusal::new(kernel::Code::Internal, panic.to_string())))?;
        record.marks.duplicate_of = None;
        if let Some(Some((key, bytes))) = encoded {
            self.blobs.put(&key, bytes).await.map_err(|error| Error::Refused(error.into()))?;
            record.streams_blob = Some(key);
        }
        Ok(record)
    }

    async fn sources(&self, around: &mut Around, group: &Group) -> Result<(Source, Vec<Source>), Error> {
        let mut all = Vec::new();
        for at in std::iter::once(group.primary).chain(group.members.iter().copied()) {
            let Candidate { id, record, .. } = around.candidates[at].clone();
            let streams = match around.streams.get(&id) {
                Some(known) => known.clone(),
                None if group.members.is_empty() => Streams::default(),
                None => self.columns(&record).await?,
            };
            all.push(Source { id, record, streams });
        }
        let members = all.split_off(1);
        let primary = all.pop().ok_or_else(|| Error::Refused(Refusal::not_found()))?;
        Ok((primary, members))
    }

    /// What is the same workout as one's own activity, and what was split from it.
    pub async fn duplicates(&self, account: AccountId, id: ActivityId) -> Result<Vec<Twin>, Refusal> {
        self.twins_of(account, id, None).await
    }

    /// As [`App::duplicates`], with another that may have begun far from it.
    async fn twins_of(
        &self,
        account: AccountId,
        id: ActivityId,
        other: Option<ActivityId>,
    ) -> Result<Vec<Twin>, Refusal> {
        let own = self.journal.load::<Activity>(&activity_stream(id)).await?.state;
        own.owned_by(account)?;
        let near = self.near(account, &[own.start_us()]).await?;
        let near = near.into_iter().map(|begun| begun.activity_id).chain(other).collect();
        let mut around = self.around(account, id, near).await?;
        let place = |around: &Around, id| around.candidates.iter().position(|candidate| candidate.id == id);
        let Some(at) = place(&around, id) else { return Ok(Vec::new()) };
        let Some(group) =
            around.groups.iter().find(|group| group.primary == at || group.members.contains(&at)).cloned()
        else {
            return Ok(Vec::new());
        };
        let (primary, members) = self.sources(&mut around, &group).await?;
        let gives = fusion::fuse(&primary, &members).gives;
        let all = std::iter::once(group.primary).chain(group.members.iter().copied());
        let twin = |other: usize| {
            let candidate = &around.candidates[other];
            let (to, of) = if other == group.primary { (at, other) } else { (other, group.primary) };
            let evidence = twins::same(&around.candidates[of], &around.candidates[to]);
            let joined = around.candidates[to].record.marks.joined.is_some();
            Twin {
                id: candidate.id,
                state: if other == group.primary { "primary" } else { "linked" },
                record: candidate.record.clone(),
                by_owner: joined,
                gives: gives.iter().filter(|given| given.0 == candidate.id).map(|given| given.1).collect(),
                because: evidence.as_ref().map(Evidence::told).unwrap_or_default(),
            }
        };
        let mut twins: Vec<Twin> = all.filter(|other| *other != at).map(twin).collect();
        let own = &around.candidates[at];
        let split = around.candidates.iter().filter(|other| {
            other.record.marks.apart.contains(&id) || own.record.marks.apart.contains(&other.id)
        });
        twins.extend(split.map(|other| Twin {
            id: other.id,
            state: "split",
            record: other.record.clone(),
            by_owner: true,
            gives: Vec::new(),
            because: Vec::new(),
        }));
        Ok(twins)
    }

    /// Its owner says that another is the same workout as this one.
    pub async fn link_duplicate(
        &self,
        command: &Command,
        account: AccountId,
        id: ActivityId,
        other: ActivityId,
    ) -> Result<(Option<Done>, Seen), Refusal> {
        if id == other {
            return Err(Refusal::field("/other", "invalid", "an activity is no duplicate of itself"));
        }
        self.say(command, account, [id, other], |one, other| {
            let (mut one_marks, mut other_marks) = (one.1.marks.clone(), other.1.marks.clone());
            one_marks.apart.retain(|apart| *apart != other.0);
            if one_marks.joined == Some(other.0) {
                one_marks.joined = None;
            }
            other_marks.apart.retain(|apart| *apart != one.0);
            (other_marks.joined, other_marks.duplicate_of) = (Some(one.0), Some(one.0));
            [(one_marks, Change::Unlinked), (other_marks, Change::Linked)]
        })
        .await
    }

    /// Its owner says that another is not the same workout as this one; that is remembered.
    pub async fn split_duplicate(
        &self,
        command: &Command,
        account: AccountId,
        id: ActivityId,
        other: ActivityId,
    ) -> Result<(Option<Done>, Seen), Refusal> {
        let twins = self.twins_of(account, id, Some(other)).await?;
        let together: Vec<ActivityId> =
            twins.iter().filter(|twin| twin.state != "split").map(|twin| twin.id).chain([id]).collect();
        let known = twins.iter().find(|twin| twin.id == other).ok_or_else(Refusal::not_found)?;
        // Whoever is shown stays with the rest; the one that goes is told from all of them.
        let (stays, goes) = if known.state == "primary" { (other, id) } else { (id, other) };
        let together = &together;
        let (done, _) = self
            .say(command, account, [stays, goes], |stays, goes| {
                let (mut stays_marks, mut goes_marks) = (stays.1.marks.clone(), goes.1.marks.clone());
                if stays_marks.joined == Some(goes.0) {
                    stays_marks.joined = None;
                }
                goes_marks.split_from(together.iter().copied().filter(|one| *one != goes.0));
                goes_marks.duplicate_of = None;
                [(stays_marks, Change::Unlinked), (goes_marks, Change::Unlinked)]
            })
            .await?;
        Ok((done, self.fresh(id).await?))
    }

    /// Marks of two activities as their owner wants them; then what follows for all around.
    async fn say(
        &self,
        command: &Command,
        account: AccountId,
        ids: [ActivityId; 2],
        marks: impl Fn((ActivityId, &Record), (ActivityId, &Record)) -> [(Marks, fn(Box<Record>) -> Change); 2]
        + Send
        + Sync,
    ) -> Result<(Option<Done>, Seen), Refusal> {
        if let Some(done) = self.journal.replayed(command).await? {
            return Ok((Some(done), self.fresh(ids[0]).await?));
        }
        let marks = &marks;
        let attempt = || async move {
            let one = self.journal.load::<Activity>(&activity_stream(ids[0])).await?;
            let other = self.journal.load::<Activity>(&activity_stream(ids[1])).await?;
            let mut batch = self.journal.batch(command);
            batch.answer(200, vec![ids[0].to_string()]);
            let mut starts_us = Vec::new();
            let said = {
                let records = [&one, &other].map(|loaded| loaded.state.owned_by(account).cloned());
                let [first, second] = records;
                let (first, second) = (first.map_err(Error::Refused)?, second.map_err(Error::Refused)?);
                marks((ids[0], &first), (ids[1], &second))
            };
            let mut written = false;
            for ((loaded, id), (marks, change)) in [(&one, ids[0]), (&other, ids[1])].into_iter().zip(said) {
                starts_us.push(loaded.state.start_us());
                let Some(alone) = loaded.state.alone() else { continue };
                if alone.marks == (Marks { fused_from: Vec::new(), ..marks.clone() }) {
                    continue;
                }
                let record = Record { marks: Marks { fused_from: Vec::new(), ..marks }, ..alone };
                batch.write(
                    loaded,
                    &account.to_string(),
                    events(id, account, vec![change(Box::new(record))]),
                );
                written = true;
            }
            let done = if written { Some(batch.commit().await?) } else { None };
            Ok((done, starts_us))
        };
        let (mut done, starts_us) = self.journal.retrying(attempt).await?;
        let at = Whereabouts { starts_us, bound: true };
        for id in ids {
            done = self.settle_twins(command, account, id, &at).await?.or(done);
        }
        Ok((done, self.fresh(ids[0]).await?))
    }
}

/// The groups that this activity has to do with: where it is, where it was, and so on from those.
fn touched(around: &Around, id: ActivityId) -> BTreeSet<usize> {
    let group_of = |id: ActivityId| {
        let holds = |group: &Group, id| {
            std::iter::once(&group.primary).chain(&group.members).any(|at| around.candidates[*at].id == id)
        };
        around.groups.iter().position(|group| holds(group, id))
    };
    let related = |at: usize| {
        let of = &around.candidates[at];
        let to = of.record.marks.duplicate_of;
        let bound = |other: &&Candidate| {
            let other_to = other.record.marks.duplicate_of;
            other_to == Some(of.id) || to == Some(other.id) || (to.is_some() && to == other_to)
        };
        around.candidates.iter().filter(bound).map(|other| other.id).collect::<Vec<_>>()
    };
    let mut groups: BTreeSet<usize> = group_of(id).into_iter().collect();
    // It is gone: whoever was told of by it.
    let orphans = around.candidates.iter().filter(|other| other.record.marks.duplicate_of == Some(id));
    groups.extend(orphans.filter_map(|other| group_of(other.id)));
    loop {
        let mut more = groups.clone();
        for at in &groups {
            let group = &around.groups[*at];
            for place in std::iter::once(&group.primary).chain(&group.members) {
                more.extend(related(*place).into_iter().filter_map(group_of));
            }
        }
        if more == groups {
            return groups;
        }
        groups = more;
    }
}
