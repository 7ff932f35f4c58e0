//! gRPC: decode → app → encode.

use bytes::Bytes;
use eventing::Done;
use kernel::{AccountId, Id, Refusal};
use platform::{Actor, Caller, answer, status};
use proto::auth::{self as p, auth_server::Auth};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::{app::App, error::Result};

/// The service behind the contract.
pub struct Api(pub App);

type Answer<T> = Result<Response<T>, Status>;

fn read<T>(result: Result<T>) -> Answer<T> {
    result.map(Response::new).map_err(status)
}

/// Whom a throttle counts, where nobody is signed in.
fn address(caller: &Caller) -> String {
    match &caller.actor {
        Actor::Anonymous { address } => address.clone(),
        other => other.name(),
    }
}

fn account_id(bytes: &[u8]) -> Result<AccountId, Status> {
    Uuid::from_slice(bytes).map(Id::new).map_err(|_| status(Refusal::not_found()))
}

fn session_of(caller: &Caller) -> Uuid {
    match &caller.actor {
        Actor::Account { session_id, .. } => session_id.uuid(),
        _ => Uuid::nil(),
    }
}

impl Api {
    async fn wrote<T>(&self, result: Result<(Done, T)>) -> Answer<T> {
        let (done, message) = result.map_err(status)?;
        Ok(answer(&self.0.journal, &done, message).await)
    }
}

#[tonic::async_trait]
impl Auth for Api {
    async fn register(&self, request: Request<p::RegisterRequest>) -> Answer<p::RegisterResponse> {
        let caller = Caller::of(&request)?;
        read(self.0.register(&address(&caller), request.into_inner()).await)
    }

    async fn verify_registration(
        &self,
        request: Request<p::VerifyRegistrationRequest>,
    ) -> Answer<p::VerifyRegistrationResponse> {
        self.wrote(self.0.verify_registration(request.into_inner()).await).await
    }

    async fn login(&self, request: Request<p::LoginRequest>) -> Answer<p::Session> {
        let caller = Caller::of(&request)?;
        read(self.0.login(&address(&caller), request.into_inner()).await)
    }

    async fn refresh(&self, request: Request<p::RefreshRequest>) -> Answer<p::Session> {
        read(self.0.refresh(request.into_inner()).await)
    }

    async fn list_sessions(
        &self,
        request: Request<p::ListSessionsRequest>,
    ) -> Answer<p::ListSessionsResponse> {
        let caller = Caller::of(&request)?;
        let (account, current) = (caller.account()?, session_of(&caller));
        read(self.0.list_sessions(account, current, request.get_ref()).await)
    }

    async fn end_session(&self, request: Request<p::EndSessionRequest>) -> Answer<p::EndSessionResponse> {
        let account = Caller::of(&request)?.account()?;
        let session =
            Uuid::from_slice(&request.get_ref().session_id).map_err(|_| status(Refusal::not_found()))?;
        read(self.0.end_session(account, session).await)
    }

    async fn end_current_session(
        &self,
        request: Request<p::EndCurrentSessionRequest>,
    ) -> Answer<p::EndSessionResponse> {
        let caller = Caller::of(&request)?;
        read(self.0.end_session(caller.account()?, session_of(&caller)).await)
    }

    async fn request_password_reset(
        &self,
        request: Request<p::RequestPasswordResetRequest>,
    ) -> Answer<p::RequestPasswordResetResponse> {
        let caller = Caller::of(&request)?;
        read(self.0.request_password_reset(&address(&caller), &request.get_ref().email).await)
    }

    async fn confirm_password_reset(
        &self,
        request: Request<p::ConfirmPasswordResetRequest>,
    ) -> Answer<p::ConfirmPasswordResetResponse> {
        let caller = Caller::of(&request)?;
        self.wrote(self.0.confirm_password_reset(&address(&caller), request.into_inner()).await).await
    }

    async fn start_device_authorization(
        &self,
        request: Request<p::StartDeviceAuthorizationRequest>,
    ) -> Answer<p::StartDeviceAuthorizationResponse> {
        let caller = Caller::of(&request)?;
        read(self.0.start_device_authorization(&address(&caller), request.into_inner()).await)
    }

    async fn poll_device_token(
        &self,
        request: Request<p::PollDeviceTokenRequest>,
    ) -> Answer<p::TokenResponse> {
        read(self.0.poll_device_token(request.into_inner()).await)
    }

    async fn approve_device(
        &self,
        request: Request<p::ApproveDeviceRequest>,
    ) -> Answer<p::ApproveDeviceResponse> {
        let account = Caller::of(&request)?.account()?;
        let approved = self.0.approve_device(account, &request.get_ref().user_code).await;
        read(approved.map(|()| p::ApproveDeviceResponse {}))
    }

    async fn client_credentials(
        &self,
        request: Request<p::ClientCredentialsRequest>,
    ) -> Answer<p::TokenResponse> {
        let caller = Caller::of(&request)?;
        read(self.0.client_credentials(&address(&caller), request.into_inner()).await)
    }

    async fn revoke_token(&self, request: Request<p::RevokeTokenRequest>) -> Answer<p::RevokeTokenResponse> {
        read(self.0.revoke_token(request.into_inner()).await)
    }

