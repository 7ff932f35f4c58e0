//! The stores: files in the data folder, or databases on a server.

use std::time::Duration;

use backends::postgres::{self, Presence, Server};
use eventing::{
    glance::{Glance, glance},
    migrate::{Migrations, SPINE},
    sql::{Db, DbError},
};
use futures::stream::{self, StreamExt};
use platform::config::StoreEngine;

use super::{
    Check, clock,
    finding::{Area, Finding},
    limited,
};
use crate::{
    connections::{self, Want},
    settings::Settings,
    stores::SERVICES,
};

/// Of one question; a server that says nothing is given up earlier than the check.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// Databases looked at together: a server that is nearly full has few places left.
const AT_ONCE: usize = 3;
/// Events that wait longer are late, and far too late.
const LAG_WARNING: Duration = Duration::from_secs(30);
const LAG_WRONG: Duration = Duration::from_secs(300);

/// A check a server.
pub(super) fn checks<'s>(settings: &'s Settings, marks: &'s [String]) -> Vec<Check<'s>> {
    if settings.platform.stores.engine == StoreEngine::Sqlite {
        let stores = Finding::ok(Area::Engine, "stores", "SQLite, in the data folder");
        return vec![Box::pin(async move { vec![stores] })];
    }
    // A fleet's process serves what has no address elsewhere.
    let peers = &settings.platform.peers;
    let here: Vec<&str> =
        SERVICES.iter().map(|(service, _)| *service).filter(|one| !peers.contains_key(*one)).collect();
    let servers = connections::wanted(settings, &here).into_iter();
    servers
        .map(|(at, want)| {
            let what = format!("PostgreSQL {at}");
            limited(Area::Engine, what, async move { server(settings, marks, &at, &want).await })
        })
        .collect()
}

/// What was found of one store.
struct Seen {
    findings: Vec<Finding>,
    /// Processes that work on it.
    members: u64,
    /// Where it was asked for.
    server: Option<Server>,
}

async fn server(settings: &Settings, marks: &[String], at: &str, want: &Want) -> Vec<Finding> {
    let mut stores = SERVICES.into_iter().filter(|(service, _)| want.services.contains(service));
    let Some((first, migrations)) = stores.next() else { return Vec::new() };
    let url = |service| settings.platform.stores.url_of(service);
    let seen = match opened(&url(first)).await {
        Ok(opened) => look(opened, first, migrations, marks, Some(at)).await,
        // What is said of the server is said of all its databases.
        Err(error) => return vec![refused(&format!("PostgreSQL {at}"), &error)],
    };
    let others = stores.map(|(service, migrations)| {
        let url = url(service);
        async move {
            match opened(&url).await {
                Ok(opened) => look(opened, service, migrations, marks, None).await,
                Err(error) => Seen::only(refused(&format!("store {service}"), &error)),
            }
        }
    });
    let others: Vec<Seen> = stream::iter(others).buffered(AT_ONCE).collect().await;
    let members = seen.members + others.iter().map(|one| one.members).sum::<u64>();
    let pools = seen.server.as_ref().map(|server| pools(at, &want.clone().at_least(members), server));
    let findings = std::iter::once(seen).chain(others).flat_map(|one| one.findings);
    findings.chain(pools).collect()
}

/// A database that is there, or whether it may be made.
enum Opened {
    There(Db),
    Missing { may_be_made: bool },
}

async fn opened(url: &str) -> Result<Opened, DbError> {
    let options = postgres::Options {
        // One hears of news.
        connections_max: 2,
        application: "stadion doctor".to_owned(),
        acquire_limit: ANSWER_WITHIN,
        ..postgres::Options::default()
    };
    match limited_answer(postgres::connect(url, options)).await {
        Ok(db) => Ok(Opened::There(db)),
        Err(DbError::Unusable(why)) => match limited_answer(postgres::database(url)).await? {
            Presence::Missing { may_be_made } => Ok(Opened::Missing { may_be_made }),
            Presence::There => Err(DbError::Unusable(why)),
        },
        Err(error) => Err(error),
    }
}

async fn look(
    opened: Opened,
    service: &'static str,
    migrations: Option<Migrations>,
    marks: &[String],
    at: Option<&str>,
) -> Seen {
    let db = match opened {
        Opened::There(db) => db,
        Opened::Missing { may_be_made } => return Seen::only(missing(service, may_be_made)),
    };
    let mut seen = Seen { findings: Vec::new(), members: 0, server: None };
    if let Some(at) = at {
        seen.server = server_itself(&db, at, &mut seen.findings).await.ok();
    }
    let (found, members) = store(&db, service, migrations, marks).await;
    seen.findings.extend(found);
    seen.members = members;
    db.close().await;
    seen
}

impl Seen {
    fn only(finding: Finding) -> Self {
        Self { findings: vec![finding], members: 0, server: None }
    }
}

async fn limited_answer<T>(asked: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    let silent = || DbError::Unavailable(format!("no answer within {} s", ANSWER_WITHIN.as_secs()));
    tokio::time::timeout(ANSWER_WITHIN, asked).await.map_err(|_| silent())?
}

