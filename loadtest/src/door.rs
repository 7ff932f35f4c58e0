//! The public surface, as an app uses it.

use std::path::PathBuf;

use anyhow::{Context, bail};
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::process::{Server, command};

/// Anyone with a session.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) account_id: String,
    pub(crate) token: String,
}

/// One installation's door.
#[derive(Clone)]
pub(crate) struct Door {
    http: reqwest::Client,
    base: String,
    binary: PathBuf,
    data: PathBuf,
}

const PASSWORD: &str = "round the lake at dawn";

impl Door {
    pub(crate) fn of(server: &Server, binary: PathBuf, data: PathBuf) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build().context("no HTTP client")?;
        Ok(Self { http, base: server.address.clone(), binary, data })
    }

    /// A call under `/v1`; its answer as JSON, `null` for none.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        who: Option<&Person>,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let mut request = self.http.request(method, format!("{}/v1{path}", self.base));
        if let Some(person) = who {
            request = request.bearer_auth(&person.token);
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let answer = request.send().await.with_context(|| path.to_owned())?;
        read(path, answer).await
    }

    pub(crate) async fn get(&self, path: &str, who: &Person) -> anyhow::Result<Value> {
        self.call(Method::GET, path, Some(who), None).await
    }

    pub(crate) async fn post(&self, path: &str, who: &Person, body: Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(who), Some(body)).await
    }

    /// A device file, as the body.
    pub(crate) async fn upload(&self, who: &Person, file: Vec<u8>) -> anyhow::Result<Value> {
        let path = "/uploads?filename=run.fit";
        let request = self.http.post(format!("{}/v1{path}", self.base)).bearer_auth(&who.token);
        let request = request.header(header::CONTENT_TYPE, "application/octet-stream");
        read(path, request.body(file).send().await.with_context(|| path.to_owned())?).await
    }

    /// Begins a file of so many bytes that comes in parts, for an import; its id.
    pub(crate) async fn begin_parts(&self, who: &Person, length: u64) -> anyhow::Result<String> {
        let path = "/uploads/resumable";
        let request = self.http.post(format!("{}/v1{path}", self.base)).bearer_auth(&who.token);
        let request = request.header("Tus-Resumable", "1.0.0").header("Upload-Length", length);
        let request = request.header("Upload-Metadata", "filename ZXhwb3J0LnhtbA==,purpose aW1wb3J0");
        let begun = read(path, request.send().await.with_context(|| path.to_owned())?).await?;
        Ok(begun["id"].as_str().context("no id")?.to_owned())
    }

    /// The next part of a file, from this byte on; where the next but one goes.
    pub(crate) async fn send_part(
        &self,
        who: &Person,
        id: &str,
        offset: u64,
        bytes: Vec<u8>,
    ) -> anyhow::Result<u64> {
        let path = format!("/uploads/resumable/{id}");
        let request = self.http.patch(format!("{}/v1{path}", self.base)).bearer_auth(&who.token);
        let request = request.header("Tus-Resumable", "1.0.0").header("Upload-Offset", offset);
        let request = request.header(header::CONTENT_TYPE, "application/offset+octet-stream").body(bytes);
        let answer = request.send().await.with_context(|| path.clone())?;
        let next = answer.headers().get("upload-offset").and_then(|value| value.to_str().ok()?.parse().ok());
        read(&path, answer).await?;
        next.context("no offset")
    }

    /// How much of it is there for good.
    pub(crate) async fn parts_received(&self, who: &Person, id: &str) -> anyhow::Result<u64> {
        let shown = self.get(&format!("/uploads/resumable/{id}"), who).await?;
        shown["received"].as_u64().context("no figure")
    }

    /// Signs up with the mailed code; an athlete of Almaty who lets offers come.
    pub(crate) async fn sign_up(&self, email: &str) -> anyhow::Result<Person> {
        let consents: Vec<Value> = ["terms", "health_data", "promo", "recommendations"]
            .map(|purpose| json!({"purpose": purpose, "text_version": "1"}))
            .into();
        let body = json!({
            "email": email, "password": PASSWORD, "display_name": "Load", "birth_year": 1990, "sex": "f",
            "country": "KZ", "region": "KZ-75", "time_zone": "Asia/Almaty", "locale": "en", "consents": consents,
        });
        let waiting = self.call(Method::POST, "/accounts", None, Some(body)).await?;
        let code = self.mailed_code(email).await?;
        let body = json!({"registration_id": waiting["registration_id"], "code": code});
        let verified = self.call(Method::POST, "/accounts/verify", None, Some(body)).await?;
        person(&verified["session"])
    }

    /// An operator, made by the tool.
    pub(crate) async fn operator(&self, email: &str) -> anyhow::Result<Person> {
        let code = self.tool(&["operator", "add", email]).await?;
        let body = json!({"email": email, "code": code.trim(), "password": PASSWORD});
        self.call(Method::POST, "/password-resets/confirm", None, Some(body)).await?;
        let body = json!({"email": email, "password": PASSWORD});
        person(&self.call(Method::POST, "/sessions", None, Some(body)).await?)
    }

    async fn mailed_code(&self, email: &str) -> anyhow::Result<String> {
        let mail = self.tool(&["mail", email]).await?;
        let line = mail.lines().find_map(|line| line.strip_prefix("X-Stadion-Code:"));
        Ok(line.with_context(|| format!("no code in the mail to {email}"))?.trim().to_owned())
    }

    async fn tool(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let said = command(&self.binary, &self.data, arguments).output().await?;
        if !said.status.success() {
            bail!("stadion {}: {}", arguments.join(" "), String::from_utf8_lossy(&said.stderr));
        }
        String::from_utf8(said.stdout).context("the tool does not speak UTF-8")
    }
}

async fn read(path: &str, answer: reqwest::Response) -> anyhow::Result<Value> {
    let status = answer.status();
    let body = answer.text().await.with_context(|| path.to_owned())?;
    if !status.is_success() {
        bail!("{path}: {status}: {body}");
    }
    if body.is_empty() {
        Ok(Value::Null)
    } else {
        serde_json::from_str(&body).with_context(|| path.to_owned())
    }
}

fn person(session: &Value) -> anyhow::Result<Person> {
    let text = |field: &str| {
        session[field].as_str().map(str::to_owned).with_context(|| format!("a session without {field}"))
    };
    Ok(Person { account_id: text("account_id")?, token: text("access_token")? })
}
