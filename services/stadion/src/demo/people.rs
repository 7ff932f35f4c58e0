//! Who takes part: operator, marketers, athlete.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::journey::{Journey, Person, REGION, text};
use crate::{
    socket,
    tools::{Request, mail},
};

const PASSWORD: &str = "long walks by the Ile river";
/// A mail may arrive a moment after the answer.
const MAIL_TRIES: usize = 200;
const MAIL_AGAIN: Duration = Duration::from_millis(25);

impl Journey {
    fn email(&self, who: &str) -> String {
        format!("{who}.{}@demo.stadion.example", self.tag)
    }

    /// The operator's code comes from the tool `stadion operator add`; all else from the public door.
    pub(super) async fn make_operator(&mut self) -> anyhow::Result<String> {
        let email = self.email("operator");
        let code = socket::ask(&self.data, &Request::AddOperator { email: email.clone() }).await?;
        let code = code.context("nobody owns the data folder")?;
        let code = text(&code, "code").to_owned();
        let confirm = json!({ "email": email, "code": code, "password": PASSWORD });
        self.door.post("/v1/password-resets/confirm").json(&confirm).expect(204).await?;
        self.told.operator = self.sign_in(&email).await?;
        self.operator_holds().await?;
        Ok(format!("{email} set a password with a one-time code"))
    }

    pub(super) async fn operator_holds(&self) -> anyhow::Result<()> {
        self.has_role(&self.told.operator, "operator").await
    }

    pub(super) async fn appoint_marketers(&mut self) -> anyhow::Result<String> {
        self.told.writer = self.sign_up("writer", &["terms"]).await?;
        self.told.reviewer = self.sign_up("reviewer", &["terms"]).await?;
        for marketer in [&self.told.writer, &self.told.reviewer] {
            let path = format!("/v1/accounts/{}/roles/marketer", marketer.account_id);
            let grant = json!({ "regions": [REGION] });
            self.door.put(&path).with(&self.told.operator.token).json(&grant).expect(200).await?;
        }
        self.marketers_hold().await?;
        Ok(format!("two accounts signed up by mailed code, both marketers in {REGION}"))
    }

    pub(super) async fn marketers_hold(&self) -> anyhow::Result<()> {
        self.has_role(&self.told.writer, "marketer").await?;
        self.has_role(&self.told.reviewer, "marketer").await
    }

    pub(super) async fn sign_up_athlete(&mut self) -> anyhow::Result<String> {
        let consents = ["terms", "health_data", "promo", "recommendations"];
        self.told.athlete = self.sign_up("aigerim", &consents).await?;
        self.athlete_holds().await?;
        Ok(format!("{} with consents {}", self.told.athlete.email, consents.join(", ")))
    }

    pub(super) async fn athlete_holds(&self) -> anyhow::Result<()> {
        let me = self.door.get("/v1/me").with(&self.told.athlete.token).expect(200).await?;
        ensure!(me.text("/region")? == REGION, "she lives elsewhere: {}", me.json);
        Ok(())
    }

    async fn has_role(&self, person: &Person, role: &str) -> anyhow::Result<()> {
        let me = self.door.get("/v1/me").with(&person.token).expect(200).await?;
        let roles = me.json.get("roles").and_then(Value::as_array);
        let held = roles.is_some_and(|roles| roles.iter().any(|held| text(held, "role") == role));
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
    pub(super) async fn sign_up(&self, who: &str, consents: &[&str]) -> anyhow::Result<Person> {
        let email = self.email(who);
        let consents: Vec<Value> =
            consents.iter().map(|purpose| json!({ "purpose": purpose, "text_version": "1" })).collect();
        let account = json!({
            "email": email, "password": PASSWORD, "display_name": who, "birth_year": 1990, "sex": "f",
            "country": "KZ", "region": REGION, "time_zone": "Asia/Almaty", "locale": "en", "consents": consents,
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