fn refused(what: &str, error: &DbError) -> Finding {
    Finding::wrong(Area::Engine, what, error, "mend what is said, or stores.url")
}

fn missing(service: &str, may_be_made: bool) -> Finding {
    let what = format!("store {service}");
    if may_be_made {
        let mend = "nothing: the first start makes it, or `stadion migrate`";
        return Finding::warning(Area::Engine, what, "its database is not there yet", mend);
    }
    let mend = "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C', or let the user of \
                stores.url create databases";
    Finding::wrong(Area::Engine, what, "its database is not there, and we may not make it", mend)
}

async fn server_itself(db: &Db, at: &str, findings: &mut Vec<Finding>) -> Result<Server, DbError> {
    let what = format!("PostgreSQL {at}");
    let before_us = clock::now_us();
    let server = postgres::server(db).await.inspect_err(|error| findings.push(refused(&what, error)))?;
    let moments = (before_us, clock::now_us());
    let took_ms = (moments.1 - moments.0) / 1_000;
    findings.push(match server.fsync {
        true => Finding::ok(Area::Engine, &what, format!("{}, answers in {took_ms} ms", server.version)),
        false => Finding::wrong(
            Area::Engine,
            &what,
            "fsync is off: a crash of its machine loses what was acknowledged",
            "set fsync = on and start it again",
        ),
    });
    findings.push(clock::apart(&what, server.now_us, moments));
    Ok(server)
}

fn pools(at: &str, want: &Want, server: &Server) -> Finding {
    let what = format!("connections of PostgreSQL {at}");
    let (room, open) = (Want::room(server), server.connections);
    match want.judged(at, server) {
        Some(tight) if tight.of_process => Finding::wrong(Area::Limit, what, tight.means, tight.mend),
        Some(tight) => Finding::warning(Area::Limit, what, tight.means, tight.mend),
        None if open * 10 > room * 9 => Finding::warning(
            Area::Limit,
            what,
            format!("{open} of {room} are open"),
            "look who has them (pg_stat_activity), or raise max_connections",
        ),
        None => Finding::ok(
            Area::Limit,
            what,
            format!("{open} of {room} are open, our pools may open {} at most", want.of_fleet),
        ),
    }
}

/// With how many processes work on it.
async fn store(
    db: &Db,
    service: &'static str,
    migrations: Option<Migrations>,
    marks: &[String],
) -> (Vec<Finding>, u64) {
    let what = format!("store {service}");
    let mut waiting = Vec::new();
    for migrations in [Some(SPINE), migrations].into_iter().flatten() {
        match migrations.missing(db).await {
            Ok(missing) => waiting.extend(missing),
            Err(error) => return (vec![refused(&what, &error)], 0),
        }
    }
    if !waiting.is_empty() {
        let means = format!("its schema lacks {}", waiting.join(", "));
        let mend = "nothing: the next start applies them, or `stadion migrate`";
        return (vec![Finding::warning(Area::Engine, what, means, mend)], 0);
    }
    let seen = match glance(db, service).await {
        Ok(seen) => seen,
        Err(error) => return (vec![refused(&what, &error)], 0),
    };
    (vec![owned(what, service, marks, &seen), relayed(service, &seen)], seen.members)
}

fn owned(what: String, service: &str, marks: &[String], seen: &Glance) -> Finding {
    match &seen.owner {
        Some((_, of)) if of != service => Finding::wrong(
            Area::Engine,
            what,
            format!("this is the store of {of}"),
            "give each service a database of its own: write {service} into stores.url",
        ),
        Some((installation, _)) if !marks.is_empty() && !marks.contains(installation) => Finding::wrong(
            Area::Engine,
            what,
            format!("it belongs to the installation {installation}, and we are {}", marks.join(", ")),
            "give each installation databases of its own, or this one the right installation.key_file",
        ),
        _ => Finding::ok(
            Area::Engine,
            what,
            format!("its schema is up to date, {} processes work on it", seen.members),
        ),
    }
}

fn relayed(service: &str, seen: &Glance) -> Finding {
    let what = format!("relay of {service}");
    let (waiting, oldest) = (seen.waiting, seen.oldest);
    let means = format!(
        "{waiting} events wait to be published, the first for {} s; {} state values; {} parked keys",
        oldest.as_secs(),
        seen.outbox,
        seen.parked
    );
    let late =
        "see «Events are not published» in docs/runbooks.md: nothing is lost, what others make of it waits";
    if seen.members == 0 {
        return Finding::ok(Area::Limit, what, format!("{means} (nobody works on it)"));
    }
    if waiting > 0 && oldest >= LAG_WRONG {
        return Finding::wrong(Area::Limit, what, means, late);
    }
    if waiting > 0 && oldest >= LAG_WARNING {
        return Finding::warning(Area::Limit, what, means, late);
    }
    if seen.parked > 0 {
        let mend = "`stadion replay` lists them; see «A key is parked» in docs/runbooks.md";
        return Finding::warning(Area::Limit, what, means, mend);
    }
    Finding::ok(Area::Limit, what, means)
}
