//! The last word on an erased account: what still stood in rows of its own goes in the append that says so, and from
//! then on nothing begins with it.

use eventing::{Aggregate, Command, Decision, Done, Statement, StreamId, args};
use jiff::Timestamp;
use kernel::{AccountId, Refusal};

use super::{App, pairs};
use crate::domain::{
    pair::{Ends, Pair},
    subject::Subject,
};

pub fn stream(account: AccountId) -> StreamId {
    StreamId::of("subject", account)
}

/// Rows that no stream of a pair, group or item takes away.
const ROWS: [&str; 4] = [
    "DELETE FROM invitation_sent WHERE account_id = $1 OR other = $1",
    "DELETE FROM post WHERE author = $1",
    "DELETE FROM person_sport WHERE account_id = $1",
    "DELETE FROM activity_sport WHERE account_id = $1",
];

/// With whom a command begins something.
#[derive(Clone, Copy, Default)]
pub(crate) struct With<'a> {
    /// None of them is erased.
    pub accounts: &'a [AccountId],
    /// Neither of these two blocks the other.
    pub unblocked: Option<Ends>,
}

impl<'a> With<'a> {
    pub(crate) fn accounts(accounts: &'a [AccountId]) -> Self {
        Self { accounts, unblocked: None }
    }
}

impl App {
    pub async fn subject_erased(&self, command: &Command, account: AccountId) -> Result<(), Refusal> {
        let decide = |subject: &Subject, _| {
            let mut decision = Decision::of(subject.erase(account));
            decision.inline = ROWS.iter().map(|sql| Statement::new(*sql, args![account])).collect();
            Ok(decision)
        };
        let stream = stream(account);
        self.journal.execute::<Subject, _>(command, &stream, &account.to_string(), decide).await?;
        Ok(())
    }

    /// Executes a command that begins something with these accounts: not with one that is erased, nor between two of
    /// whom one blocks the other. Their streams are guarded in the append, so that a command which was decided before an
    /// erasure or a block is not written after it.
    pub(crate) async fn execute_among<A, F>(
        &self,
        command: &Command,
        stream: &StreamId,
        partition_key: &str,
        with: With<'_>,
        decide: F,
    ) -> Result<Done, Refusal>
    where
        A: Aggregate,
        F: Fn(&A, Timestamp) -> Result<Decision<A::Event>, Refusal> + Send + Sync,
    {
        if let Some(done) = self.journal.replayed(command).await? {
            return Ok(done);
        }
        let decide = &decide;
        let attempt = || async move {
            let loaded = self.journal.load::<A>(stream).await?;
            let mut batch = self.journal.batch(command);
            let mut pair = None;
            // Before anything is decided: whoever is blocked hears nothing else.
            if let Some(ends) = with.unblocked {
                let found = self.journal.load::<Pair>(&pairs::stream(ends)).await?;
                if found.state.is_blocked() {
                    return Err(Refusal::not_found().into());
                }
                pair = Some((found, pairs::key(ends)));
            }
            batch.decided(&loaded, partition_key, decide(&loaded.state, self.now())?);
            if let Some((found, key)) = &pair {
                batch.write(found, key, Vec::new());
            }
            for account in with.accounts {
                let subject = self.journal.load::<Subject>(&self::stream(*account)).await?;
                if subject.state.erased {
                    return Err(Refusal::not_found().into());
                }
                batch.write(&subject, &account.to_string(), Vec::new());
            }
            batch.commit().await
        };
        Ok(self.journal.retrying(attempt).await?)
    }
}
