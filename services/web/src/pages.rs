//! The pages: one file each, fetch → view → template.

mod live;
mod problem;

use axum::{Router, routing::get};

use crate::{api::Api, assets, language::Language, phrases::Phrases};

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/live/{challenge_id}", get(live::live))
}

/// What the frame around every page needs.
struct Frame {
    t: &'static Phrases,
    style: String,
    icon: String,
}

impl Frame {
    fn of(language: Language) -> Self {
        Self {
            t: Phrases::of(language),
            style: assets::address("board.css"),
            icon: assets::address("icon.svg"),
        }
    }

    fn tag(&self) -> &'static str {
        self.t.language().tag()
    }

    /// The links of the language switch: language, whether it is this one.
    fn languages(&self) -> impl Iterator<Item = (Language, bool)> {
        Language::ALL.into_iter().map(|language| (language, language == self.t.language()))
    }
}
