//! The caller's own profile as another account sees it, and why each class of data is shown or hidden.

use kernel::{AccountId, Refusal};
use platform::Look;
use proto::social as p;

use super::{
    App,
    people::{Card, relation_view},
};
use crate::domain::edges::Rel;

impl App {
    pub async fn view_as(&self, owner: AccountId, viewer: AccountId) -> Result<p::ViewAsResponse, Refusal> {
        if owner != viewer {
            self.present(viewer).await?;
        }
        // What the viewer is to the owner: the viewer's own rows.
        let (mut looks, rels) = self.looks(viewer, &[owner], true).await?;
        // Whoever blocks the caller is nobody to the caller; but who blocks them as well hears of that alone.
        let is = |rel: Rel| rels.get(&owner).is_some_and(|rels| rels.contains(&rel));
        if is(Rel::Blocks) && !is(Rel::BlockedBy) {
            return Err(Refusal::not_found());
        }
        let look: Look = looks.remove(&owner).ok_or_else(Refusal::not_found)?;
        let card = Card::of(owner, &look, &rels);
        let classes = privacy::explain(&look.owner(), None, &look.relation).into_iter().map(|explained| {
            p::ClassExplained {
                data_class: explained.class.as_str().to_owned(),
                shown: explained.shown,
                rule: explained.rule.as_str().to_owned(),
                has_audience: explained.audience.is_some(),
                audience: explained.audience.map(|audience| audience.words()).unwrap_or_default(),
            }
        });
        Ok(p::ViewAsResponse {
            person: card.known.then_some(card.person),
            relation: Some(relation_view(rels.get(&owner))),
            classes: classes.collect(),
        })
    }
}
