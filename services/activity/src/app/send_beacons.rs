//! A batch of what is told of a live session: each beacon is answered for itself, and a bad one blocks no other.

use kernel::{Code, Refusal, time};
use proto::activity::{Beacon, BeaconAck, LivePoint, beacon};

use super::{App, Sender, read_upload::CONSENT_MISSING, start_live::live_stream, sync};
use crate::{
    domain::{
        LiveId,
        input::Check,
        live::{Live, Point, Taken},
    },
    store::{
        live::{self as rows, Batch, Row},
        taken,
    },
};

/// The answer to a batch.
pub struct Sent {
    pub acks: Vec<BeaconAck>,
    pub points: u32,
    pub ends_us: i64,
    pub notices: Vec<String>,
}

impl App {
    /// # Errors
    /// `conflict` when the session has ended; `payload_too_large`; `not_found`.
    pub async fn send_beacons(
        &self,
        sender: &Sender,
        id: LiveId,
        beacons: Vec<Beacon>,
    ) -> Result<Sent, Refusal> {
        let most = self.config.live_beacons_max;
        if beacons.len() > most {
            return Err(Refusal::new(Code::PayloadTooLarge, format!("at most {most} beacons at once")));
        }
        // Before auth is asked what may be kept.
        let asked = taken::now(&self.db, sender.account).await.map_err(eventing::Error::from)?;
        let Some(row) = rows::get(&self.db, id).await.map_err(eventing::Error::from)? else {
            return Err(self.gone(sender, id).await);
        };
        if row.account_id != sender.account {
            return Err(Refusal::not_found());
        }
        let (mut acks, mut points, mut places) = (Vec::with_capacity(beacons.len()), Vec::new(), Vec::new());
        for (index, beacon) in beacons.into_iter().enumerate() {
            let (ack, point) = self.read(index, beacon, &row);
            acks.push(ack);
            if let Some(point) = point {
                points.push(point);
                places.push(index);
            }
        }
        let mut notices = Vec::new();
        if points.iter().any(|point| point.heart_rate_bpm.is_some())
            && !self.standing(sender.account).await?.health_consent
        {
            points.iter_mut().for_each(|point| point.heart_rate_bpm = None);
            notices.push(CONSENT_MISSING.to_owned());
        }
        let batch = Batch {
            live: id,
            account: sender.account,
            points,
            most: self.config.live_points_max,
            now_us: time::micros(self.journal.now()),
            asked,
        };
        let put = rows::put(&self.db, batch).await.map_err(eventing::Error::from)?;
        let put = put.ok_or_else(Refusal::not_found)?;
        let taken = put.taken.ok_or_else(ended)?;
        if taken.iter().any(|taken| taken.is_new()) {
            self.heard.tell(id);
        }
        for (index, taken) in places.into_iter().zip(taken) {
            self.answer(&mut acks[index], taken);
        }
        Ok(Sent { acks, points: put.row.points, ends_us: self.ends_us(&put.row), notices })
    }

    /// A session that ended some time ago has no row any more.
    async fn gone(&self, sender: &Sender, id: LiveId) -> Refusal {
        match self.journal.load::<Live>(&live_stream(id)).await {
            Ok(loaded) => loaded.state.owned_by(sender.account).map_or_else(|refusal| refusal, |_| ended()),
            Err(error) => error.into(),
        }
    }

    fn read(&self, index: usize, beacon: Beacon, row: &Row) -> (BeaconAck, Option<Point>) {
        let mut check = Check::at(format!("/beacons/{index}"));
        let sent = match beacon.told {
            Some(beacon::Told::Point(sent)) => sent,
            Some(beacon::Told::Unreadable(problem)) => {
                return (refused(None, problem), None);
            }
            None => {
                let missing = Refusal::field(&format!("/beacons/{index}/at"), "required", "tell a moment");
                return (refused(None, sync::problem(missing)), None);
            }
        };
        let point = point_of(&sent, &mut check);
        point.check(&mut check, row.started_us, self.journal.now());
        match check.done() {
            Ok(()) => (BeaconAck { at_us: Some(sent.at_us), ..BeaconAck::default() }, Some(point)),
            Err(refusal) => (refused(Some(sent.at_us), sync::problem(refusal)), None),
        }
    }

    fn answer(&self, ack: &mut BeaconAck, taken: Taken) {
        let status = match taken {
            Taken::Stored => "stored",
            Taken::Late => "late",
            Taken::Duplicate => "duplicate",
            Taken::Full => {
                let detail = format!("a session holds at most {} points", self.config.live_points_max);
                let full = Refusal::new(Code::PayloadTooLarge, detail);
                *ack = refused(ack.at_us, sync::problem(full));
                return;
            }
        };
        status.clone_into(&mut ack.status);
    }
}

fn ended() -> Refusal {
    Refusal::new(Code::Conflict, "the session has ended: what it has not heard may be uploaded or synced")
}

fn refused(at_us: Option<i64>, problem: proto::envelope::Problem) -> BeaconAck {
    BeaconAck { at_us, status: "refused".to_owned(), problem: Some(problem) }
}

fn point_of(sent: &LivePoint, check: &mut Check) -> Point {
    if sent.latitude.is_some() != sent.longitude.is_some() {
        check.fault("latitude", "incomplete", "latitude and longitude go together");
    }
    Point {
        at_us: sent.at_us,
        latlng: sent.latitude.zip(sent.longitude),
        altitude_m: sent.altitude_m,
        // A heart that does not beat is a sensor that does not hear.
        heart_rate_bpm: sent.heart_rate_bpm.filter(|beats| *beats != 0.0),
        power_w: sent.power_w,
        cadence_rpm: sent.cadence_rpm,
        speed_mps: sent.speed_mps,
        temperature_c: sent.temperature_c,
        distance_m: sent.distance_m,
    }
}
