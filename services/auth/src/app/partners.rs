//! Partners: operators make and list them.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, Code, Id, Refusal};
use proto::auth as p;
use uuid::Uuid;

use super::{
    App,
    sessions::{bad_cursor, page_size},
    verify_partner_key::about,
};
use crate::{
    domain::partner::{self, NewPartner, PartnerEvent, PartnerId, PartnerState},
    error::Result,
    secrets::random,
    store::partners::{self, PartnerRow},
    tokens, wire,
};

impl App {
    /// The secret is answered this once; a repeated command is told the id only.
    pub async fn create_partner(
        &self,
        command: &Command,
        operator: AccountId,
        request: &p::CreatePartnerRequest,
    ) -> Result<(Done, p::CreatePartnerResponse)> {
        self.require_operator(operator).await?;
        let new = NewPartner::parse(&request.name, &request.regions)
            .map_err(|faults| Refusal::fields(faults).err().unwrap_or_else(Refusal::not_found))?;
        let id: PartnerId = command.new_id("partner");
        let key_id = format!("pk_{}", hex::encode(random::<12>()?));
        let (secret, bytes) = tokens::partner_secret()?;
        let wrapped = self.secrets.wrap(&about(&key_id), &bytes)?;
        let done = self
            .journal
            .execute(command, &partners::stream(id), &id.to_string(), |state: &PartnerState, now| {
                let events = partner::create(state, id, &new, &key_id, &command.actor, now)?;
                let rows: Vec<_> = events
                    .iter()
                    .map(|PartnerEvent::Created(partner)| partners::put(partner, &wrapped))
                    .collect();
                let decision = Decision::of(events).answer(201, vec![id.to_string()]);
                Ok(rows.into_iter().fold(decision, Decision::inline))
            })
            .await?;
        if done.replayed {
            let id = done.result.ids.first().cloned().unwrap_or_default();
            let detail = format!("this made the partner {id}; its secret was shown then, and only then");
            return Err(Refusal::new(Code::Conflict, detail).into());
        }
        let row = partners::some(&self.db, &[id]).await?.pop().ok_or_else(Refusal::not_found)?;
        Ok((done, p::CreatePartnerResponse { partner: Some(out(row)), secret }))
    }

    /// All, for operators.
    pub async fn list_partners(
        &self,
        operator: AccountId,
        request: &p::ListPartnersRequest,
    ) -> Result<p::ListPartnersResponse> {
        self.require_operator(operator).await?;
        let after = match request.cursor.as_str() {
            "" => Uuid::nil(),
            text => Uuid::try_parse(text).map_err(|_| bad_cursor())?,
        };
        let limit = page_size(request.limit);
        let found = partners::list(&self.db, Id::new(after), i64::from(limit) + 1).await?;
        let more = found.len() > limit as usize;
        let items: Vec<PartnerRow> = found.into_iter().take(limit as usize).collect();
        let next_cursor = items.last().filter(|_| more).map(|last| last.id.to_string()).unwrap_or_default();
        Ok(p::ListPartnersResponse { items: items.into_iter().map(out).collect(), next_cursor })
    }

    /// Some, for siblings.
    pub async fn some_partners(&self, ids: &[PartnerId]) -> Result<p::ListPartnersResponse> {
        let found = partners::some(&self.db, ids).await?;
        Ok(p::ListPartnersResponse {
            items: found.into_iter().map(out).collect(),
            next_cursor: String::new(),
        })
    }
}

fn out(row: PartnerRow) -> p::Partner {
    p::Partner {
        partner_id: wire::bytes(row.id),
        name: row.name,
        regions: row.regions,
        key_id: row.key_id,
        created_us: row.created_us,
    }
}
