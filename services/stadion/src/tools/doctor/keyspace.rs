//! The keyspace of activities, where there is one.

use activity::CQL_MIGRATIONS;
use backends::cql;
use eventing::cql::owner;

use super::finding::{Area, Finding};
use crate::{keyspace, settings::Settings};

pub(super) async fn look(settings: &Settings, marks: &[String]) -> Vec<Finding> {
    let Some(options) = keyspace::options(&settings.activity) else { return Vec::new() };
    let what = format!("CQL {}", settings.activity.cql_nodes);
    let keyspace = options.keyspace.clone();
    let cql = match cql::connect_if_there(options).await {
        Ok(Some(cql)) => cql,
        Ok(None) => {
            let means = format!("the keyspace {keyspace} is not there yet");
            let mend = "nothing: the first start makes it, or `stadion migrate`; the user must be allowed to";
            return vec![Finding::warning(Area::Engine, what, means, mend)];
        }
        Err(error) => {
            let mend = "start it, or mend activity.cql_nodes, cql_user, cql_password, cql_datacenter";
            return vec![Finding::wrong(Area::Engine, what, error, mend)];
        }
    };
    match owner(&cql, activity::SERVICE).await {
        Ok(Some(owner)) if !marks.is_empty() && !marks.contains(&owner) => {
            let means = format!("the keyspace {keyspace} belongs to the installation {owner}");
            let mend = "name a keyspace of your own in activity.cql_keyspace, or bring the key file of that installation";
            return vec![Finding::wrong(Area::Engine, what, means, mend)];
        }
        Ok(_) => {}
        Err(error) => {
            let mend = "make the keyspace readable to activity.cql_user";
            return vec![Finding::wrong(Area::Engine, what, error, mend)];
        }
    }
    vec![match CQL_MIGRATIONS.standing(&cql).await {
        Ok(missing) if missing.is_empty() => {
            Finding::ok(Area::Engine, what, format!("the keyspace {keyspace} is up to date"))
        }
        Ok(missing) => Finding::warning(
            Area::Engine,
            what,
            format!("the keyspace {keyspace} lacks {}", missing.join(", ")),
            "nothing: the next start applies them, or `stadion migrate`",
        ),
        Err(error) => {
            Finding::wrong(Area::Engine, what, error, "do as it says: activity does not start with it")
        }
    }]
}
