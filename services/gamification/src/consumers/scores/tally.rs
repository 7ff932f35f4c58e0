//! A batch of our own events: the rows they change, and at its end each score they touch, worked out once.

mod parts;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use eventing::{Aggregate, DomainEvent, Failure, Incoming, Tx, Value, args, many::Rows, sql::DbError};
use kernel::{AccountId, ActivityId};

use crate::{
    domain::{
        Challenge, ChallengeId, Event as ProgressEvent, Participation, Progress, Terms,
        challenge::{self, Metric, Window},
        daily::{self, Daily},
        fact::Receipt,
        participation,
        scoring::{DayHeard, Effort, Heard, XpHeard},
        visibility::{self, UsualVisibility},
    },
    store::{
        facts, placements,
        scores::{self, ContestRow, Part, ScoreRow},
    },
};

/// What this batch has read and changed so far.
pub(super) struct Tally {
    contests: HashMap<ChallengeId, ContestRow>,
    /// Where an account takes part and scores still move.
    running: HashMap<AccountId, Vec<ScoreRow>>,
    only_me: HashMap<AccountId, bool>,
    /// Whose score is worked out anew.
    touched: BTreeMap<(ChallengeId, AccountId), Touch>,
    told: BTreeSet<ChallengeId>,
    /// Worked out before the end of the batch: their challenge was settled in it.
    scored: Vec<ScoreRow>,
    /// On their way to the tables, until somebody reads those: see [`Tally::written`].
    facts: Rows,
    xps: Rows,
    contributions: Rows,
}

#[derive(Clone, Copy, Default)]
struct Touch {
    /// Of the last event that touched it: the revision of what is published.
    position: i64,
    /// To be published even with the same score.
    told: bool,
}

/// What has changed, as it is now.
pub(super) struct News {
    pub(super) scores: Vec<ScoreRow>,
    pub(super) contests: Vec<ContestRow>,
}

impl Tally {
    /// With what most events of the batch ask for. Where challenges or who takes part change in it, that is asked for when
    /// it is needed, as it is then.
    pub(super) async fn of(tx: &mut dyn Tx, events: &[Incoming]) -> Result<Self, Failure> {
        let mut tally = Self {
            contests: HashMap::new(),
            running: HashMap::new(),
            only_me: HashMap::new(),
            touched: BTreeMap::new(),
            told: BTreeSet::new(),
            scored: Vec::new(),
            facts: facts::heard_rows(),
            xps: facts::xp_rows(),
            contributions: scores::contribution_rows(),
        };
        let of_accounts =
            |incoming: &&Incoming| [Progress::KIND, Daily::KIND].contains(&incoming.event.stream.kind());
        let accounts: BTreeSet<AccountId> = events
            .iter()
            .filter(of_accounts)
            .filter_map(|one| one.event.partition_key.parse().ok())
            .collect();
        if accounts.len() > 1 && events.iter().all(|one| of_accounts(&one)) {
            let keys: Vec<Vec<Value>> = accounts.iter().map(|account| args![*account]).collect();
            let only_me = facts::only_me_of(tx, &keys).await?;
            for account in accounts {
                tally.only_me.insert(account, only_me.contains(&account));
                tally.running.insert(account, Vec::new());
            }
            let mut challenges = BTreeSet::new();
            for row in scores::running_of(tx, &keys).await? {
                challenges.insert(row.challenge);
                tally.running.entry(row.account).or_default().push(row);
            }
            let ids: Vec<Vec<Value>> = challenges.into_iter().map(|challenge| args![challenge]).collect();
            let contests = scores::contests(tx, &ids).await?;
            tally.contests.extend(contests.into_iter().map(|row| (row.id, row)));
        }
        Ok(tally)
    }

    /// Writes what is on its way: whoever reads those tables, or deletes there, asks for this first.
    async fn written(&mut self, tx: &mut dyn Tx) -> Result<(), DbError> {
        self.facts.write(tx).await?;
        self.xps.write(tx).await?;
        self.contributions.write(tx).await
    }

    pub(super) async fn take(&mut self, tx: &mut dyn Tx, incoming: &Incoming) -> Result<(), Failure> {
        let (plain, at) = (&incoming.plain, At::of(incoming));
        match incoming.event.stream.kind() {
            Progress::KIND => self.progress(tx, ProgressEvent::decode(plain)?, at).await?,
            Daily::KIND => self.day(tx, daily::Event::decode(plain)?, at).await?,
            UsualVisibility::KIND => self.usual(tx, visibility::Event::decode(plain)?, at).await?,
            Challenge::KIND => self.challenge(tx, challenge::Event::decode(plain)?, at).await?,
            Participation::KIND => self.part(tx, participation::Event::decode(plain)?, at).await?,
            _ => {}
        }
        Ok(())
    }

