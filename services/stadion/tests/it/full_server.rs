//! A PostgreSQL server that takes no further connection: callers are told so in bounds, and all is well afterwards.

use std::time::Duration;

use backends::postgres;
use eventing::args;
use stadion::demo::{
    cast::{ALMATY, Cast},
    door::until,
};
use testkit::engines;

use crate::{fleet::Part, on_servers::up};

/// Above the pool's own patience and the call's deadline together.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_a_place_is_answered_with_503_in_bounds_and_recovers() {
    let Some(server) = engines::postgres("a full server") else { return };
    let tag = &uuid::Uuid::new_v4().simple().to_string()[..12];
    let role = format!("role_{tag}");
    let keeper = postgres::connect(&server, postgres::Options::default()).await.unwrap();
    let say = async |sql: String| keeper.execute(&sql, args![]).await.map(|_| ());
    say(format!("CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'p' CONNECTION LIMIT 60")).await.unwrap();
    let (_, place) = server.rsplit_once('@').unwrap();
    let (place, _) = place.split_once('/').unwrap();

    let folder = tempfile::tempdir().unwrap();
    let mut command = up(folder.path());
    command
        .env("STADION_STORES__ENGINE", "postgres")
        .env("STADION_STORES__URL", format!("postgres://{role}:p@{place}/full_{tag}_{{service}}"));
    let mut process = Part::of(command);
    let cast = Cast::new(&process.base(), folder.path().to_owned()).unwrap();
    let runner = cast.sign_up("runner", ALMATY, &["terms"]).await.unwrap();
    let me = || cast.door.get("/v1/me").with(&runner.token);
    me().expect(200).await.unwrap();

    say(format!("ALTER ROLE {role} CONNECTION LIMIT 0")).await.unwrap();
    let end = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = $1";
    keeper.fetch(end, args![&role]).await.unwrap();
    let answers = (0..20).map(|_| async { tokio::time::timeout(ANSWERED_WITHIN, me().send()).await });
    for answer in futures::future::join_all(answers).await {
        let answer = answer.expect("nobody hangs").unwrap();
        assert_eq!(answer.status, 503, "{}", answer.json);
    }

    say(format!("ALTER ROLE {role} CONNECTION LIMIT 60")).await.unwrap();
    until(me, |answer| answer.status == 200).await.unwrap();
    assert!(process.stop().success());
}
