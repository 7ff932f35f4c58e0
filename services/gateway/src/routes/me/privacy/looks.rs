//! `/v1/me/privacy/view-as`, `…/explain`: how I look to another, and why.

use axum::extract::State;
use proto::{activity, social};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer, List},
    caller::Account,
    query::Params,
    routes::{
        Doors, Shared,
        activities::Activity,
        people::{Person, Relation},
    },
    values::AnId,
};

/// Of my activities, the newest that another sees.
const ACTIVITIES: u32 = 20;

pub(super) fn routes() -> Doors {
    OpenApiRouter::new().routes(routes!(view_as)).routes(routes!(explain))
}

/// Why a class of data is shown or hidden.
#[derive(Debug, Serialize, ToSchema)]
struct ClassShown {
    /// `profile summary map start_time heart_rate body photos device`
    #[schema(example = "heart_rate")]
    class: String,
    shown: bool,
    /// `erased blocked minor_ceiling owner activity_visibility summary_hidden class_setting default`
    #[schema(example = "class_setting")]
    rule: String,
    /// The audience that the rule looked at; empty: only me.
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<Vec<String>>,
}

impl From<social::ClassExplained> for ClassShown {
    fn from(one: social::ClassExplained) -> Self {
        let audience = one.has_audience.then_some(one.audience);
        Self { class: one.data_class, shown: one.shown, rule: one.rule, audience }
    }
}

impl From<activity::ClassExplained> for ClassShown {
    fn from(one: activity::ClassExplained) -> Self {
        let audience = one.has_audience.then_some(one.audience);
        Self { class: one.data_class, shown: one.shown, rule: one.rule, audience }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Viewer {
    /// Who looks.
    account: AnId,
}

/// How I look to somebody.
#[derive(Debug, Serialize, ToSchema)]
struct ViewAs {
    /// My profile; absent: they see none.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<Person>,
    /// As they stand to me.
    relation: Relation,
    classes: Vec<ClassShown>,
    /// My newest activities that they see, as they see them.
    activities: Vec<Activity>,
}

/// How I look to somebody.
#[utoipa::path(get, path = "/me/privacy/view-as", tag = "me", params(Viewer),
    responses((status = 200, body = ViewAs)))]
async fn view_as(State(door): Shared, caller: Account, Params(viewer): Params<Viewer>) -> Answer {
    let (mut social, mut activity) = (door.peers.social(), door.peers.activity());
    let profile = social.view_as(social::ViewAsRequest { account_id: viewer.account.bytes() });
    let mine = activity::ListActivitiesRequest {
        as_account_id: viewer.account.bytes(),
        limit: ACTIVITIES,
        ..Default::default()
    };
    let activities = activity.list_activities(mine);
    let (profile, activities) = futures::try_join!(caller.call(profile), caller.call(activities))?;
    answer::ok(&ViewAs {
        person: profile.person.map(Person::of),
        relation: Relation::of(profile.relation.unwrap_or_default()),
        classes: profile.classes.into_iter().map(Into::into).collect(),
        activities: activities.items.into_iter().map(Activity::of).collect(),
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Question {
    /// Who looks.
    account: AnId,
    /// At which activity of mine; left out: at me.
    activity: Option<AnId>,
}

/// Why somebody sees or does not see each class of my data.
#[utoipa::path(get, path = "/me/privacy/explain", tag = "me", params(Question),
    responses((status = 200, body = List<ClassShown>)))]
async fn explain(State(door): Shared, caller: Account, Params(question): Params<Question>) -> Answer {
    let account_id = question.account.bytes();
    let items = match question.activity {
        Some(activity) => {
            let request = activity::ExplainVisibilityRequest { activity_id: activity.bytes(), account_id };
            let reply = caller.call(door.peers.activity().explain_visibility(request)).await?;
            reply.classes.into_iter().map(ClassShown::from).collect()
        }
        None => {
            let request = social::ViewAsRequest { account_id };
            let reply = caller.call(door.peers.social().view_as(request)).await?;
            reply.classes.into_iter().map(ClassShown::from).collect()
        }
    };
    answer::ok(&List::<ClassShown>::whole(items))
}
