//! What accounts would have in a challenge that they do not take part in.

use std::sync::Arc;

use eventing::{Tx, sql::DbError};
use kernel::AccountId;

use super::{Store, facts};
use crate::domain::{
    Terms,
    challenge::Metric,
    scoring::{Contest, Contribution, Score, Taking},
};

impl Store {
    /// The scores of those who would have one, had they joined when the window began, with private activities left out.
    /// An entrant is an account and the name of its zone.
    pub async fn dry_run(
        &self,
        terms: Arc<Terms>,
        entrants: Vec<(AccountId, String)>,
    ) -> Result<Vec<Score>, DbError> {
        self.db
            .transact(move |tx| {
                Box::pin(async move {
                    let mut all = Vec::new();
                    for (account, time_zone) in &entrants {
                        all.extend(score(tx, &terms, *account, time_zone).await?);
                    }
                    Ok(all)
                })
            })
            .await
    }
}

async fn score(
    tx: &mut dyn Tx,
    terms: &Terms,
    account: AccountId,
    time_zone: &str,
) -> Result<Option<Score>, DbError> {
    let contest = Contest { terms, head: None, late_too: false };
    let taking = Taking {
        zone: terms.window.participant_zone(time_zone),
        joined_us: terms.window.start_us,
        count_private: false,
        only_me_usual: facts::is_only_me(tx, account).await?,
    };
    let all: Vec<Contribution> = if terms.metric == Metric::Steps {
        let days = facts::by_item(facts::days_of(tx, account).await?);
        days.iter().filter_map(|(_, heard)| contest.day(&taking, heard)).collect()
    } else {
        let xp = match terms.metric {
            Metric::Xp => facts::xp_of(tx, account).await?,
            _ => Vec::new(),
        };
        let heard = facts::by_item(facts::heard_of(tx, account, None).await?);
        let one = |(activity, heard): &(_, Vec<_>)| {
            contest.activity(&taking, heard, &facts::of_item(&xp, *activity))
        };
        heard.iter().filter_map(one).collect()
    };
    Ok(contest.combine(all))
}
