//! Where the files of this store are kept. A process that looks for them elsewhere would find none, and call each of
//! them lost.

use eventing::{
    args,
    sql::{Db, DbError},
};

/// Notes the place at the first start; later ones must name the same, or say that the files were `moved`.
///
/// # Errors
/// The files of this store are kept in another place.
pub async fn kept_at(db: &Db, identity: &str, moved: bool) -> Result<(), DbError> {
    let kept = if moved { "excluded.identity" } else { "file_place.identity" };
    let note = format!(
        "INSERT INTO file_place (one, identity) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET identity = {kept}"
    );
    db.execute(&note, args![identity]).await?;
    let known = db.fetch_one("SELECT identity FROM file_place WHERE one = 1", args![]).await?;
    let known: String = known.map_or(Ok(String::new()), |row| row.get(0))?;
    if known == identity {
        return Ok(());
    }
    Err(DbError::Unusable(format!(
        "the files of this store are kept in a place that calls itself {known}, and [files] url names {identity}: give \
         all processes of the service the same folder or bucket; if the files were moved here without their file \
         `identity`, or are lost, start once with files.moved = true"
    )))
}
