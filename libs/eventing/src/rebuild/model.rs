//! Which projections make up which tables.

use std::{collections::BTreeSet, sync::Arc};

use crate::readers::{Keeps, Projection, Source};

/// States of a row of `es_rebuild`.
pub(super) const BUILDING: &str = "building";
pub(super) const KEPT: &str = "kept";

/// What is made anew together: tables, and every projection that writes one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// In the order of their names.
    pub readers: Vec<&'static str>,
    pub tables: Vec<&'static str>,
    /// Written too, and left alone.
    pub spared: Vec<&'static str>,
    /// Why it cannot be made anew.
    pub never: Option<&'static str>,
}

impl Model {
    /// The names of its readers, joined by `+`.
    pub fn name(&self) -> String {
        self.readers.join("+")
    }

    /// Each of its projections with each of its sources.
    pub(super) fn feeders<'p>(
        &self,
        projections: &'p [Arc<dyn Projection>],
    ) -> Vec<(&'p Arc<dyn Projection>, Source)> {
        let ours = projections.iter().filter(|one| self.readers.contains(&one.name()));
        ours.flat_map(|one| one.sources().into_iter().map(move |source| (one, source))).collect()
    }

    fn of(projection: &dyn Projection) -> Self {
        let (tables, spared, never) = match projection.keeps() {
            Keeps::Tables { tables: [], .. } => (Vec::new(), Vec::new(), Some("it keeps no rows")),
            Keeps::Tables { tables, spared } => (tables.to_vec(), spared.to_vec(), None),
            Keeps::Never(why) => (Vec::new(), Vec::new(), Some(why)),
        };
        Self { readers: vec![projection.name()], tables, spared, never }
    }

    fn meets(&self, other: &Self) -> bool {
        self.tables.iter().any(|table| other.tables.contains(table))
    }

    fn with(&mut self, other: Self) {
        let sorted = |one: &mut Vec<&'static str>, other: Vec<&'static str>| {
            let all: BTreeSet<&'static str> = one.drain(..).chain(other).collect();
            one.extend(all);
        };
        sorted(&mut self.readers, other.readers);
        sorted(&mut self.tables, other.tables);
        sorted(&mut self.spared, other.spared);
    }
}

/// Projections that write one table are one model, and so are those that share another with either.
pub(super) fn models(projections: &[Arc<dyn Projection>]) -> Vec<Model> {
    let mut models: Vec<Model> = Vec::new();
    for projection in projections {
        let mut joined = Model::of(&**projection);
        let (meeting, apart): (Vec<Model>, Vec<Model>) =
            models.into_iter().partition(|model| model.meets(&joined));
        meeting.into_iter().for_each(|model| joined.with(model));
        // What one spares and another makes up is made up.
        let Model { tables, spared, .. } = &mut joined;
        spared.retain(|table| !tables.contains(table));
        models = apart;
        models.push(joined);
    }
    models.sort_by_key(Model::name);
    models
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::{event::Incoming, readers::Failure, sql::Tx};

    struct Named(&'static str, Keeps);

    #[async_trait]
    impl Projection for Named {
        fn name(&self) -> &'static str {
            self.0
        }
        fn sources(&self) -> Vec<Source> {
            vec![Source::OwnJournal]
        }
        fn keeps(&self) -> Keeps {
            self.1
        }
        async fn apply(&self, _: &mut dyn Tx, _: &[Incoming]) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[test]
    fn projections_that_share_a_table_are_one_model_also_through_a_third() {
        let named = |name, tables| Arc::new(Named(name, Keeps::tables(tables))) as Arc<dyn Projection>;
        let never = Arc::new(Named("f", Keeps::Never("for a reason"))) as Arc<dyn Projection>;
        let all =
            [named("c", &["x"]), named("a", &["y"]), named("d", &["z"]), never, named("b", &["x", "y"])];
        let models = models(&all);
        let names: Vec<String> = models.iter().map(Model::name).collect();
        assert_eq!(names, ["a+b+c", "d", "f"]);
        assert_eq!((&*models[0].tables, models[2].never), (&["x", "y"][..], Some("for a reason")));
    }
}
