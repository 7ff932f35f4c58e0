//! Operators, roles, looking up accounts.

use kernel::{AccountId, Code, Refusal};
use proto::auth as p;
use testkit::fleet::Ground;

use crate::stage::{Person, Stage, by, id_bytes, refused, refused_field, stranger, told, uuid};

async fn grant(
    stage: &Stage<'_>,
    by_whom: &Person,
    id: AccountId,
    role: &str,
    regions: &[&str],
) -> Result<p::RoleResponse, Refusal> {
    let request = p::GrantRoleRequest {
        account_id: id_bytes(id),
        role: role.to_owned(),
        regions: regions.iter().map(|region| (*region).to_owned()).collect(),
    };
    told(stage.client().grant_role(by(by_whom, request)).await)
}

async fn revoke(
    stage: &Stage<'_>,
    by_whom: &Person,
    id: AccountId,
    role: &str,
) -> Result<p::RoleResponse, Refusal> {
    let request = p::RevokeRoleRequest { account_id: id_bytes(id), role: role.to_owned() };
    told(stage.client().revoke_role(by(by_whom, request)).await)
}

#[tokio::test]
async fn the_first_operator_comes_by_the_tool_and_enters_with_its_code() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let request = p::AddOperatorRequest { email: "root@example.org".to_owned() };
    let made = told(stage.client().add_operator(request.clone()).await).expect("made");
    refused(stage.login("root@example.org", "anything at all").await, Code::Unauthenticated);
    let confirm = p::ConfirmPasswordResetRequest {
        email: "root@example.org".to_owned(),
        code: made.code.clone(),
        password: "nine towers of Turkistan".to_owned(),
    };
    told(stage.client().confirm_password_reset(stranger(confirm.clone())).await).expect("entered");
    refused(told(stage.client().confirm_password_reset(stranger(confirm)).await), Code::CodeRefused);
    stage.login("root@example.org", "nine towers of Turkistan").await.expect("logged in");
    let id = AccountId::new(uuid(&made.account_id));
    assert_eq!(stage.standing(id).await.roles[0].role, "operator");
    let again = told(stage.client().add_operator(request.clone()).await).expect("again");
    assert_eq!(again.account_id, made.account_id, "the same account, a new code");
    refused(told(stage.client().add_operator(stranger(request)).await), Code::Forbidden);
}

#[tokio::test]
async fn roles_are_granted_with_regions_by_operators_only_and_hold_at_once() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let operator = stage.operator("Root").await;
    let person = stage.person("Aigerim").await;
    refused(grant(&stage, &person, person.id, "marketer", &[]).await, Code::Forbidden);
    let granted =
        grant(&stage, &operator, person.id, "marketer", &["KZ-75", "KZ-71"]).await.expect("granted");
    assert_eq!(granted.roles[0].regions, ["KZ-71", "KZ-75"]);
    assert_eq!(stage.standing(person.id).await.roles, granted.roles);
    refused(grant(&stage, &operator, person.id, "emperor", &[]).await, Code::NotFound);
    refused_field(
        grant(&stage, &operator, person.id, "coach", &["Almaty"]).await,
        "/regions/0",
        "not_a_region",
    );
    refused(grant(&stage, &operator, AccountId::random(), "coach", &[]).await, Code::NotFound);
    revoke(&stage, &operator, person.id, "marketer").await.expect("revoked");
    assert!(stage.standing(person.id).await.roles.is_empty());
    refused(revoke(&stage, &operator, operator.id, "operator").await, Code::Conflict);
}

#[tokio::test]
async fn an_operator_finds_an_account_by_its_address() {
    let ground = Ground::fresh();
    let stage = Stage::on(&ground).await;
    let operator = stage.operator("Root").await;
    let person = stage.person("Aigerim").await;
    let find = |email: &str| p::FindAccountRequest { email: email.to_owned() };
    let found =
        told(stage.client().find_account(by(&operator, find("AIGERIM@example.org"))).await).expect("found");
    assert_eq!(found.account_id, id_bytes(person.id));
    refused(told(stage.client().find_account(by(&operator, find("x@example.org"))).await), Code::NotFound);
    refused(told(stage.client().find_account(by(&person, find("root@example.org"))).await), Code::Forbidden);
}