    /// Works out what was touched; the rows that are news to others.
    pub(super) async fn finish(mut self, tx: &mut dyn Tx) -> Result<News, Failure> {
        let touched = std::mem::take(&mut self.touched);
        self.work_out(tx, touched).await?;
        let mut news = News { scores: std::mem::take(&mut self.scored), contests: Vec::new() };
        for challenge in std::mem::take(&mut self.told) {
            news.contests.push(self.contest(tx, challenge).await?);
        }
        Ok(news)
    }

    /// Scores from all that contributes to them.
    async fn work_out(
        &mut self,
        tx: &mut dyn Tx,
        touched: BTreeMap<(ChallengeId, AccountId), Touch>,
    ) -> Result<(), Failure> {
        self.written(tx).await?;
        let keys: Vec<(ChallengeId, AccountId)> = touched.keys().copied().collect();
        let mut rows = scores::scores(tx, &keys).await?;
        let mut contributions = scores::contributions(tx, &keys).await?;
        let mut changed = Vec::new();
        for (key, touch) in touched {
            let Some(mut row) = rows.remove(&key) else { continue };
            let contest = self.contest(tx, key.0).await?;
            let score = match row.part {
                Part::Active if contest.is_scoring() => {
                    let all = contributions.remove(&key).unwrap_or_default();
                    contest.contest().combine(all)
                }
                Part::Active => row.score,
                Part::Left | Part::Erased => None,
            };
            if score == row.score && !touch.told {
                continue;
            }
            (row.score, row.revision) = (score, touch.position);
            changed.push(row);
        }
        scores::keep_scores(tx, &changed).await?;
        self.scored.extend(changed);
        Ok(())
    }

    /// What was touched so far of a challenge whose scores move no further.
    async fn work_out_all(&mut self, tx: &mut dyn Tx, of: ChallengeId) -> Result<(), Failure> {
        let (now, later) =
            std::mem::take(&mut self.touched).into_iter().partition(|((challenge, _), _)| *challenge == of);
        self.touched = later;
        self.work_out(tx, now).await
    }

