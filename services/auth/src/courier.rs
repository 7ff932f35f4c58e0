//! Takes mails from the outbox to the SMTP server, the one that waits for longest first.
//!
//! A server that is away, or takes nothing from us, is tried again, ever more seldom, and no mail is given up for it
//! within a day. A mail that the server refuses for good is forgotten; one that it wants later has its own next turn.
//! Several processes share the outbox. A mail may arrive twice (with one message id), when somebody dies between the
//! server's answer and its row's end. Addresses never stand in the log.

use std::{sync::Arc, time::Duration};

use kernel::{Clock, time::micros};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    error::Result,
    mail::{Outbox, Waiting},
    metrics::Couriers,
    smtp::{Fate, Line, Server},
};

const AGAIN_FIRST: Duration = Duration::from_secs(1);
/// A code is good for a quarter of an hour: nobody should wait for the greater part of it.
const AGAIN_MAX: Duration = Duration::from_secs(60);
/// Mails of other processes, and those left over from an earlier one, are found by looking.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const KEPT_US: i64 = 24 * 3600 * 1_000_000;
/// Mails claimed together.
const CLAIM_MAX: u32 = 4;

pub struct Courier {
    outbox: Outbox,
    server: Server,
    clock: Arc<dyn Clock>,
    metrics: Couriers,
    /// While the server is away: how often it was tried, and until when it is left alone.
    away: Option<(u32, Instant)>,
}

impl Courier {
    pub fn new(outbox: Outbox, server: Server, clock: Arc<dyn Clock>, metrics: Couriers) -> Self {
        Self { outbox, server, clock, metrics, away: None }
    }

    /// Runs until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            let rounded = tokio::select! {
                () = shutdown.cancelled() => return,
                rounded = self.round() => rounded,
            };
            if let Err(error) = rounded {
                warn!(%error, "mails on their way cannot be looked at");
            }
            let next = Instant::now() + LOOK_AGAIN;
            let next = self.away.map_or(next, |(_, until)| until.min(next));
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep_until(next) => {}
                () = self.outbox.news(), if self.away.is_none() => {}
            }
        }
    }

    async fn round(&mut self) -> Result<()> {
        let is_left_alone = self.away.is_some_and(|(_, until)| until > Instant::now());
        let taken = if is_left_alone { Ok(()) } else { self.take_all().await };
        let (waiting, first_us) = self.outbox.depth().await?;
        let oldest_us = first_us.map_or(0, |first_us| self.now_us().saturating_sub(first_us));
        self.metrics.waiting.set(waiting);
        self.metrics.oldest_seconds.set(oldest_us / 1_000_000);
        taken
    }

    async fn take_all(&mut self) -> Result<()> {
        loop {
            // Longer than all of them can take, so that nobody else offers what is being offered here.
            let steps = self.server.timeout().saturating_mul(4 * CLAIM_MAX + 1) + LOOK_AGAIN;
            let until_us = self.now_us().saturating_add(i64::try_from(steps.as_micros()).unwrap_or(KEPT_US));
            let mut claimed = self.outbox.claim(self.now_us(), until_us, CLAIM_MAX).await?;
            if claimed.is_empty() {
                return Ok(());
            }
            for pretended in claimed.extract_if(.., |mail| mail.to.is_none()) {
                self.outbox.forget(pretended.id).await?;
            }
            if !claimed.is_empty() && !self.take(claimed).await? {
                return Ok(());
            }
        }
    }

    /// Whether the server is there still.
    async fn take(&mut self, claimed: Vec<Waiting>) -> Result<bool> {
        // Not borrowed from `self`: what becomes of a mail is noted while the line stands.
        let Self { server, outbox, metrics, clock, away } = self;
        let desk = Desk { outbox, metrics, now_us: micros(clock.now()) };
        let (line, mut trouble) = match server.line().await {
            Ok(line) => (Some(line), None),
            Err(said) => (None, Some(said)),
        };
        let mut line = line;
        for mail in &claimed {
            match &mut line {
                Some(open) => {
                    if let Some(said) = desk.offer(open, mail).await? {
                        (line, trouble) = (None, Some(said));
                    }
                }
                // It had no chance: its turn is as soon as the server is back.
                None => desk.put_off(mail, desk.now_us).await?,
            }
        }
        if let Some(line) = line {
            line.end().await;
        }
        match (trouble, away.take()) {
            (Some(said), before) => {
                let tries = before.map_or(0, |(tries, _)| tries);
                let pause = pause(tries);
                warn!(said, tries, pause_s = pause.as_secs(), "the mail server cannot be used; mails wait");
                *away = Some((tries.saturating_add(1), Instant::now() + pause));
                metrics.server_answers.set(0);
                Ok(false)
            }
            (None, before) => {
                if before.is_some() {
                    info!("the mail server is back");
                }
                metrics.server_answers.set(1);
                Ok(true)
            }
        }
    }

    fn now_us(&self) -> i64 {
        micros(self.clock.now())
    }
}

/// 1, 2, 4 … 60 s.
fn pause(tries: u32) -> Duration {
    AGAIN_FIRST.saturating_mul(1 << tries.min(16)).min(AGAIN_MAX)
}

/// Notes what became of mails.
struct Desk<'a> {
    outbox: &'a Outbox,
    metrics: &'a Couriers,
    now_us: i64,
}

impl Desk<'_> {
    /// Why the line broke, when it did.
    async fn offer(&self, line: &mut Line<'_>, mail: &Waiting) -> Result<Option<String>> {
        let offered = line.give(mail.to.as_deref().unwrap_or_default(), &mail.message).await;
        match offered {
            Ok(Fate::Taken) => {
                self.metrics.count("taken");
                self.outbox.forget(mail.id).await?;
            }
            Ok(Fate::Refused(code)) => {
                warn!(mail = %mail.id, code, "the mail server refuses a mail");
                self.metrics.count("refused");
                self.outbox.forget(mail.id).await?;
            }
            Ok(Fate::Later(code)) => {
                info!(mail = %mail.id, code, "the mail server wants a mail later");
                self.metrics.count("later");
                self.put_off(mail, self.next_turn(mail)).await?;
            }
            Err(said) => {
                // It may be the mail that the server dies of: others have their turn before it.
                self.put_off(mail, self.next_turn(mail)).await?;
                return Ok(Some(said));
            }
        }
        Ok(None)
    }

    fn next_turn(&self, mail: &Waiting) -> i64 {
        let pause = pause(mail.tries.saturating_sub(1));
        self.now_us.saturating_add(i64::try_from(pause.as_micros()).unwrap_or(KEPT_US))
    }

    async fn put_off(&self, mail: &Waiting, next_us: i64) -> Result<()> {
        if self.now_us.saturating_sub(mail.put_us) > KEPT_US {
            warn!(mail = %mail.id, "a mail was not taken in a day and is given up");
            self.metrics.count("given_up");
            return self.outbox.forget(mail.id).await;
        }
        self.outbox.put_off(mail.id, next_us).await
    }
}
