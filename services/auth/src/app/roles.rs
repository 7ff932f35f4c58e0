//! Operators grant and revoke roles. They hold from the next request on.

use eventing::{Command, Decision, Done};
use kernel::{AccountId, Refusal};
use proto::auth as p;

use super::App;
use crate::{
    domain::{
        account::{self, Account, AccountEvent},
        role::{Regions, Role},
    },
    error::Result,
    store::accounts,
    wire,
};

impl App {
    pub async fn grant_role(
        &self,
        command: &Command,
        operator: AccountId,
        account_id: AccountId,
        request: &p::GrantRoleRequest,
    ) -> Result<(Done, p::RoleResponse)> {
        self.require_operator(operator).await?;
        let role = Role::parse(&request.role).ok_or_else(Refusal::not_found)?;
        let regions = Regions::parse("/regions", &request.regions)
            .map_err(|fault| Refusal::fields(vec![fault]).err().unwrap_or_else(Refusal::not_found))?;
        let by = command.actor.clone();
        self.change_roles(command, account_id, |account| account::grant_role(account, role, &regions, &by))
            .await
    }

    pub async fn revoke_role(
        &self,
        command: &Command,
        operator: AccountId,
        account_id: AccountId,
        role: &str,
    ) -> Result<(Done, p::RoleResponse)> {
        self.require_operator(operator).await?;
        let role = Role::parse(role).ok_or_else(Refusal::not_found)?;
        let by = command.actor.clone();
        self.change_roles(command, account_id, |account| account::revoke_role(account, role, &by)).await
    }

    pub(crate) async fn change_roles<F>(
        &self,
        command: &Command,
        account_id: AccountId,
        decide: F,
    ) -> Result<(Done, p::RoleResponse)>
    where
        F: Fn(&Account) -> Result<Vec<AccountEvent>, Refusal> + Send + Sync,
    {
        let done = self
            .journal
            .execute(
                command,
                &accounts::stream(account_id),
                &account_id.to_string(),
                |account: &Account, now| {
                    let events = decide(account)?;
                    let after = account.after(&events);
                    Ok(Decision::of(events)
                        .inline(accounts::put(account_id, &after, now))
                        .answer(200, vec![account_id.to_string()]))
                },
            )
            .await?;
        let roles = self.living(account_id).await?.standing.roles;
        Ok((done, p::RoleResponse { account_id: wire::bytes(account_id), roles }))
    }
}
