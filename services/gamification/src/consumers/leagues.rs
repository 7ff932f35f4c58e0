//! Our own events → the leagues: what each activity has earned in the week of its start, who sits where in the open week,
//! and how closed ones ended.
//!
//! Somebody enters the open week with the first event that gives them XP in it, into the next seat of their tier: so seats
//! and cohorts are a fold of the journal in its order, however it is cut into batches. What stands behind the event that
//! ended a week changes nothing of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use eventing::{
    Aggregate, DomainEvent, Failure, Incoming, Keeps, Projection, Source, Tx, Value, args, sql::DbError,
};
use kernel::{AccountId, ActivityId};

use crate::{
    domain::{
        Progress,
        league::{
            self, Clock, Week,
            cohort::{self, Cohort},
            member::{self, Member},
        },
        progress::Event as Told,
    },
    metrics::Leagues as Metrics,
    store::leagues::{self as rows, Earned, Entry, WeekRow, WeekState},
};

pub struct Leagues {
    metrics: Metrics,
}

impl Leagues {
    pub const fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }

    async fn week(&self, tx: &mut dyn Tx, event: &league::Event) -> Result<(), DbError> {
        match event {
            league::Event::Opened { week, terms } => {
                rows::keep_week(tx, *week, terms).await?;
                let row = WeekRow { week: *week, terms: terms.clone(), state: WeekState::Open };
                let waiting = rows::waiting(tx, *week).await?;
                take_seats(tx, &row, &waiting).await
            }
            league::Event::Ended { week, .. } => rows::mark_week(tx, *week, WeekState::Ended).await,
            league::Event::Closed { week, .. } => {
                self.metrics.closed();
                rows::mark_week(tx, *week, WeekState::Closed).await
            }
        }
    }
}

#[async_trait]
impl Projection for Leagues {
    fn name(&self) -> &'static str {
        "gamification-leagues"
    }

    fn sources(&self) -> Vec<Source> {
        vec![Source::OwnJournal]
    }

    fn keeps(&self) -> Keeps {
        Keeps::tables(&["league_week", "league_activity", "league_entry"])
    }

    async fn apply(&self, tx: &mut dyn Tx, events: &[Incoming]) -> Result<(), Failure> {
        let mut told = Vec::new();
        for incoming in events {
            match incoming.event.stream.kind() {
                Progress::KIND => told.push(Told::decode(&incoming.plain)?),
                Clock::KIND => {
                    earn(tx, std::mem::take(&mut told)).await?;
                    self.week(tx, &league::Event::decode(&incoming.plain)?).await?;
                }
                Cohort::KIND => {
                    let placed = cohort::Event::decode(&incoming.plain)?;
                    self.metrics.placed(&placed);
                    rows::keep_place(tx, &placed).await?;
                }
                Member::KIND => {
                    earn(tx, std::mem::take(&mut told)).await?;
                    rows::forget(tx, member::Event::decode(&incoming.plain)?.account).await?;
                }
                _ => {}
            }
        }
        Ok(earn(tx, told).await?)
    }
}

/// What was told of XP between two events of the leagues: a few statements, however much it is.
async fn earn(tx: &mut dyn Tx, told: Vec<Told>) -> Result<(), DbError> {
    let touched: BTreeSet<(AccountId, ActivityId)> = told.iter().flat_map(touches).collect();
    if touched.is_empty() {
        return Ok(());
    }
    let keys: Vec<Vec<Value>> =
        touched.iter().map(|(account, activity)| args![*account, *activity]).collect();
    let open = rows::open_week(tx).await?;
    let mut tally = Tally { open: open.as_ref().map(|row| row.week), ..Tally::default() };
    tally.earned = rows::earned(tx, &keys).await?;
    if let Some(row) = &open {
        let accounts: BTreeSet<AccountId> = touched.iter().map(|(account, _)| *account).collect();
        let all: Vec<Vec<Value>> = accounts.iter().map(|account| args![*account]).collect();
        tally.seated = rows::entries(tx, row.week, &all).await?;
        let seatless = accounts.iter().filter(|account| !tally.seated.contains_key(account));
        let seatless: Vec<Vec<Value>> = seatless.map(|account| args![*account]).collect();
        tally.sums = rows::sums(tx, row.week, &seatless).await?;
    }
    for event in told {
        tally.take(event);
    }
    tally.keep(tx, open.as_ref()).await
}