    async fn jwks(&self, _: Request<p::JwksRequest>) -> Answer<p::JwksResponse> {
        let keys = self.0.signing.published().into_iter().map(|key| p::Jwk {
            kid: key.kid,
            x: key.public.into(),
            active_from_us: key.active_us,
        });
        Ok(Response::new(p::JwksResponse { keys: keys.collect() }))
    }

    async fn get_me(&self, request: Request<p::GetMeRequest>) -> Answer<p::Me> {
        read(self.0.me(Caller::of(&request)?.account()?).await)
    }

    async fn change_me(&self, request: Request<p::ChangeMeRequest>) -> Answer<p::Me> {
        let caller = Caller::of(&request)?;
        let changed = self.0.change_me(&caller.command(), caller.account()?, request.into_inner()).await;
        self.wrote(changed).await
    }

    async fn get_privacy(&self, request: Request<p::GetPrivacyRequest>) -> Answer<p::Privacy> {
        read(self.0.privacy(Caller::of(&request)?.account()?).await)
    }

    async fn put_privacy(&self, request: Request<p::PutPrivacyRequest>) -> Answer<p::Privacy> {
        let caller = Caller::of(&request)?;
        let put = self.0.put_privacy(&caller.command(), caller.account()?, request.into_inner()).await;
        self.wrote(put).await
    }

    async fn list_consents(
        &self,
        request: Request<p::ListConsentsRequest>,
    ) -> Answer<p::ListConsentsResponse> {
        read(self.0.consents(Caller::of(&request)?.account()?).await)
    }

    async fn put_consent(&self, request: Request<p::PutConsentRequest>) -> Answer<p::ConsentReceipt> {
        let caller = Caller::of(&request)?;
        let put = self.0.put_consent(&caller.command(), caller.account()?, request.get_ref()).await;
        self.wrote(put).await
    }

    async fn withdraw_consent(
        &self,
        request: Request<p::WithdrawConsentRequest>,
    ) -> Answer<p::WithdrawConsentResponse> {
        let caller = Caller::of(&request)?;
        let (account, purpose) = (caller.account()?, &request.get_ref().purpose);
        let withdrawn = self.0.withdraw_consent(&caller.command(), account, purpose).await;
        self.wrote(withdrawn.map(|done| (done, p::WithdrawConsentResponse {}))).await
    }

    async fn find_account(&self, request: Request<p::FindAccountRequest>) -> Answer<p::Me> {
        let operator = Caller::of(&request)?.account()?;
        read(self.0.find_account(operator, &request.get_ref().email).await)
    }

    async fn grant_role(&self, request: Request<p::GrantRoleRequest>) -> Answer<p::RoleResponse> {
        let caller = Caller::of(&request)?;
        let id = account_id(&request.get_ref().account_id)?;
        let granted = self.0.grant_role(&caller.command(), caller.account()?, id, request.get_ref()).await;
        self.wrote(granted).await
    }

    async fn revoke_role(&self, request: Request<p::RevokeRoleRequest>) -> Answer<p::RoleResponse> {
        let caller = Caller::of(&request)?;
        let id = account_id(&request.get_ref().account_id)?;
        let role = &request.get_ref().role;
        let revoked = self.0.revoke_role(&caller.command(), caller.account()?, id, role).await;
        self.wrote(revoked).await
    }

    async fn create_partner(
        &self,
        request: Request<p::CreatePartnerRequest>,
    ) -> Answer<p::CreatePartnerResponse> {
        let caller = Caller::of(&request)?;
        let created = self.0.create_partner(&caller.command(), caller.account()?, request.get_ref()).await;
        self.wrote(created).await
    }

    async fn list_partners(
        &self,
        request: Request<p::ListPartnersRequest>,
    ) -> Answer<p::ListPartnersResponse> {
        let caller = Caller::of(&request)?;
        if caller.service().is_ok() {
            let ids = request.get_ref().partner_ids.iter().take(200);
            let ids = ids.filter_map(|id| Uuid::from_slice(id).ok()).map(Id::new).collect::<Vec<_>>();
            return read(self.0.some_partners(&ids).await);
        }
        read(self.0.list_partners(caller.account()?, request.get_ref()).await)
    }

    async fn standing(&self, request: Request<p::StandingRequest>) -> Answer<p::StandingResponse> {
        Caller::of(&request)?.service()?;
        let ids = request.get_ref().account_ids.iter().map(|id: &Bytes| account_id(id));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        read(self.0.standing(&ids, &request.get_ref().held).await)
    }

    async fn verify_partner_key(
        &self,
        request: Request<p::VerifyPartnerKeyRequest>,
    ) -> Answer<p::VerifyPartnerKeyResponse> {
        Caller::of(&request)?;
        read(self.0.verify_partner_key(request.get_ref()).await)
    }

    async fn add_operator(&self, request: Request<p::AddOperatorRequest>) -> Answer<p::AddOperatorResponse> {
        let caller = Caller::of(&request)?;
        caller.service()?;
        read(self.0.add_operator(&caller.command(), &request.get_ref().email).await)
    }

    async fn keys(&self, request: Request<p::KeysRequest>) -> Answer<p::KeysResponse> {
        Caller::of(&request)?.service()?;
        read(self.0.data_keys(&request.get_ref().names).await)
    }
}
