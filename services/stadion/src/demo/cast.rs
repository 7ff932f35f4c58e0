//! Who plays: people signed up by mailed code at the public door, an operator made by the tool.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail, ensure};
use jiff::{Timestamp, ToSpan, Zoned};
use kernel::{Clock, SystemClock};
use serde_json::{Value, json};

use super::door::Door;
use crate::{
    socket,
    tools::{Request, mail},
};

const PASSWORD: &str = "long walks by the Ile river";
/// A mail may arrive a moment after the answer.
const MAIL_TRIES: usize = 2_400;
const MAIL_AGAIN: Duration = Duration::from_millis(25);

/// Somebody signed in.
#[derive(Clone, Debug, Default)]
pub struct Person {
    pub email: String,
    pub account_id: String,
    pub token: String,
}

/// Where somebody lives, as they say at sign-up.
#[derive(Clone, Copy, Debug)]
pub struct Home {
    pub country: &'static str,
    pub region: &'static str,
    pub time_zone: &'static str,
}

pub const ALMATY: Home = Home { country: "KZ", region: "KZ-75", time_zone: "Asia/Almaty" };
pub const BISHKEK: Home = Home { country: "KG", region: "KG-GB", time_zone: "Asia/Bishkek" };

/// The people of one story on one installation.
pub struct Cast {
    pub door: Door,
    /// The folder of the installation, for its mail and its tools.
    data: PathBuf,
    /// Tells this story's people and things apart from another's on the same folder.
    pub tag: String,
    /// When the story began: what is sent again after midnight is what was sent before it.
    pub began: Timestamp,
    /// The step that is taken next may have happened already, without having been answered.
    pub repeated: bool,
}

impl Cast {
    /// # Errors
    /// No HTTP client.
    pub fn new(base: &str, data: PathBuf) -> anyhow::Result<Self> {
        let tag = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        Ok(Self { door: Door::new(base)?, data, tag, began: SystemClock.now(), repeated: false })
    }

    /// The installation serves at another address now.
    ///
    /// # Errors
    /// No HTTP client.
    pub fn moved_to(&mut self, base: &str) -> anyhow::Result<()> {
        self.door = Door::new(base)?;
        Ok(())
    }

    /// The instant as the wall clock of Almaty shows it, `days` from the beginning.
    ///
    /// # Errors
    /// No such time zone, or day.
    pub fn days_from_now(&self, days: i64) -> anyhow::Result<Zoned> {
        let began = self.began.in_tz(ALMATY.time_zone).context("no such time zone")?;
        Ok(began.checked_add(days.days())?)
    }

    pub fn email(&self, who: &str) -> String {
        format!("{who}.{}@demo.stadion.example", self.tag)
    }

    /// The operator's code comes from the tool `stadion operator add`; all else from the public door.
    ///
    /// # Errors
    /// The tool, or the door, did not do as it says.
    pub async fn make_operator(&self) -> anyhow::Result<Person> {
        let email = self.email("operator");
        let code = socket::ask(&self.data, &Request::AddOperator { email: email.clone() }).await?;
        let code = code.context("nobody owns the data folder")?;
        let code = code.get("code").and_then(Value::as_str).unwrap_or_default();
        let confirm = json!({ "email": email, "code": code, "password": PASSWORD });
        self.door.post("/v1/password-resets/confirm").json(&confirm).expect(204).await?;
        self.sign_in(&email).await
    }

    /// A marketer of one region, signed up and appointed.
    ///
    /// # Errors
    /// The door did not do as it says.
    pub async fn appoint_marketer(
        &self,
        who: &str,
        operator: &Person,
        region: &str,
    ) -> anyhow::Result<Person> {
        let marketer = self.sign_up(who, ALMATY, &["terms"]).await?;
        let path = format!("/v1/accounts/{}/roles/marketer", marketer.account_id);
        let grant = json!({ "regions": [region] });
        self.door.put(&path).with(&operator.token).json(&grant).expect(200).await?;
        Ok(marketer)
    }

    /// # Errors
    /// The role is not held.
    pub async fn has_role(&self, person: &Person, role: &str) -> anyhow::Result<()> {
        let me = self.door.get("/v1/me").with(&person.token).expect(200).await?;
        let roles = me.json.get("roles").and_then(Value::as_array);
        let held = roles.is_some_and(|roles| {
            roles.iter().any(|held| held.get("role").and_then(Value::as_str) == Some(role))
        });
        ensure!(held, "{} is no {role}: {}", person.email, me.json);
        Ok(())
    }

    async fn sign_in(&self, email: &str) -> anyhow::Result<Person> {
        let login = json!({ "email": email, "password": PASSWORD, "device_name": "demo" });
        let session = self.door.post("/v1/sessions").json(&login).expect(201).await?;
        Ok(Person {
            email: email.to_owned(),
            account_id: session.text("/account_id")?,
            token: session.text("/access_token")?,
        })
    }

    /// Sign-up with the code that was mailed.
    ///
    /// # Errors
    /// The door did not do as it says, or no mail came.
    pub async fn sign_up(&self, who: &str, home: Home, consents: &[&str]) -> anyhow::Result<Person> {
        let email = self.email(who);
        let consents: Vec<Value> =
            consents.iter().map(|purpose| json!({ "purpose": purpose, "text_version": "1" })).collect();
        let account = json!({
            "email": email, "password": PASSWORD, "display_name": format!("{who} {}", self.tag),
            "birth_year": 1990, "sex": "f", "country": home.country, "region": home.region,
            "time_zone": home.time_zone, "locale": "en", "consents": consents,
        });
        let registration = self.door.post("/v1/accounts").json(&account).expect(202).await?;
        let code = self.mailed_code(&email).await?;
        let verify = json!({ "registration_id": registration.text("/registration_id")?, "code": code });
        let verified = self.door.post("/v1/accounts/verify").json(&verify).expect(201).await?;
        Ok(Person {
            email,
            account_id: verified.text("/session/account_id")?,
            token: verified.text("/session/access_token")?,
        })
    }

    async fn mailed_code(&self, email: &str) -> anyhow::Result<String> {
        for _ in 0..MAIL_TRIES {
            let mail = mail::newest(&self.data.join("mail"), Some(email))?;
            if let Some(code) = mail.and_then(|mail| mail.header("X-Stadion-Code")) {
                return Ok(code);
            }
            tokio::time::sleep(MAIL_AGAIN).await;
        }
        bail!("no mail came to {email}")
    }
}
