//! Word of new events between the processes that share a database: LISTEN and NOTIFY.
//!
//! A hint and no more: whoever misses one looks by itself a little later. It is said after the commit, in a transaction
//! of its own that waits for no disk: inside the append's, all databases of the server would commit one after another.

use std::time::Duration;

use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::watch;
use tracing::debug;

/// The schema's own channel: several stores may share a database.
const CHANNEL: &str = "SELECT 'stadion:' || current_schema()";
const SAY: &str = "WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))
                   SELECT pg_notify('stadion:' || current_schema(), $1) FROM quick";
/// Between tries while the server is away.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The newest that was said here, and that was heard from anybody.
pub(super) struct News {
    said: watch::Sender<i64>,
    heard: watch::Sender<i64>,
}

impl News {
    /// Both directions end when this is dropped.
    pub(super) fn of(pool: &PgPool) -> Self {
        let (said, heard) = (watch::Sender::new(0), watch::Sender::new(0));
        #[expect(
            clippy::disallowed_methods,
            reason = "they live as long as the database's handle: they end when that is dropped"
        )]
        {
            tokio::spawn(say(pool.clone(), said.subscribe()));
            tokio::spawn(hear(pool.clone(), heard.clone(), said.subscribe()));
        }
        Self { said, heard }
    }

    /// What is said while the last is still on its way waits, and only the newest of it is said.
    pub(super) fn say(&self, news: i64) {
        self.said.send_replace(news);
    }

    pub(super) fn heard(&self) -> watch::Receiver<i64> {
        self.heard.subscribe()
    }
}

async fn say(pool: PgPool, mut said: watch::Receiver<i64>) {
    while said.changed().await.is_ok() {
        let news = said.borrow_and_update().to_string();
        if let Err(error) = sqlx::query(SAY).bind(news).execute(&pool).await {
            debug!(%error, "news was not said");
        }
    }
}

async fn hear(pool: PgPool, heard: watch::Sender<i64>, mut handle: watch::Receiver<i64>) {
    loop {
        let ended = async { while handle.changed().await.is_ok() {} };
        tokio::select! {
            () = ended => return,
            error = listen(&pool, &heard) => debug!(%error, "news is not heard"),
        }
        if pool.is_closed() {
            return;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Listens until the connection breaks.
async fn listen(pool: &PgPool, heard: &watch::Sender<i64>) -> sqlx::Error {
    let listening = async {
        let mut listener = PgListener::connect_with(pool).await?;
        let channel: String = sqlx::query_scalar(CHANNEL).fetch_one(&mut listener).await?;
        listener.listen(&channel).await?;
        loop {
            // A broken connection is an answer too: what was said meanwhile is not repeated.
            let Some(news) = listener.try_recv().await? else { continue };
            if let Ok(position) = news.payload().parse() {
                heard.send_replace(position);
            }
        }
    };
    let ended: Result<std::convert::Infallible, sqlx::Error> = listening.await;
    match ended {
        Err(error) => error,
        Ok(never) => match never {},
    }
}
