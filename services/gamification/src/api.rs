//! gRPC: decode → app → encode.

mod challenges;
mod leagues;
mod past;
mod settlement;

use kernel::{AccountId, Refusal};
use platform::{Caller, status};
use proto::gamification::{
    self as wire, explain_achievement_response::Cause, gamification_server::Gamification,
    preview_rules_response::BadgeChange,
};
use tonic::{Request, Response, Status};

use crate::{
    app::{App, achievements, backfill, facts, get_progress, rules},
    wire::{bytes_of, id},
};

pub struct Api {
    app: App,
}

impl Api {
    pub fn new(app: App) -> Self {
        Self { app }
    }
}

#[tonic::async_trait]
impl Gamification for Api {
    async fn get_progress(
        &self,
        request: Request<wire::GetProgressRequest>,
    ) -> Result<Response<wire::GetProgressResponse>, Status> {
        let account = Caller::of(&request)?.account()?;
        let zone = request.into_inner().time_zone;
        let progress = get_progress::get_progress(&self.app, account, &zone).await.map_err(status)?;
        Ok(Response::new(wire::GetProgressResponse {
            xp: progress.xp,
            level: progress.level,
            level_xp_next: progress.level_xp_next,
            streak_days: progress.streak.days,
            points: progress.points,
            streak_freezes: progress.streak.freezes,
            streak_frozen_days: progress.streak.frozen,
        }))
    }