    // ── facts ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async fn progress(&mut self, tx: &mut dyn Tx, event: ProgressEvent, at: At) -> Result<(), Failure> {
        match event {
            ProgressEvent::Counted { account, activity, revision, fact, position } => {
                let receipt =
                    Receipt { at_us: fact.as_ref().map_or(at.us, |fact| fact.received_us), position };
                let effort = fact.as_ref().map(Effort::of);
                self.heard(tx, account, activity, Heard { revision, receipt, effort }, at).await
            }
            ProgressEvent::Uncounted { account, activity, revision, receipt } => {
                let heard = Heard { revision, receipt: at.receipt(receipt), effort: None };
                self.heard(tx, account, activity, heard, at).await
            }
            ProgressEvent::XpChanged { account, parts, receipt, .. } => {
                let mut changes: BTreeMap<ActivityId, i64> = BTreeMap::new();
                for part in parts {
                    *changes.entry(part.activity).or_default() += part.xp;
                }
                let receipt = at.receipt(receipt);
                self.xp(tx, account, changes, receipt, at).await
            }
            _ => Ok(()),
        }
    }

    /// Revisions of an activity come in their order, so the newest one that is in time is this one, or is known.
    async fn heard(
        &mut self,
        tx: &mut dyn Tx,
        account: AccountId,
        activity: ActivityId,
        heard: Heard,
        at: At,
    ) -> Result<(), Failure> {
        self.facts.put(facts::heard_values(account, activity, &heard));
        for row in self.running(tx, account).await? {
            let contest = self.contest(tx, row.challenge).await?;
            if contest.terms.metric == Metric::Steps || !contest.contest().in_time(heard.receipt) {
                continue;
            }
            let xp = match contest.terms.metric {
                Metric::Xp => {
                    self.written(tx).await?;
                    facts::of_item(&facts::xp_of(tx, account).await?, activity)
                }
                _ => Vec::new(),
            };
            let taking = row.taking(&contest.terms, self.only_me(tx, account).await?);
            let one = contest.contest().activity(&taking, &[heard], &xp);
            self.set(tx, &row, (activity.uuid(), heard.revision), one, at).await?;
        }
        Ok(())
    }

    async fn xp(
        &mut self,
        tx: &mut dyn Tx,
        account: AccountId,
        changes: BTreeMap<ActivityId, i64>,
        receipt: Receipt,
        at: At,
    ) -> Result<(), Failure> {
        for (activity, xp) in &changes {
            self.xps.put(facts::xp_values(account, *activity, at.position, XpHeard { receipt, xp: *xp }));
        }
        for row in self.running(tx, account).await? {
            let contest = self.contest(tx, row.challenge).await?;
            if contest.terms.metric != Metric::Xp {
                continue;
            }
            let taking = row.taking(&contest.terms, self.only_me(tx, account).await?);
            self.written(tx).await?;
            let all = facts::xp_of(tx, account).await?;
            for activity in changes.keys() {
                let heard = facts::heard_of(tx, account, Some(*activity)).await?;
                let (heard, xp) = (facts::of_item(&heard, *activity), facts::of_item(&all, *activity));
                let one = contest.contest().activity(&taking, &heard, &xp);
                let revision = heard.iter().map(|heard| heard.revision).max().unwrap_or_default();
                self.set(tx, &row, (activity.uuid(), revision), one, at).await?;
            }
        }
        Ok(())
    }

    async fn day(&mut self, tx: &mut dyn Tx, event: daily::Event, at: At) -> Result<(), Failure> {
        // Erased with its key: the participant's part is erased by an event of its own.
        let Some(steps) = event.steps else { return Ok(()) };
        let (account, daily, revision) = (event.account, event.daily, event.revision);
        let receipt = at.receipt(event.receipt);
        let heard = DayHeard { revision, receipt, local_day: steps.local_day, steps: steps.steps };
        facts::keep_day(tx, account, daily, &heard).await?;
        for row in self.running(tx, account).await? {
            let contest = self.contest(tx, row.challenge).await?;
            if contest.terms.metric != Metric::Steps || !contest.contest().in_time(receipt) {
                continue;
            }
            let taking = row.taking(&contest.terms, self.only_me(tx, account).await?);
            let one = contest.contest().day(&taking, &[heard]);
            self.set(tx, &row, (daily.uuid(), revision), one, at).await?;
        }
        Ok(())
    }

    async fn usual(&mut self, tx: &mut dyn Tx, event: visibility::Event, at: At) -> Result<(), Failure> {
        facts::set_only_me(tx, event.account, event.only_me).await?;
        self.only_me.insert(event.account, event.only_me);
        for row in self.running(tx, event.account).await? {
            self.rescore(tx, &row, at).await?;
        }
        Ok(())
    }

    // ── challenges ─────────────────────────────────────────────────────────────────────────────────────────────────

    async fn challenge(&mut self, tx: &mut dyn Tx, event: challenge::Event, at: At) -> Result<(), Failure> {
        use challenge::Event as E;
        match event {
            E::Drafted { challenge, author, terms } => {
                self.keep(tx, drafted(challenge, author, terms), at).await
            }
            E::Changed { challenge, terms, .. } => {
                let row = self.contest(tx, challenge).await?;
                let window = Window { cut_us: row.stopped_us, ..terms.window.clone() };
                let terms = Terms { window, ..Terms::clone(&terms) };
                self.measure(tx, row, terms, at).await
            }
            E::Opened { challenge, opened_us, .. } => {
                let row = self.contest(tx, challenge).await?;
                self.keep(tx, ContestRow { opened_us: Some(opened_us), ..row }, at).await
            }
            E::Extended { challenge, window, .. } => {
                let row = self.contest(tx, challenge).await?;
                let window = Window { cut_us: row.stopped_us, ..window };
                let terms = Terms { window, ..Terms::clone(&row.terms) };
                self.measure(tx, row, terms, at).await
            }
            E::Stopped { challenge, stopped_us, .. } => {
                let row = self.contest(tx, challenge).await?;
                let window = Window { cut_us: Some(stopped_us), ..row.terms.window.clone() };
                let terms = Terms { window, ..Terms::clone(&row.terms) };
                self.measure(tx, ContestRow { stopped_us: Some(stopped_us), ..row }, terms, at).await
            }
            E::Settling { challenge, activity_head } => {
                let row = self.contest(tx, challenge).await?;
                self.keep(tx, ContestRow { head: Some(activity_head), ..row }, at).await?;
                self.written(tx).await?;
                let behind = scores::behind(tx, challenge, i64::MAX, i64::MAX, activity_head).await?;
                self.rescore_all(tx, challenge, &behind, at).await
            }
            E::PlacementsFixed { challenge, placements } => {
                let mut row = self.contest(tx, challenge).await?;
                placements::keep(tx, challenge, row.placed, &placements).await?;
                row.placed += i64::try_from(placements.len()).unwrap_or_default();
                self.keep(tx, row, at).await
            }
            E::TeamsFixed { challenge, teams } => {
                let row = self.contest(tx, challenge).await?;
                placements::keep_teams(tx, challenge, &teams).await?;
                self.keep(tx, row, at).await
            }
            E::Settled { challenge, settled_us, .. } => {
                // What counted before counts, also when it came in the same batch.
                self.work_out_all(tx, challenge).await?;
                let row = self.contest(tx, challenge).await?;
                // Nothing moves any more, for anybody whose rows were read before.
                self.running.clear();
                // Who was erased while the order was being fixed has a place all the same.
                let participants = row.participants.max(row.placed);
                self.keep(tx, ContestRow { settled_us: Some(settled_us), participants, ..row }, at).await
            }
            E::PlacementAdjusted { challenge, account, score_before, score_after, reason, at_us } => {
                let said = placements::Adjustment { account, score_before, score_after, reason, at_us };
                Ok(placements::adjust(tx, challenge, at.position, &said).await?)
            }
        }
    }

    /// Other terms: those are scored anew of whom something heard may fall otherwise now.
    async fn measure(
        &mut self,
        tx: &mut dyn Tx,
        row: ContestRow,
        terms: Terms,
        at: At,
    ) -> Result<(), Failure> {
        const TWO_DAYS_US: i64 = 2 * 86_400_000_000;
        let (challenge, old) = (row.id, row.terms.clone());
        let (scoring, terms) = (row.is_scoring(), Arc::new(terms));
        self.keep(tx, ContestRow { terms: terms.clone(), ..row }, at).await?;
        if !scoring || measures_alike(&old, &terms) {
            return Ok(());
        }
        // Of local windows each participant's own end lies before the last one anywhere.
        let same_but_the_end =
            measures_alike(&Terms { window: terms.window.clone(), ..Terms::clone(&old) }, &terms)
                && old.window.start_us == terms.window.start_us
                && old.late_sync_grace_s == terms.late_sync_grace_s;
        let (start_us, received_us) = if same_but_the_end {
            let ends = old.window.over_everywhere_us().min(terms.window.over_everywhere_us());
            (ends.saturating_sub(TWO_DAYS_US), old.settles_at_us().min(terms.settles_at_us()))
        } else {
            (i64::MIN, i64::MIN)
        };
        self.written(tx).await?;
        let touched = scores::behind(tx, challenge, start_us, received_us, u64::MAX).await?;
        self.rescore_all(tx, challenge, &touched, at).await
    }

    // ── what was read ──────────────────────────────────────────────────────────────────────────────────────────────

    async fn contest(&mut self, tx: &mut dyn Tx, id: ChallengeId) -> Result<ContestRow, Failure> {
        if let Some(known) = self.contests.get(&id) {
            return Ok(known.clone());
        }
        let unknown = || Failure::Poison(format!("nothing was heard of challenge {id} before"));
        let row = scores::contest(tx, id).await?.ok_or_else(unknown)?;
        self.contests.insert(id, row.clone());
        Ok(row)
    }

    async fn keep(&mut self, tx: &mut dyn Tx, row: ContestRow, at: At) -> Result<(), Failure> {
        let row = ContestRow { at_us: at.us, revision: at.position, ..row };
        scores::keep_contest(tx, &row).await?;
        self.told.insert(row.id);
        self.contests.insert(row.id, row);
        Ok(())
    }

    async fn running(&mut self, tx: &mut dyn Tx, account: AccountId) -> Result<Vec<ScoreRow>, DbError> {
        if let Some(known) = self.running.get(&account) {
            return Ok(known.clone());
        }
        let rows = scores::running(tx, account).await?;
        self.running.insert(account, rows.clone());
        Ok(rows)
    }

    async fn only_me(&mut self, tx: &mut dyn Tx, account: AccountId) -> Result<bool, DbError> {
        if let Some(known) = self.only_me.get(&account) {
            return Ok(*known);
        }
        let only_me = facts::is_only_me(tx, account).await?;
        self.only_me.insert(account, only_me);
        Ok(only_me)
    }
}

/// Where and when an event stands in our own journal.
#[derive(Clone, Copy)]
struct At {
    position: i64,
    us: i64,
}

impl At {
    fn of(incoming: &Incoming) -> Self {
        Self { position: incoming.event.position, us: incoming.event.at_us }
    }

    /// Before receipts were kept, our own hearing of it stands for them.
    fn receipt(self, receipt: Receipt) -> Receipt {
        if receipt.at_us == 0 { Receipt { at_us: self.us, ..receipt } } else { receipt }
    }
}

fn drafted(id: ChallengeId, author: AccountId, terms: Arc<Terms>) -> ContestRow {
    ContestRow {
        id,
        author,
        terms,
        opened_us: None,
        stopped_us: None,
        head: None,
        settled_us: None,
        participants: 0,
        placed: 0,
        at_us: 0,
        revision: 0,
    }
}

fn measures_alike(one: &Terms, other: &Terms) -> bool {
    one.metric == other.metric
        && one.sports == other.sports
        && one.window == other.window
        && one.late_sync_grace_s == other.late_sync_grace_s
        && one.count_from == other.count_from
        && one.min_distance_mm == other.min_distance_mm
        && one.attempts == other.attempts
}
