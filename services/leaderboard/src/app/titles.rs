//! What teams are called: their groups' names, as far as whoever looks may know of the groups.

use std::collections::HashMap;

use bytes::Bytes;
use kernel::{AccountId, Refusal};
use platform::Peers;
use proto::social::GroupNamesRequest;

use crate::wire;

/// Names by row. Those that are not there are not for this viewer.
pub type Titles = HashMap<AccountId, String>;

/// Of at most 500 rows.
///
/// # Errors
/// `unavailable` without social.
pub async fn titles(peers: &Peers, viewer: Option<AccountId>, rows: &[AccountId]) -> Result<Titles, Refusal> {
    if rows.is_empty() {
        return Ok(Titles::new());
    }
    let bytes = |account: AccountId| Bytes::copy_from_slice(account.as_bytes());
    let group_ids = rows.iter().copied().map(bytes).collect();
    let request = GroupNamesRequest { viewer_id: viewer.map(bytes).unwrap_or_default(), group_ids };
    let answer = peers.social().group_names(request).await;
    let items = answer.map_err(|status| platform::refusal(&status))?.into_inner().items;
    Ok(items.into_iter().filter_map(|item| Some((wire::id(&item.group_id).ok()?, item.name))).collect())
}
