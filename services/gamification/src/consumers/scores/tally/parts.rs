//! Who takes part, and what each of them contributes.

use eventing::{Failure, Tx};
use kernel::AccountId;
use uuid::Uuid;

use super::{At, Tally, Touch};
use crate::{
    domain::{ChallengeId, challenge::Metric, participation, scoring::Contribution},
    store::{
        facts,
        scores::{self, Part, ScoreRow},
    },
};

impl Tally {
    pub(super) async fn part(
        &mut self,
        tx: &mut dyn Tx,
        event: participation::Event,
        at: At,
    ) -> Result<(), Failure> {
        use participation::Event as E;
        match event {
            E::Joined { challenge, account, member, show_as, count_private, joined_us, frozen } => {
                let before = scores::score(tx, challenge, account).await?;
                let frozen = frozen.unwrap_or_default();
                let row = ScoreRow {
                    challenge,
                    account,
                    member,
                    part: Part::Active,
                    show_as,
                    count_private,
                    joined_us,
                    segments: frozen.segments,
                    time_zone: frozen.time_zone,
                    score: None,
                    revision: at.position,
                };
                let joins = !before.is_some_and(|before| before.part == Part::Active);
                self.moved(tx, &row, i64::from(joins), at).await?;
                self.rescore(tx, &row, at).await
            }
            E::Changed { challenge, account, show_as, count_private } => {
                let Some(before) = scores::score(tx, challenge, account).await? else { return Ok(()) };
                let row = ScoreRow { show_as, count_private, ..before.clone() };
                self.moved(tx, &row, 0, at).await?;
                if before.count_private == count_private {
                    return Ok(());
                }
                self.rescore(tx, &row, at).await
            }
            E::Left { challenge, account } => self.gone(tx, challenge, account, Part::Left, at).await,
            E::Erased { challenge, account } => {
                self.written(tx).await?;
                facts::forget(tx, account).await?;
                self.only_me.remove(&account);
                self.gone(tx, challenge, account, Part::Erased, at).await
            }
        }
    }

    async fn gone(
        &mut self,
        tx: &mut dyn Tx,
        challenge: ChallengeId,
        account: AccountId,
        part: Part,
        at: At,
    ) -> Result<(), Failure> {
        let Some(mut row) = scores::score(tx, challenge, account).await? else { return Ok(()) };
        let leaves = row.part == Part::Active;
        row.part = part;
        if part == Part::Erased {
            (row.segments, row.time_zone) = (Vec::new(), String::new());
        }
        self.written(tx).await?;
        scores::drop_contribution(tx, challenge, account, None).await?;
        self.moved(tx, &row, -i64::from(leaves), at).await
    }

    /// A participant's own row has changed; `more`: how many more take part.
    async fn moved(&mut self, tx: &mut dyn Tx, row: &ScoreRow, more: i64, at: At) -> Result<(), Failure> {
        scores::keep_scores(tx, std::slice::from_ref(row)).await?;
        self.running.remove(&row.account);
        let touch = self.touched.entry((row.challenge, row.account)).or_default();
        *touch = Touch { position: at.position, told: true };
        if more != 0 {
            let mut contest = self.contest(tx, row.challenge).await?;
            // Settled, it says who took part: an erasure takes nobody away from that.
            if contest.settled_us.is_none() {
                contest.participants += more;
                self.keep(tx, contest, at).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn rescore_all(
        &mut self,
        tx: &mut dyn Tx,
        challenge: ChallengeId,
        accounts: &[AccountId],
        at: At,
    ) -> Result<(), Failure> {
        for account in accounts {
            if let Some(row) = scores::score(tx, challenge, *account).await? {
                self.rescore(tx, &row, at).await?;
            }
        }
        Ok(())
    }

    /// All that one participant contributes, from all that was heard of them.
    pub(super) async fn rescore(&mut self, tx: &mut dyn Tx, row: &ScoreRow, at: At) -> Result<(), Failure> {
        let contest = self.contest(tx, row.challenge).await?;
        if !contest.is_scoring() {
            return Ok(());
        }
        let taking = row.taking(&contest.terms, self.only_me(tx, row.account).await?);
        self.written(tx).await?;
        scores::drop_contribution(tx, row.challenge, row.account, None).await?;
        self.touch(row, at);
        if contest.terms.metric == Metric::Steps {
            for (daily, heard) in facts::by_item(facts::days_of(tx, row.account).await?) {
                let revision = heard.iter().map(|heard| heard.revision).max().unwrap_or_default();
                let one = contest.contest().day(&taking, &heard);
                self.set(tx, row, (daily.uuid(), revision), one, at).await?;
            }
            return Ok(());
        }
        let xp = match contest.terms.metric {
            Metric::Xp => facts::xp_of(tx, row.account).await?,
            _ => Vec::new(),
        };
        for (activity, heard) in facts::by_item(facts::heard_of(tx, row.account, None).await?) {
            let revision = heard.iter().map(|heard| heard.revision).max().unwrap_or_default();
            let one = contest.contest().activity(&taking, &heard, &facts::of_item(&xp, activity));
            self.set(tx, row, (activity.uuid(), revision), one, at).await?;
        }
        Ok(())
    }

    pub(super) async fn set(
        &mut self,
        tx: &mut dyn Tx,
        row: &ScoreRow,
        (item, revision): (Uuid, u64),
        one: Option<Contribution>,
        at: At,
    ) -> Result<(), Failure> {
        let of = (row.challenge, row.account);
        match one {
            Some(one) => {
                self.contributions.put(scores::contribution_values(of, item, revision, one));
            }
            None => {
                self.written(tx).await?;
                scores::drop_contribution(tx, of.0, of.1, Some(item)).await?;
            }
        }
        self.touch(row, at);
        Ok(())
    }

    pub(super) fn touch(&mut self, row: &ScoreRow, at: At) {
        self.touched.entry((row.challenge, row.account)).or_default().position = at.position;
    }
}