    async fn list_achievements(
        &self,
        request: Request<wire::ListAchievementsRequest>,
    ) -> Result<Response<wire::ListAchievementsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let account = caller.account()?;
        let wire::ListAchievementsRequest { cursor, limit } = request.into_inner();
        let (rows, next_cursor) =
            achievements::list(&self.app, account, &cursor, limit).await.map_err(status)?;
        let item = |row: crate::store::AchievementRow| wire::Achievement {
            achievement_id: bytes_of(row.id),
            name: self.app.rules().badge_name(&row.badge, &caller.locale).to_owned(),
            badge: row.badge,
            unlocked_us: row.unlocked_us,
        };
        let items = rows.into_iter().map(item).collect();
        Ok(Response::new(wire::ListAchievementsResponse { items, next_cursor }))
    }

    async fn explain_achievement(
        &self,
        request: Request<wire::ExplainAchievementRequest>,
    ) -> Result<Response<wire::ExplainAchievementResponse>, Status> {
        let account = Caller::of(&request)?.account()?;
        let achievement =
            id(&request.into_inner().achievement_id).map_err(|_| status(Refusal::not_found()))?;
        let held = achievements::explain(&self.app, account, achievement).await.map_err(status)?;
        let cause = |because: wire::Because| Cause {
            activity_id: because.activity_id,
            value: because.value,
            at_us: because.at_us,
            challenge_id: because.challenge_id,
            place: because.place,
        };
        Ok(Response::new(wire::ExplainAchievementResponse {
            rule: held.rule,
            rule_version: held.rule_version,
            because: held.because.into_iter().map(cause).collect(),
            frozen_days: held.frozen,
        }))
    }

    async fn facts(
        &self,
        request: Request<wire::FactsRequest>,
    ) -> Result<Response<wire::FactsResponse>, Status> {
        Caller::of(&request)?.service()?;
        let wire::FactsRequest { account_ids, seen_position } = request.into_inner();
        let malformed = |_| status(Refusal::field("/account_ids", "malformed", "an account id has 16 bytes"));
        let accounts: Vec<AccountId> =
            account_ids.iter().map(|account| id(account)).collect::<Result<_, _>>().map_err(malformed)?;
        let seen = i64::try_from(seen_position).unwrap_or(i64::MAX);
        let found = facts::facts(&self.app, &accounts, seen).await.map_err(status)?;
        Ok(Response::new(wire::FactsResponse { items: found.into_iter().map(facts_to_wire).collect() }))
    }

    async fn list_rules(
        &self,
        request: Request<wire::ListRulesRequest>,
    ) -> Result<Response<wire::ListRulesResponse>, Status> {
        let caller = Caller::of(&request)?.account()?;
        self.app.operator(caller).await.map_err(status)?;
        let (version, rules_json) = rules::in_force(&self.app).map_err(status)?;
        let state = backfill::state(&self.app).await.map_err(status)?;
        let backfill = Some(wire::list_rules_response::Backfill {
            version: state.version,
            accounts_done: state.accounts_done,
            accounts: state.accounts,
            finished: state.finished(),
        });
        Ok(Response::new(wire::ListRulesResponse { version, rules_json, backfill }))
    }

    async fn preview_rules(
        &self,
        request: Request<wire::PreviewRulesRequest>,
    ) -> Result<Response<wire::PreviewRulesResponse>, Status> {
        let caller = Caller::of(&request)?.account()?;
        self.app.operator(caller).await.map_err(status)?;
        let document = request.into_inner().rules_json;
        let preview = rules::preview(&self.app, &document).await.map_err(status)?;
        let change = |(badge, change): (String, rules::Change)| BadgeChange {
            badge,
            gained: change.gained,
            lost: change.lost,
            gained_account_ids: change.gained_by.into_iter().map(bytes_of).collect(),
            lost_account_ids: change.lost_by.into_iter().map(bytes_of).collect(),
        };
        Ok(Response::new(wire::PreviewRulesResponse {
            accounts_looked_at: preview.accounts_looked_at,
            complete: preview.complete,
            badges: preview.badges.into_iter().map(change).collect(),
            xp_up: preview.xp_up,
            xp_down: preview.xp_down,
        }))
    }

    async fn create_challenge(
        &self,
        request: Request<wire::CreateChallengeRequest>,
    ) -> Result<Response<wire::Challenge>, Status> {
        challenges::create(&self.app, request).await
    }

    async fn get_challenge(
        &self,
        request: Request<wire::GetChallengeRequest>,
    ) -> Result<Response<wire::Challenge>, Status> {
        challenges::get(&self.app, request).await
    }

    async fn list_challenges(
        &self,
        request: Request<wire::ListChallengesRequest>,
    ) -> Result<Response<wire::ListChallengesResponse>, Status> {
        challenges::list(&self.app, request).await
    }

    async fn change_challenge(
        &self,
        request: Request<wire::ChangeChallengeRequest>,
    ) -> Result<Response<wire::Challenge>, Status> {
        challenges::change(&self.app, request).await
    }

    async fn preview_challenge(
        &self,
        request: Request<wire::PreviewChallengeRequest>,
    ) -> Result<Response<wire::PreviewChallengeResponse>, Status> {
        challenges::preview(&self.app, request).await
    }

    async fn open_challenge(
        &self,
        request: Request<wire::OpenChallengeRequest>,
    ) -> Result<Response<wire::Challenge>, Status> {
        challenges::open(&self.app, request).await
    }

    async fn extend_challenge(
        &self,
        request: Request<wire::ExtendChallengeRequest>,
    ) -> Result<Response<wire::Challenge>, Status> {
        challenges::extend(&self.app, request).await
    }

    async fn stop_challenge(
        &self,
        request: Request<wire::StopChallengeRequest>,
    ) -> Result<Response<wire::Challenge>, Status> {
        challenges::stop(&self.app, request).await
    }

    async fn settlement(
        &self,
        request: Request<wire::SettlementRequest>,
    ) -> Result<Response<wire::SettlementResponse>, Status> {
        settlement::settlement(&self.app, request).await
    }

    async fn join_challenge(
        &self,
        request: Request<wire::JoinChallengeRequest>,
    ) -> Result<Response<wire::Participation>, Status> {
        challenges::join(&self.app, request).await
    }

    async fn leave_challenge(
        &self,
        request: Request<wire::LeaveChallengeRequest>,
    ) -> Result<Response<wire::LeaveChallengeResponse>, Status> {
        challenges::leave(&self.app, request).await
    }

    async fn past_scores(
        &self,
        request: Request<wire::PastScoresRequest>,
    ) -> Result<Response<wire::PastScoresResponse>, Status> {
        past::past_scores(&self.app, request).await
    }

    async fn get_league(
        &self,
        request: Request<wire::GetLeagueRequest>,
    ) -> Result<Response<wire::GetLeagueResponse>, Status> {
        leagues::league(&self.app, request).await
    }

    async fn list_leagues(
        &self,
        request: Request<wire::ListLeaguesRequest>,
    ) -> Result<Response<wire::ListLeaguesResponse>, Status> {
        leagues::leagues(&self.app, request).await
    }
}

fn facts_to_wire(found: facts::Facts) -> wire::AccountFacts {
    wire::AccountFacts {
        account_id: bytes_of(found.account),
        level: found.level,
        last_activity_us: found.last_activity_us(),
        badges: found.badges,
        sports: found
            .sports
            .into_iter()
            .map(|row| wire::SportFacts {
                sport: row.sport,
                activities: row.activities,
                last_activity_us: row.last_end_us,
            })
            .collect(),
    }
}
