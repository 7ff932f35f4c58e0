//! The public door as a client sees it: HTTP and nothing else.

use std::time::Duration;

use anyhow::{Context, bail};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{Stream, StreamExt};
use reqwest::{Method, header};
use serde_json::Value;
use uuid::Uuid;

const ANSWER_WITHIN: Duration = Duration::from_secs(40);
const STREAM_WITHIN: Duration = Duration::from_secs(3600);

/// A client of one address.
#[derive(Clone)]
pub struct Door {
    client: reqwest::Client,
    base: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    what: String,
    pub status: u16,
    pub headers: header::HeaderMap,
    pub json: Value,
}

/// A request in the making.
pub struct Ask {
    door: Door,
    what: String,
    request: reqwest::RequestBuilder,
}

/// A shop's key, for signed requests.
#[derive(Clone, Debug)]
pub struct ShopKey {
    pub key_id: String,
    /// `whsec_` and base64.
    pub secret: String,
}

impl Door {
    /// # Errors
    /// A client that cannot be made.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).build().context("no HTTP client")?;
        Ok(Self { client, base: base.to_owned() })
    }

    pub fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Ask {
        self.ask(Method::POST, path)
    }

    pub fn put(&self, path: &str) -> Ask {
        self.ask(Method::PUT, path)
    }

    pub fn delete(&self, path: &str) -> Ask {
        self.ask(Method::DELETE, path)
    }

    pub fn ask(&self, method: Method, path: &str) -> Ask {
        let request = self.client.request(method.clone(), format!("{}{path}", self.base));
        Ask { door: self.clone(), what: format!("{method} {path}"), request }
    }
}

impl Ask {
    #[must_use]
    pub fn with(mut self, token: &str) -> Self {
        self.request = self.request.bearer_auth(token);
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.request = self.request.json(body);
        self
    }

    #[must_use]
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        self.body("application/x-www-form-urlencoded", pairs.join("&").into_bytes())
    }

    #[must_use]
    pub fn body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.request = self.request.header(header::CONTENT_TYPE, content_type).body(body);
        self
    }

    /// For an answer that may take longer, or less long, than others.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.request = self.request.timeout(patience);
        self
    }

    /// Signed as Standard Webhooks v1 has it.
    ///
    /// # Errors
    /// A secret that is none.
    pub fn signed(self, key: &ShopKey, content_type: &str, body: Vec<u8>) -> anyhow::Result<Self> {
        let secret = key.secret.strip_prefix("whsec_").context("the shop's secret is no whsec_…")?;
        let secret = STANDARD.decode(secret).context("the shop's secret is not base64")?;
        let id = format!("msg_{}", Uuid::new_v4().simple());
        let at = kernel::Clock::now(&kernel::SystemClock).as_second().to_string();
        let mut message = format!("{id}.{at}.").into_bytes();
        message.extend_from_slice(&body);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), &message);
        let signature = format!("v1,{}", STANDARD.encode(tag.as_ref()));
        Ok(self
            .header("Stadion-Key", &key.key_id)
            .header("webhook-id", &id)
            .header("webhook-timestamp", &at)
            .header("webhook-signature", &signature)
            .body(content_type, body))
    }

    /// Sends it; any status is an answer.
    ///
    /// # Errors
    /// No answer at all.
    pub async fn send(self) -> anyhow::Result<Answer> {
        let response =
            self.request.send().await.with_context(|| format!("{}{}", self.door.base, self.what))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.bytes().await.with_context(|| self.what.clone())?;
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(Answer { what: self.what, status, headers, json })
    }

    /// Sends it and gives the body piece by piece, for as long as it lasts.
    ///
    /// # Errors
    /// Another status than 200, told with what was answered.
    pub async fn stream(
        self,
    ) -> anyhow::Result<impl Stream<Item = anyhow::Result<Vec<u8>>> + Send + 'static> {
        // The client's timeout is for whole answers, and this one has no end.
        let request = self.request.timeout(STREAM_WITHIN);
        let response = request.send().await.with_context(|| format!("{}{}", self.door.base, self.what))?;
        if response.status() != reqwest::StatusCode::OK {
            let status = response.status();
            bail!("{} answered {status}: {}", self.what, response.text().await.unwrap_or_default());
        }
        Ok(response.bytes_stream().map(|piece| Ok(piece?.to_vec())))
    }

    /// Sends it and takes only this status.
    ///
    /// # Errors
    /// Another status, told with the problem.
    pub async fn expect(self, status: u16) -> anyhow::Result<Answer> {
        let answer = self.send().await?;
        if answer.status == status {
            return Ok(answer);
        }
        bail!("{} answered {} instead of {status}: {}", answer.what, answer.status, answer.json)
    }
}

impl Answer {
    /// The text at a JSON pointer.
    ///
    /// # Errors
    /// Nothing there.
    pub fn text(&self, pointer: &str) -> anyhow::Result<String> {
        let found = self.json.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned).with_context(|| format!("{}: no {pointer} in {}", self.what, self.json))
    }

    /// The number at a JSON pointer.
    ///
    /// # Errors
    /// Nothing there.
    pub fn number(&self, pointer: &str) -> anyhow::Result<f64> {
        let found = self.json.pointer(pointer).and_then(Value::as_f64);
        found.with_context(|| format!("{}: no number {pointer} in {}", self.what, self.json))
    }

    /// The `items` of a list.
    pub fn items(&self) -> &[Value] {
        self.json.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// Text as a value of a query or form.
pub fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// Asks until the answer is as wanted, as an app would; at most 60 s.
///
/// # Errors
/// It never was; the last answer is told.
pub async fn until<F>(ask: impl Fn() -> Ask, wanted: F) -> anyhow::Result<Answer>
where
    F: Fn(&Answer) -> bool,
{
    const AGAIN: Duration = Duration::from_millis(25);
    const TRIES: usize = 2_400;
    let mut last = ask().send().await?;
    for _ in 0..TRIES {
        if last.status < 300 && wanted(&last) {
            return Ok(last);
        }
        tokio::time::sleep(AGAIN).await;
        last = ask().send().await?;
    }
    bail!("{} was not as wanted in 60 s; last answer {}: {}", last.what, last.status, last.json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_value_is_escaped() {
        assert_eq!(escaped("urn:a b"), "urn%3Aa%20b");
    }
}
