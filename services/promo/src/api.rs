//! gRPC: decode → app → encode.

use eventing::Done;
use kernel::{AccountId, Id, Refusal};
use platform::{Caller, status};
use proto::promo::{self as p, promo_server::Promo};
use tonic::{Request, Response, Status};

use crate::{
    app::{
        App, browse_campaigns, campaigns, campaigns::Action, clicks, feeds, offers, orders, products,
        purchase, recommendations,
    },
    domain::{
        draft::Draft,
        ids::{CampaignId, PartnerId},
    },
    wire::draft_from,
    wording::Language,
};

mod encode;
mod parse;

pub struct Api {
    app: App,
}

impl Api {
    pub fn new(app: App) -> Self {
        Self { app }
    }

    /// The answer to a write; one that moved nothing has nothing to wait for.
    async fn answer<T>(&self, done: Option<&Done>, message: T) -> Response<T> {
        match done {
            Some(done) => platform::answer(&self.app.journal, done, message).await,
            None => Response::new(message),
        }
    }

    /// A campaign as it is after a write.
    async fn campaign(
        &self,
        caller: AccountId,
        id: CampaignId,
        done: &Done,
    ) -> Result<Response<p::Campaign>, Status> {
        platform::settled(done).await;
        let campaign = self.shown(caller, id).await.map_err(status)?;
        Ok(platform::answer(&self.app.journal, done, campaign).await)
    }

    async fn shown(&self, caller: AccountId, id: CampaignId) -> Result<p::Campaign, Refusal> {
        let known = browse_campaigns::get(&self.app, caller, id).await?;
        let times = self.app.store.campaign_times(id).await.map_err(eventing::Error::from)?;
        let book = browse_campaigns::book(&self.app, id).await?;
        Ok(encode::campaign(&known, &book, times, self.app.now()))
    }

    async fn act(
        &self,
        caller: Caller,
        promo_id: &[u8],
        action: Action,
    ) -> Result<Response<p::Campaign>, Status> {
        let account = caller.account()?;
        let id = parse::found(promo_id)?;
        let done = campaigns::act(&self.app, &caller.command(), account, id, action).await.map_err(status)?;
        self.campaign(account, id, &done).await
    }
}

fn partner(caller: &Caller) -> Result<PartnerId, Status> {
    Ok(Id::new(caller.partner()?.uuid()))
}

fn written(draft: Option<p::Draft>) -> Result<Draft, Status> {
    draft_from(draft.unwrap_or_default()).map_err(status)
}

