//! The last word on an erased account: what still stood in rows of its own goes in the append that says so.

use eventing::{Command, Decision, Statement, StreamId, args};
use kernel::{AccountId, Refusal};

use super::App;
use crate::domain::subject::Subject;

pub fn stream(account: AccountId) -> StreamId {
    StreamId::of("subject", account)
}

/// Rows that no stream of a pair, group or item takes away.
const ROWS: [&str; 3] = [
    "DELETE FROM invitation_sent WHERE account_id = $1 OR other = $1",
    "DELETE FROM post WHERE author = $1",
    "DELETE FROM person_sport WHERE account_id = $1",
];

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
}
