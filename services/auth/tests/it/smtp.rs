//! Mail by SMTP, to a server of the test's own.

use std::time::Duration;

use auth::Config;
use eventing::args;
use platform::config::{Mail, MailTls};
use proto::auth as p;
use testkit::{
    fleet::Ground,
    mail::{MailServer, Manners, Security, Taken, ca_file},
};

use crate::stage::{PASSWORD, Stage, header, sign_up};

/// Settings for a server in the clear.
fn to(server: &MailServer) -> Mail {
    Mail { smtp: server.address.to_string(), tls: MailTls::None, ..Mail::default() }
}

async fn stage_with(ground: &Ground, mail: Mail) -> Stage<'_> {
    Stage::with(ground, Config { mail, ..Config::default() }).await
}

/// The text holds nothing else of six digits.
fn code_in(mail: &Taken) -> String {
    let (_, body) = mail.text.split_once("\n\n").expect("a body");
    let words = body.split(|c: char| !c.is_ascii_digit());
    words.filter(|word| word.len() == 6).map(str::to_owned).next().expect("a code")
}

async fn waiting(stage: &Stage<'_>) -> i64 {
    let row = stage.db.fetch_one("SELECT COUNT(*) FROM mail", args![]).await.expect("read");
    row.expect("a row").get(0).expect("a number")
}

