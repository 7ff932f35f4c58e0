//! Values on their way in and out.

use eventing::sql::{DbError, Row, Value};
use sqlx::{
    AssertSqlSafe, Column, Postgres, Row as _, TypeInfo, ValueRef,
    encode::{Encode, IsNull},
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo, types::Oid},
    query::Query,
};

use super::errors::own as statement;

/// NULL of no type: the server takes the column's.
struct Untyped;

impl sqlx::Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

pub(super) fn bound<'a>(sql: &str, args: &'a [Value]) -> Result<Query<'a, Postgres, PgArguments>, DbError> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for arg in args {
        query = match arg {
            Value::Null => query.bind(Untyped),
            Value::Int(int) => query.bind(*int),
            Value::Real(real) => query.bind(*real),
            Value::Text(text) => query.bind(text.as_str()),
            Value::Blob(blob) => query.bind(blob.as_slice()),
            Value::AppendPosition => {
                return Err(DbError::Statement("a position is only known inside an append".to_owned()));
            }
        };
    }
    Ok(query)
}

pub(super) fn row(found: &PgRow) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(found.len());
    for column in found.columns() {
        values.push(value(found, column.ordinal())?);
    }
    Ok(Row(values))
}

fn value(found: &PgRow, index: usize) -> Result<Value, DbError> {
    let raw = found.try_get_raw(index).map_err(statement)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info();
    Ok(match kind.name() {
        "INT8" => Value::Int(found.try_get(index).map_err(statement)?),
        "INT4" => Value::Int(found.try_get::<i32, _>(index).map_err(statement)?.into()),
        "INT2" => Value::Int(found.try_get::<i16, _>(index).map_err(statement)?.into()),
        "BOOL" => Value::Int(found.try_get::<bool, _>(index).map_err(statement)?.into()),
        "FLOAT8" => Value::Real(found.try_get(index).map_err(statement)?),
        "TEXT" | "VARCHAR" | "NAME" => Value::Text(found.try_get(index).map_err(statement)?),
        "BYTEA" => Value::Blob(found.try_get(index).map_err(statement)?),
        other => {
            return Err(DbError::Statement(format!("column {index} has the foreign type {other}: cast it")));
        }
    })
}
