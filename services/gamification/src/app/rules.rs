//! The rules in force, and what another set of them would change.

use std::collections::BTreeMap;

use kernel::{AccountId, Code, Refusal};
use uuid::Uuid;

use super::{App, stream_of};
use crate::domain::{Progress, Rules, Standing};

/// How many accounts are named for each badge.
const NAMED_MAX: usize = 100;
const PAGE: u32 = 200;

/// The rules in force, as a document.
pub fn in_force(app: &App) -> Result<(u32, String), Refusal> {
    let document = serde_json::to_string(app.rules())
        .map_err(|error| Refusal::new(Code::Internal, error.to_string()))?;
    Ok((app.rules().version, document))
}

/// Who would gain and who would lose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    pub accounts_looked_at: u32,
    pub complete: bool,
    pub badges: BTreeMap<String, Change>,
    pub xp_up: u32,
    pub xp_down: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub gained: u32,
    pub lost: u32,
    pub gained_by: Vec<AccountId>,
    pub lost_by: Vec<AccountId>,
}

/// Folds other rules over what is known; writes nothing.
pub async fn preview(app: &App, document: &str) -> Result<Preview, Refusal> {
    let rules =
        Rules::parse(document).map_err(|invalid| Refusal::field("/rules", "invalid", invalid.to_string()))?;
    let mut preview = Preview { complete: true, ..Preview::default() };
    let mut after = AccountId::new(Uuid::nil());
    loop {
        let page = app.store.accounts(after, PAGE).await.map_err(eventing::Error::from)?;
        let Some(last) = page.last() else { return Ok(preview) };
        after = *last;
        for account in page {
            if preview.accounts_looked_at >= app.config.preview_accounts_max {
                preview.complete = false;
                return Ok(preview);
            }
            let progress = app.journal.load::<Progress>(&stream_of(account)).await?.state;
            preview.look_at(account, &progress, &rules);
        }
    }
}

impl Preview {
    fn look_at(&mut self, account: AccountId, now: &Progress, rules: &Rules) {
        self.accounts_looked_at += 1;
        let then = Standing::of(rules, now.facts());
        self.xp_up += u32::from(then.xp > now.xp);
        self.xp_down += u32::from(then.xp < now.xp);
        for badge in then.awards.keys().filter(|badge| !now.badges.contains_key(**badge)) {
            let change = self.badges.entry((*badge).to_owned()).or_default();
            change.gained += 1;
            name(&mut change.gained_by, account);
        }
        for badge in now.badges.keys().filter(|badge| !then.awards.contains_key(badge.as_str())) {
            let change = self.badges.entry(badge.clone()).or_default();
            change.lost += 1;
            name(&mut change.lost_by, account);
        }
    }
}

fn name(accounts: &mut Vec<AccountId>, account: AccountId) {
    if accounts.len() < NAMED_MAX {
        accounts.push(account);
    }
}
