//! A mail server as auth sees it: what goes wrong before a mail's receiver was named is the server's fault or ours, and
//! every mail waits; what goes wrong after it is that mail's.

use std::{future::Future, time::Duration};

use lettre::{
    Address,
    transport::smtp::{
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, Certificate, TlsParameters},
        commands::{Data, Mail, Rcpt, Rset},
        extension::{ClientId, Extension, MailParameter},
    },
};
use platform::config::{self, MailTls};

/// The server that the settings name.
pub struct Server {
    host: String,
    port: u16,
    tls: MailTls,
    secured: TlsParameters,
    credentials: Option<Credentials>,
    timeout: Duration,
    from: Address,
    us: ClientId,
}

/// What became of a mail that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    Taken,
    /// The code that the server gave. Its words may hold the address.
    Later(String),
    Refused(String),
}

impl Server {
    /// # Errors
    /// What is wrong with the settings.
    pub fn new(mail: &config::Mail, from: &str) -> Result<Self, String> {
        let (host, port) = mail.server().ok_or("mail.smtp must be host:port")?;
        let from: Address = from.parse().map_err(|_| "auth.mail_from is no address")?;
        let secured = secured(host, mail)?;
        let password = mail.secret().map_err(|error| format!("mail.password_file: {error}"))?;
        let credentials = (!mail.user.is_empty()).then(|| Credentials::new(mail.user.clone(), password));
        let us = ClientId::Domain(from.domain().to_owned());
        let (host, tls, timeout) = (host.to_owned(), mail.tls, mail.timeout());
        Ok(Self { host, port, tls, secured, credentials, timeout, from, us })
    }

    /// The longest that one step with the server takes.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A line on which mails can be given, secured and introduced.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn line(&self) -> Result<Line<'_>, String> {
        let wrapped = (self.tls == MailTls::Implicit).then(|| self.secured.clone());
        let connected = async {
            let address = (self.host.as_str(), self.port);
            let connection =
                AsyncSmtpConnection::connect_tokio1(address, Some(self.timeout), &self.us, wrapped, None);
            let mut connection = connection.await?;
            if self.tls == MailTls::Starttls {
                connection.starttls(self.secured.clone(), &self.us).await?;
            }
            if let Some(credentials) = &self.credentials {
                connection.auth(DEFAULT_MECHANISMS, credentials).await?;
            }
            Ok(connection)
        };
        let connection = within(self.timeout, connected).await.map_err(|trouble| trouble.said())?;
        Ok(Line { server: self, connection })
    }
}

fn secured(host: &str, mail: &config::Mail) -> Result<TlsParameters, String> {
    let mut secured = TlsParameters::builder(host.to_owned());
    if !mail.ca_file.as_os_str().is_empty() {
        let pem = std::fs::read(&mail.ca_file).map_err(|error| format!("mail.ca_file: {error}"))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| format!("mail.ca_file: {error}"))?;
        secured = secured.add_root_certificate(certificate);
    }
    secured.build_rustls().map_err(|error| format!("TLS cannot be used: {error}"))
}

/// A line to the server that stands.
pub struct Line<'a> {
    server: &'a Server,
    connection: AsyncSmtpConnection,
}

impl Line<'_> {
    /// Offers one mail.
    ///
    /// # Errors
    /// The line broke, or the server takes nothing from this sender. Whether it has the mail is then not known.
    pub async fn give(&mut self, to: &str, message: &[u8]) -> Result<Fate, String> {
        let wide = !to.is_ascii();
        let server_is_wide = self.connection.server_info().supports_feature(Extension::SmtpUtfEight);
        let Some(receiver) = to.parse::<Address>().ok().filter(|_| !wide || server_is_wide) else {
            return Ok(Fate::Refused("no address for this server".to_owned()));
        };
        let parameters = if wide { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        let sender = Mail::new(Some(self.server.from.clone()), parameters);
        let timeout = self.server.timeout;
        let sent = within(timeout, self.connection.command(sender)).await;
        sent.map_err(|trouble| trouble.said())?;
        let offered = async {
            self.connection.command(Rcpt::new(receiver, Vec::new())).await?;
            self.connection.command(Data).await?;
            self.connection.message(message).await
        };
        let Err(trouble) = within(timeout, offered).await else { return Ok(Fate::Taken) };
        let fate = trouble.fate().ok_or_else(|| trouble.said())?;
        within(timeout, self.connection.command(Rset)).await.map_err(|trouble| trouble.said())?;
        Ok(fate)
    }

    /// Ends politely; nothing depends on it.
    pub async fn end(mut self) {
        let _ = within(self.server.timeout, self.connection.quit()).await;
    }
}

enum Trouble {
    Silent,
    Smtp(lettre::transport::smtp::Error),
}

impl Trouble {
    /// Of a mail; `None` where the line itself is in trouble.
    fn fate(&self) -> Option<Fate> {
        let Self::Smtp(error) = self else { return None };
        let code = error.status()?;
        // 421: the server goes away, whatever was asked.
        if code.to_string() == "421" {
            return None;
        }
        Some(if error.is_permanent() {
            Fate::Refused(code.to_string())
        } else {
            Fate::Later(code.to_string())
        })
    }

    /// For the log. After a receiver was named, the server's words are not repeated: they may hold the address.
    fn said(&self) -> String {
        match self {
            Self::Silent => "it is silent".to_owned(),
            Self::Smtp(error) => match error.status() {
                Some(code) => format!("it answered {code}"),
                None => error.to_string(),
            },
        }
    }
}

async fn within<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(timeout, work).await {
        Ok(done) => done.map_err(Trouble::Smtp),
        Err(_) => Err(Trouble::Silent),
    }
}
