//! Mail by SMTP, as somebody meets it who signs up at the built binary.

use serde_json::json;
use stadion::demo::door::Door;
use testkit::mail::{MailServer, Manners, Security, Taken, ca_file};

use crate::embedded::{Process, binary};

const EMAIL: &str = "aigerim@example.org";
const PASSWORD: &str = "seven hills of Almaty";

fn account() -> serde_json::Value {
    json!({
        "email": EMAIL, "password": PASSWORD, "display_name": "Aigerim", "birth_year": 1990, "sex": "f",
        "country": "KZ", "region": "KZ-75", "time_zone": "Asia/Almaty", "locale": "en",
        "consents": [{ "purpose": "terms", "text_version": "1" }],
    })
}

/// The code that a mail tells in its text.
fn code_in(mail: &Taken) -> String {
    let (_, body) = mail.text.split_once("\n\n").unwrap();
    let mut words = body.split(|c: char| !c.is_ascii_digit());
    words.find(|word| word.len() == 6).expect("a code").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_up_is_finished_with_the_code_that_came_by_smtp_though_the_server_was_down_and_all_was_killed()
{
    let folder = tempfile::tempdir().unwrap();
    let manners = Manners {
        security: Security::Starttls,
        password: Some(("stadion".to_owned(), "hush".to_owned())),
        ..Manners::default()
    };
    let server = MailServer::start(manners.clone());
    let address = server.address;
    drop(server);
    let (smtp, ca) = (address.to_string(), ca_file().display().to_string());
    let settings = [
        ("STADION_MAIL__SMTP", smtp.as_str()),
        ("STADION_MAIL__USER", "stadion"),
        ("STADION_MAIL__PASSWORD", "hush"),
        ("STADION_MAIL__CA_FILE", ca.as_str()),
        // Killed in mid-try, a mail is somebody's for as long as a whole try of four may take.
        ("STADION_MAIL__TIMEOUT_S", "2"),
    ];

    let process = Process::set(folder.path(), &settings);
    let door = Door::new(&process.base).unwrap();
    let registration = door.post("/v1/accounts").json(&account()).expect(202).await.unwrap();
    process.kill();

    let server = MailServer::at(address, manners);
    let process = Process::set(folder.path(), &settings);
    let mail = server.mail_to(EMAIL).await;
    assert!(mail.is_secured && !mail.text.contains("X-Stadion"), "{}", mail.text);
    let door = Door::new(&process.base).unwrap();
    let id = registration.text("/registration_id").unwrap();
    let verify = json!({ "registration_id": id, "code": code_in(&mail) });
    door.post("/v1/accounts/verify").json(&verify).expect(201).await.unwrap();
    let login = json!({ "email": EMAIL, "password": PASSWORD, "device_name": "test" });
    door.post("/v1/sessions").json(&login).expect(201).await.unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path().join("mail")).unwrap().count(),
        0,
        "nothing ends in the folder"
    );
}

#[test]
fn half_a_mail_server_is_told_before_anything_is_opened_and_its_password_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("never");
    let said = |settings: &[(&str, &str)]| {
        let output = binary("up", &data).envs(settings.iter().copied()).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let far = ("STADION_MAIL__SMTP", "mail.example.org:25");
    assert!(
        said(&[far, ("STADION_MAIL__TLS", "none")])
            .contains("mail.tls: may be \"none\" only towards this machine")
    );
    assert!(said(&[far, ("STADION_MAIL__USER", "u")]).contains("mail.password: is needed with a user"));
    let told = said(&[("STADION_MAIL__SMTP", "smtp://u:hush@a:25")]);
    assert!(told.contains("mail.smtp: must be host:port") && !told.contains("hush"), "{told}");
    let sender = said(&[far, ("STADION_AUTH__MAIL_FROM", "nobody")]);
    assert!(sender.contains("auth.mail_from: must be an address"), "{sender}");
    assert!(!data.exists());

    let mut shows = binary("doctor --print-config", &data);
    let output =
        shows.envs([far, ("STADION_MAIL__USER", "u"), ("STADION_MAIL__PASSWORD", "hush")]).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("mail.smtp") && !shown.contains("hush"), "{shown}");
}