/// Waits, while the hands of the clock go round: what is to be tried later is tried.
async fn until(stage: &Stage<'_>, what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..1_500 {
        if holds().await {
            return;
        }
        stage.fleet.clock.advance_s(1);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    panic!("{what}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_up_goes_by_smtp_and_nothing_stays_behind() {
    let ground = Ground::fresh();
    let server = MailServer::start(Manners::default());
    let stage = stage_with(&ground, to(&server)).await;
    // A mail in English stands there as it is read.
    let request = p::RegisterRequest { locale: Some("en".to_owned()), ..sign_up("Aigerim") };
    let registration = stage.register(request).await.expect("registered");
    let mail = server.mail_to("aigerim@example.org").await;
    assert_eq!(mail.from, "no-reply@stadion.example");
    let head = mail.text.replace('\n', "\r\n");
    assert_eq!(header(&head, "X-Stadion-Code"), None, "tools read the local folder only");
    assert!(header(&head, "Message-ID").is_some_and(|id| id.contains("@stadion.example")), "{head}");
    stage.verify(registration, &code_in(&mail)).await.expect("verified");
    stage.login("aigerim@example.org", PASSWORD).await.expect("logged in");
    until(&stage, "it is on its way still", async || waiting(&stage).await == 0).await;
    assert_eq!(stage.mails(), Vec::<String>::new(), "nothing ends in the folder");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_loses_no_mail_though_auth_is_started_anew() {
    let ground = Ground::fresh();
    let server = MailServer::start(Manners::default());
    let mail = to(&server);
    let address = server.address;
    drop(server);
    let stage = stage_with(&ground, mail.clone()).await;
    for name in ["Aigerim", "Botagoz"] {
        stage.register(sign_up(name)).await.expect("a sign-up does not wait for the mail server");
    }
    assert_eq!(waiting(&stage).await, 2);
    let rows = stage.db.fetch("SELECT sealed FROM mail", args![]).await.expect("read");
    let kept: Vec<Vec<u8>> = rows.iter().map(|row| row.get(0).expect("bytes")).collect();
    let shows = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
    assert!(!kept.iter().any(|bytes| shows(bytes, b"example")), "no address lies there in the clear");
    stage.fleet.stop().await;

    let stage = stage_with(&ground, mail).await;
    let server = MailServer::at(address, Manners::default());
    until(&stage, "they are not taken", async || waiting(&stage).await == 0).await;
    let mut receivers: Vec<String> = server.taken().into_iter().map(|mail| mail.to).collect();
    receivers.sort_unstable();
    assert_eq!(receivers, ["aigerim@example.org", "botagoz@example.org"], "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_refused_holds_up_nobody_and_one_that_is_put_off_comes_later() {
    fn refuses(to: &str) -> Option<&'static str> {
        static BUSY: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);
        match to {
            "nobody@example.org" => Some("550 no such user nobody@example.org"),
            "busy@example.org" => BUSY
                .swap(false, std::sync::atomic::Ordering::SeqCst)
                .then_some("451 busy@example.org is busy"),
            _ => None,
        }
    }
    let ground = Ground::fresh();
    let server = MailServer::start(Manners { refuses: Some(refuses), ..Manners::default() });
    let stage = stage_with(&ground, to(&server)).await;
    for name in ["Nobody", "Busy", "Aigerim"] {
        stage.register(sign_up(name)).await.expect("registered");
    }
    until(&stage, "they are on their way still", async || waiting(&stage).await == 0).await;
    let mut receivers: Vec<String> = server.taken().into_iter().map(|mail| mail.to).collect();
    receivers.sort_unstable();
    assert_eq!(receivers, ["aigerim@example.org", "busy@example.org"]);
    let offered = server.offered();
    let times = |to| offered.iter().filter(|one| *one == to).count();
    assert_eq!((times("nobody@example.org"), times("busy@example.org")), (1, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_loses_no_mail() {
    let ground = Ground::fresh();
    let password = Some(("stadion".to_owned(), "hush".to_owned()));
    let server = MailServer::start(Manners { password, ..Manners::default() });
    let said =
        |password: &str| Mail { user: "stadion".to_owned(), password: password.to_owned(), ..to(&server) };
    let stage = stage_with(&ground, said("wrong")).await;
    stage.register(sign_up("Aigerim")).await.expect("registered");
    until(&stage, "it was not tried", async || {
        let row = stage.db.fetch_one("SELECT MAX(tries) FROM mail", args![]).await.expect("read");
        row.expect("a row").get::<Option<i64>>(0).expect("a number").is_some_and(|tries| tries > 1)
    })
    .await;
    assert_eq!(waiting(&stage).await, 1);
    stage.fleet.stop().await;

    let stage = stage_with(&ground, said("hush")).await;
    until(&stage, "it is not taken", async || waiting(&stage).await == 0).await;
    assert_eq!(server.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_is_secured_under_a_certificate_that_is_believed() {
    for (security, tls) in [(Security::Starttls, MailTls::Starttls), (Security::Implicit, MailTls::Implicit)]
    {
        let ground = Ground::fresh();
        let password = Some(("stadion".to_owned(), "hush".to_owned()));
        let server = MailServer::start(Manners { security, password, ..Manners::default() });
        let secret = ground.folder().join("smtp.password");
        std::fs::write(&secret, "hush\n").expect("written");
        let mail = Mail {
            smtp: format!("localhost:{}", server.address.port()),
            tls,
            user: "stadion".to_owned(),
            password_file: secret,
            ca_file: ca_file(),
            ..Mail::default()
        };
        let stage = stage_with(&ground, mail).await;
        stage.register(sign_up("Aigerim")).await.expect("registered");
        assert!(server.mail_to("aigerim@example.org").await.is_secured, "{tls:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_nobody_vouches_for_or_that_has_no_tls_gets_no_mail() {
    for security in [Security::Starttls, Security::None] {
        let ground = Ground::fresh();
        let server = MailServer::start(Manners { security, ..Manners::default() });
        let mail = Mail { tls: MailTls::Starttls, ..to(&server) };
        let stage = stage_with(&ground, mail).await;
        stage.register(sign_up("Aigerim")).await.expect("registered");
        until(&stage, "it was not tried", async || {
            let row = stage.db.fetch_one("SELECT tries FROM mail", args![]).await.expect("read");
            row.expect("it waits").get::<i64>(0).expect("a number") > 1
        })
        .await;
        assert_eq!(server.offered(), Vec::<String>::new(), "{security:?}: nothing was said in the clear");
    }
}