/// The activities whose week or XP an event may change.
fn touches(told: &Told) -> Vec<(AccountId, ActivityId)> {
    match told {
        Told::Counted { account, activity, .. } => vec![(*account, *activity)],
        Told::XpChanged { account, parts, .. } => {
            parts.iter().map(|part| (*account, part.activity)).collect()
        }
        _ => Vec::new(),
    }
}

#[derive(Default)]
struct Tally {
    open: Option<Week>,
    earned: HashMap<(AccountId, ActivityId), Earned>,
    changed: BTreeSet<(AccountId, ActivityId)>,
    seated: HashMap<AccountId, Entry>,
    moved: BTreeSet<AccountId>,
    /// XP in the open week of those without a seat.
    sums: HashMap<AccountId, i64>,
    /// Those who take one, in this order.
    entering: Vec<AccountId>,
}

impl Tally {
    fn take(&mut self, told: Told) {
        let account = match told {
            Told::Counted { account, activity, fact: Some(fact), .. } => {
                let key = (account, activity);
                let before = self.earned.get(&key).copied();
                let week = Week::of_us(fact.start_us);
                let xp = before.map_or(0, |before| before.xp);
                self.move_to(key, before, Earned { week, xp });
                account
            }
            Told::XpChanged { account, parts, .. } => {
                let mut by_activity: BTreeMap<ActivityId, i64> = BTreeMap::new();
                for part in parts {
                    *by_activity.entry(part.activity).or_default() += part.xp;
                }
                for (activity, xp) in by_activity {
                    let key = (account, activity);
                    // XP of an activity that was never counted, or was erased, belong to no week.
                    let Some(before) = self.earned.get(&key).copied() else { continue };
                    let xp = before.xp.saturating_add(xp);
                    self.move_to(key, Some(before), Earned { xp, ..before });
                }
                account
            }
            _ => return,
        };
        if self.sums.get(&account).is_some_and(|sum| *sum > 0) && !self.entering.contains(&account) {
            self.entering.push(account);
        }
    }

    fn move_to(&mut self, key: (AccountId, ActivityId), before: Option<Earned>, after: Earned) {
        if before == Some(after) {
            return;
        }
        let counts = |earned: Earned| if Some(earned.week) == self.open { earned.xp } else { 0 };
        let change = counts(after) - before.map_or(0, counts);
        self.earned.insert(key, after);
        self.changed.insert(key);
        if change == 0 {
            return;
        }
        match self.seated.get_mut(&key.0) {
            Some(entry) => {
                entry.xp += change;
                self.moved.insert(key.0);
            }
            None => *self.sums.entry(key.0).or_default() += change,
        }
    }

    async fn keep(self, tx: &mut dyn Tx, open: Option<&WeekRow>) -> Result<(), DbError> {
        let mut earned = rows::earned_rows();
        for key in &self.changed {
            if let Some(now) = self.earned.get(key) {
                earned.put(rows::earned_values(*key, *now));
            }
        }
        earned.write(tx).await?;
        let Some(open) = open else { return Ok(()) };
        let mut entries = rows::entry_rows();
        for account in &self.moved {
            if let Some(entry) = self.seated.get(account) {
                entries.put(rows::entry_values(*account, open.week, entry));
            }
        }
        entries.write(tx).await?;
        let sum = |account: &AccountId| self.sums.get(account).copied().unwrap_or_default();
        let entering: Vec<_> = self.entering.iter().map(|account| (*account, sum(account))).collect();
        take_seats(tx, open, &entering).await
    }
}

/// The next seats of each one's tier, in this order.
async fn take_seats(tx: &mut dyn Tx, open: &WeekRow, entering: &[(AccountId, i64)]) -> Result<(), DbError> {
    if entering.is_empty() {
        return Ok(());
    }
    let accounts: Vec<Vec<Value>> = entering.iter().map(|(account, _)| args![*account]).collect();
    let before = rows::tiers(tx, &accounts).await?;
    let mut next: HashMap<u32, u32> = HashMap::new();
    let mut entries = rows::entry_rows();
    for (account, xp) in entering {
        let tier = open.terms.tier_for(before.get(account).copied().unwrap_or_default());
        let seat = match next.get(&tier) {
            Some(seat) => *seat,
            None => rows::next_seat(tx, open.week, tier).await?,
        };
        next.insert(tier, seat.saturating_add(1));
        let entry = Entry { tier, seat, cohort: open.terms.cohort_of(seat), xp: *xp };
        entries.put(rows::entry_values(*account, open.week, &entry));
    }
    entries.write(tx).await
}