#[tonic::async_trait]
impl Promo for Api {
    async fn list_offers(
        &self,
        request: Request<p::ListOffersRequest>,
    ) -> Result<Response<p::ListOffersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let account = caller.account()?;
        let p::ListOffersRequest { cursor, limit } = request.into_inner();
        let (shown, next_cursor) = offers::list(&self.app, account, &cursor, limit).await.map_err(status)?;
        let items = shown.into_iter().map(|offer| encode::offer(offer, &caller.locale)).collect();
        Ok(Response::new(p::ListOffersResponse { items, next_cursor }))
    }

    async fn list_recommendations(
        &self,
        request: Request<p::ListRecommendationsRequest>,
    ) -> Result<Response<p::ListRecommendationsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let account = caller.account()?;
        let limit = request.into_inner().limit;
        let found = recommendations::list(&self.app, account, limit).await.map_err(status)?;
        let language = Language::of(&caller.locale);
        let items = found.into_iter().map(|it| encode::recommendation(it, language)).collect();
        Ok(Response::new(p::ListRecommendationsResponse { items }))
    }

    async fn list_products(
        &self,
        request: Request<p::ListProductsRequest>,
    ) -> Result<Response<p::ListProductsResponse>, Status> {
        Caller::of(&request)?.account()?;
        let p::ListProductsRequest { partner_id, query, cursor, limit } = request.into_inner();
        let partner = match partner_id {
            None => None,
            Some(bytes) => Some(parse::field(&bytes, "/partner").map_err(status)?),
        };
        let (rows, next_cursor) =
            products::list(&self.app, partner, &query, &cursor, limit).await.map_err(status)?;
        let items = rows.into_iter().map(|row| row.product).collect();
        Ok(Response::new(p::ListProductsResponse { items, next_cursor }))
    }

    async fn get_product(
        &self,
        request: Request<p::GetProductRequest>,
    ) -> Result<Response<p::Product>, Status> {
        Caller::of(&request)?.account()?;
        let id = parse::found(&request.into_inner().product_id)?;
        let row = products::get(&self.app, id).await.map_err(status)?;
        Ok(Response::new(row.product))
    }

    async fn reserve(&self, request: Request<p::ReserveRequest>) -> Result<Response<p::Reservation>, Status> {
        let caller = Caller::of(&request)?;
        let account = caller.account()?;
        let request = request.into_inner();
        let offer = parse::found(&request.offer_id)?;
        let order_ref = purchase::order_ref(&request.order_ref, "/order_ref").map_err(status)?;
        let amount = purchase::basket(request.amount.as_ref(), "/amount").map_err(status)?;
        let decided =
            purchase::reserve(&self.app, &caller.command(), account, offer, order_ref, amount).await;
        let decided = decided.map_err(status)?;
        let reservation = encode::reservation(&decided.redemption).map_err(status)?;
        Ok(self.answer(decided.done.as_ref(), reservation).await)
    }

    async fn cancel_reservation(
        &self,
        request: Request<p::CancelReservationRequest>,
    ) -> Result<Response<p::CancelReservationResponse>, Status> {
        let caller = Caller::of(&request)?;
        let account = caller.account()?;
        let id = parse::found(&request.into_inner().reservation_id)?;
        let decided = purchase::cancel(&self.app, &caller.command(), account, id).await.map_err(status)?;
        Ok(self.answer(decided.done.as_ref(), p::CancelReservationResponse {}).await)
    }

    async fn click(&self, request: Request<p::ClickRequest>) -> Result<Response<p::ClickResponse>, Status> {
        let caller = Caller::of(&request)?;
        let account = caller.account()?;
        let request = request.into_inner();
        let product = parse::found(&request.product_id)?;
        let offer = request.offer_id.as_deref().map(parse::found).transpose()?;
        let clicked =
            clicks::click(&self.app, &caller.command(), account, product, offer).await.map_err(status)?;
        let message = p::ClickResponse {
            click_token: clicked.token,
            url: clicked.url,
            expires_at_us: clicked.expires_us,
        };
        Ok(self.answer(Some(&clicked.done), message).await)
    }

    async fn record_order(
        &self,
        request: Request<p::RecordOrderRequest>,
    ) -> Result<Response<p::Order>, Status> {
        let caller = Caller::of(&request)?;
        let partner = partner(&caller)?;
        let posted = parse::order(request.into_inner()).map_err(status)?;
        let order_ref = posted.order_ref.clone();
        let answered = orders::post(&self.app, &caller.command(), partner, posted).await.map_err(status)?;
        let order = encode::order(order_ref, &answered);
        Ok(self.answer(answered.done.as_ref(), order).await)
    }

    async fn put_feed(
        &self,
        request: Request<p::PutFeedRequest>,
    ) -> Result<Response<p::PutFeedResponse>, Status> {
        let caller = Caller::of(&request)?;
        let partner = partner(&caller)?;
        let p::PutFeedRequest { feed, content_type, body } = request.into_inner();
        let imported = feeds::put(&self.app, &caller.command(), partner, &feed, &content_type, body).await;
        let imported = imported.map_err(status)?;
        let message = encode::imported(&imported);
        Ok(self.answer(imported.done.as_ref(), message).await)
    }

    async fn list_promos(
        &self,
        request: Request<p::ListPromosRequest>,
    ) -> Result<Response<p::ListPromosResponse>, Status> {
        let account = Caller::of(&request)?.account()?;
        let p::ListPromosRequest { state, region, cursor, limit } = request.into_inner();
        let listed = browse_campaigns::list(&self.app, account, &state, &region, &cursor, limit)
            .await
            .map_err(status)?;
        let mut items = Vec::with_capacity(listed.campaigns.len());
        for (known, times) in &listed.campaigns {
            let book = browse_campaigns::book(&self.app, known.id).await.map_err(status)?;
            items.push(encode::campaign(known, &book, *times, self.app.now()));
        }
        Ok(Response::new(p::ListPromosResponse { items, next_cursor: listed.next_cursor }))
    }

    async fn get_promo(&self, request: Request<p::GetPromoRequest>) -> Result<Response<p::Campaign>, Status> {
        let account = Caller::of(&request)?.account()?;
        let id = parse::found(&request.into_inner().promo_id)?;
        Ok(Response::new(self.shown(account, id).await.map_err(status)?))
    }

    async fn create_promo(
        &self,
        request: Request<p::CreatePromoRequest>,
    ) -> Result<Response<p::Campaign>, Status> {
        let caller = Caller::of(&request)?;
        let account = caller.account()?;
        let draft = written(request.into_inner().draft)?;
        let (id, done) =
            campaigns::create(&self.app, &caller.command(), account, draft).await.map_err(status)?;
        self.campaign(account, id, &done).await
    }

    async fn edit_promo(
        &self,
        request: Request<p::EditPromoRequest>,
    ) -> Result<Response<p::Campaign>, Status> {
        let caller = Caller::of(&request)?;
        let p::EditPromoRequest { promo_id, draft } = request.into_inner();
        self.act(caller, &promo_id, Action::Edit(Box::new(written(draft)?))).await
    }

    async fn submit_promo(
        &self,
        request: Request<p::PromoActionRequest>,
    ) -> Result<Response<p::Campaign>, Status> {
        let caller = Caller::of(&request)?;
        self.act(caller, &request.into_inner().promo_id, Action::Submit).await
    }

    async fn approve_promo(
        &self,
        request: Request<p::ApprovePromoRequest>,
    ) -> Result<Response<p::Campaign>, Status> {
        let caller = Caller::of(&request)?;
        let p::ApprovePromoRequest { promo_id, revision } = request.into_inner();
        self.act(caller, &promo_id, Action::Approve { revision }).await
    }

    async fn reject_promo(
        &self,
        request: Request<p::RejectPromoRequest>,
    ) -> Result<Response<p::Campaign>, Status> {
        let caller = Caller::of(&request)?;
        let p::RejectPromoRequest { promo_id, reason, changes_requested } = request.into_inner();
        self.act(caller, &promo_id, Action::Reject { reason, changes_requested }).await
    }

    async fn schedule_promo(
        &self,
        request: Request<p::PromoActionRequest>,
    ) -> Result<Response<p::Campaign>, Status> {
        let caller = Caller::of(&request)?;
        self.act(caller, &request.into_inner().promo_id, Action::Schedule).await
    }

    async fn pause_promo(
        &self,
        request: Request<p::PromoActionRequest>,
    ) -> Result<Response<p::Campaign>, Status> {
        let caller = Caller::of(&request)?;
        self.act(caller, &request.into_inner().promo_id, Action::Pause).await
    }

    async fn resume_promo(
        &self,
        request: Request<p::PromoActionRequest>,
    ) -> Result<Response<p::Campaign>, Status> {
        let caller = Caller::of(&request)?;
        self.act(caller, &request.into_inner().promo_id, Action::Resume).await
    }

    async fn stop_promo(
        &self,
        request: Request<p::StopPromoRequest>,
    ) -> Result<Response<p::Campaign>, Status> {
        let caller = Caller::of(&request)?;
        let p::StopPromoRequest { promo_id, reason } = request.into_inner();
        self.act(caller, &promo_id, Action::Stop { reason }).await
    }

    async fn get_live(&self, request: Request<p::GetPromoRequest>) -> Result<Response<p::Live>, Status> {
        let account = Caller::of(&request)?.account()?;
        let id = parse::found(&request.into_inner().promo_id)?;
        let known = browse_campaigns::get(&self.app, account, id).await.map_err(status)?;
        let counts = browse_campaigns::counts(&self.app, id).await.map_err(status)?;
        let book = browse_campaigns::book(&self.app, id).await.map_err(status)?;
        Ok(Response::new(encode::live(&known, &counts, &book, self.app.now())))
    }

    async fn why_not(
        &self,
        request: Request<p::WhyNotRequest>,
    ) -> Result<Response<p::WhyNotResponse>, Status> {
        let caller = Caller::of(&request)?.account()?;
        let request = request.into_inner();
        let (id, account) = (parse::found(&request.promo_id)?, parse::found(&request.account_id)?);
        let why = browse_campaigns::why_not(&self.app, caller, id, account).await.map_err(status)?;
        Ok(Response::new(p::WhyNotResponse {
            eligible: why.reasons.is_empty(),
            reasons: why.reasons,
            granted: why.granted,
        }))
    }

    async fn get_ledger(&self, request: Request<p::GetPromoRequest>) -> Result<Response<p::Ledger>, Status> {
        let account = Caller::of(&request)?.account()?;
        let id = parse::found(&request.into_inner().promo_id)?;
        browse_campaigns::get(&self.app, account, id).await.map_err(status)?;
        let book = browse_campaigns::book(&self.app, id).await.map_err(status)?;
        Ok(Response::new(encode::ledger(id, &book.ledger.state)))
    }
}
