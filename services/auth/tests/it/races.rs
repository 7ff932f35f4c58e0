//! A password that is changed while somebody signs in with the old one, as in two processes on PostgreSQL: no session of
//! the old one lives on, whichever is first, and whatever the clocks say.

use std::sync::Arc;

use auth::{
    MIGRATIONS,
    consumers::password_changed::EndSessions,
    store::{
        accounts,
        sessions::{self, Session},
    },
};
use eventing::{Failure, Plain, Projection, StreamId, args};
use jiff::Timestamp;
use kernel::{AccountId, time::micros};
use testkit::{
    fleet::Ground,
    overlap::{Work, applying, heard, overlapping},
};

fn at(second: i64) -> Timestamp {
    kernel::time::from_micros(second * 1_000_000)
}

/// Signs in with the password that was set in the first second.
fn signs_in(session: &Session) -> Work {
    let session = session.clone();
    Box::new(move |tx| {
        Box::pin(async move {
            let token = session.id.as_bytes().to_vec();
            sessions::put_by_password(tx, &session, token, micros(at(1)))
                .await
                .map(drop)
                .map_err(Failure::from)
        })
    })
}

/// What the append of a reset writes.
fn resets(account: AccountId, second: i64) -> Work {
    let inline = [
        accounts::put_credential(account, "another", at(second)),
        sessions::began_before(account, micros(at(second))),
    ];
    Box::new(move |tx| {
        Box::pin(async move {
            for statement in inline {
                tx.execute(&statement.sql, statement.args).await?;
            }
            Ok(())
        })
    })
}

#[tokio::test]
async fn no_session_of_an_old_password_outlives_its_change() {
    let Some(ground) = Ground::postgres("a reset beside a sign-in") else { return };
    let fleet = ground.fleet(&["auth"]).await;
    let resources = fleet.resources("auth").await;
    let db = resources.db.clone();
    MIGRATIONS.apply(&db).await.unwrap();
    let ends: Arc<dyn Projection> = Arc::new(EndSessions);
    for reset_first in [true, false] {
        let account = AccountId::random();
        let first = accounts::put_credential(account, "first", at(1));
        db.execute(&first.sql, first.args).await.unwrap();
        // By its clock, it begins after the reset.
        let session = sessions::begun(account, sessions::APP, None, micros(at(9)));
        let (reset, sign_in) = (resets(account, 5), signs_in(&session));
        let (one, other) = if reset_first { (reset, sign_in) } else { (sign_in, reset) };
        let (one, other) = overlapping(&db, one, db.transact(move |tx| other(tx))).await;
        one.unwrap();
        other.unwrap();
        let changed = proto::auth::PasswordChanged {
            account_id: bytes::Bytes::copy_from_slice(account.as_bytes()),
            reason: "reset".to_owned(),
        };
        let (stream, key) = (StreamId::of("account", account), account.to_string());
        let changed = heard("auth", stream, &key, (micros(at(5)), 2), Plain::of(&changed));
        let work = applying(&ends, &[changed]);
        db.transact(move |tx| work(tx)).await.unwrap();
        let sql = "SELECT COUNT(*) FROM session WHERE account_id = $1 AND ended_us IS NULL";
        let living: i64 = db.fetch_one(sql, args![account]).await.unwrap().unwrap().get(0).unwrap();
        assert_eq!(living, 0, "the reset first: {reset_first}");
    }
    fleet.stop().await;
}
