//! Groups, as lists and searches need them. Inline rows.

use eventing::{
    Row, Statement, args,
    sql::{DbError, Value},
};
use kernel::AccountId;
use privacy::GroupId;

use super::{NAMED, Place, Store, places, with_ids};
use crate::domain::{
    fold,
    group::{Group, Standing},
    terms::Terms,
};

/// A group as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    pub id: GroupId,
    pub name: String,
    pub kind: String,
    pub region: Option<String>,
    pub sports: Vec<String>,
    pub capacity: Option<u32>,
    pub members: u32,
    pub created_us: i64,
}

/// Which groups a list holds.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// Folded words, all of which stand in the name.
    pub words: &'a [String],
    pub region: &'a str,
    pub sport: &'a str,
    /// Only those of which the viewer is a member, was asked into, or asked to be.
    pub mine: bool,
}

const COLUMNS: &str = "g.id, g.name, g.kind, g.region, g.sports, g.capacity, g.members, g.created_us";

/// The group's own row.
pub fn put_group(id: GroupId, terms: &Terms, members: u32, now_us: i64) -> Statement {
    let sports: String = terms.sports.iter().map(|sport| format!(" {sport}")).collect();
    // Words that begin with what is asked are found by the blank before them.
    let name_key = format!(" {}", fold::words(&terms.name).join(" "));
    Statement::new(
        "INSERT INTO club (id, name, name_key, kind, region, sports, capacity, members, created_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, kind = excluded.kind,
            region = excluded.region, sports = excluded.sports, capacity = excluded.capacity,
            members = excluded.members",
        args![
            id,
            terms.name.as_str(),
            name_key,
            terms.kind.as_str(),
            terms.region.as_ref().map(|region| region.as_str().to_owned()),
            format!("{sports} "),
            terms.capacity,
            members,
            now_us
        ],
    )
}

/// One account's part in a group; it keeps its date while its state stays.
pub fn put_member(id: GroupId, account: AccountId, after: &Group, now_us: i64) -> Statement {
    let standing = after.standing(account);
    if standing == Standing::None {
        return Statement::new(
            "DELETE FROM member WHERE group_id = $1 AND account_id = $2",
            args![id, account],
        );
    }
    let role = standing.role().map_or("", |role| role.as_str());
    Statement::new(
        "INSERT INTO member (group_id, account_id, state, role, since_us) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (group_id, account_id) DO UPDATE SET role = excluded.role, state = excluded.state,
            since_us = CASE WHEN member.state = excluded.state THEN member.since_us ELSE excluded.since_us END",
        args![id, account, standing.as_str(), role, now_us],
    )
}

impl Store {
    /// With members; those that nobody is left in are not there.
    pub async fn group(&self, id: GroupId) -> Result<Option<GroupRow>, DbError> {
        let sql = format!("SELECT {COLUMNS} FROM club g WHERE g.id = $1 AND g.members > 0");
        Ok(self.rows(&sql, args![id], group_row).await?.into_iter().next())
    }

    /// Names of those of the groups that the viewer may know of: without one, those that anybody finds.
    pub async fn names(
        &self,
        viewer: Option<AccountId>,
        groups: &[GroupId],
    ) -> Result<Vec<(GroupId, String)>, DbError> {
        let viewer = viewer.unwrap_or_else(|| AccountId::new(uuid::Uuid::nil()));
        let mut found = Vec::new();
        for batch in groups.chunks(NAMED) {
            let sql = format!(
                "SELECT g.id, g.name FROM club g LEFT JOIN member m ON m.group_id = g.id AND m.account_id = $1
                 WHERE g.members > 0 AND (g.kind <> 'invite' OR m.state IN ('member', 'invited')) AND g.id IN ({})",
                places(2, batch.len())
            );
            let read = |row: &Row| Ok((row.get(0)?, row.get(1)?));
            found.extend(self.rows(&sql, with_ids(args![viewer], batch), read).await?);
        }
        Ok(found)
    }

    /// The newest first. Groups by invitation are found by those in them and those invited alone.
    pub async fn groups(
        &self,
        viewer: AccountId,
        wanted: &Wanted<'_>,
        after: Place,
        limit: u32,
    ) -> Result<Vec<GroupRow>, DbError> {
        let mut args: Vec<Value> = args![viewer, after.at_us, after.id, limit];
        let mut sql = format!(
            "SELECT {COLUMNS} FROM club g
             LEFT JOIN member m ON m.group_id = g.id AND m.account_id = $1
             WHERE g.members > 0 AND (g.created_us < $2 OR (g.created_us = $2 AND g.id < $3))
               AND (g.kind <> 'invite' OR m.state IN ('member', 'invited'))"
        );
        let mut and = |condition: &str, value: Value| {
            args.push(value);
            sql.push_str(&format!(" AND {condition} ${}", args.len()));
        };
        if !wanted.region.is_empty() {
            and("g.region =", Value::from(wanted.region));
        }
        if !wanted.sport.is_empty() {
            and("g.sports LIKE", Value::from(format!("% {} %", wanted.sport)));
        }
        for word in wanted.words {
            and("g.name_key LIKE", Value::from(format!("% {word}%")));
        }
        if wanted.mine {
            sql.push_str(" AND m.state IN ('member', 'invited', 'requested')");
        }
        sql.push_str(" ORDER BY g.created_us DESC, g.id DESC LIMIT $4");
        self.rows(&sql, args, group_row).await
    }
}

fn group_row(row: &Row) -> Result<GroupRow, DbError> {
    let sports: String = row.get(4)?;
    Ok(GroupRow {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        region: row.get(3)?,
        sports: sports.split_whitespace().map(str::to_owned).collect(),
        capacity: row.get(5)?,
        members: row.get(6)?,
        created_us: row.get(7)?,
    })
}
