//! The vocabulary of sports. Sub-sports are open (FIT's names) and stay text.

use std::fmt;

macro_rules! sports {
    ($($variant:ident = $text:literal),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Sport { $($variant),* }

        impl Sport {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

sports! {
    Running = "running", Walking = "walking", Hiking = "hiking", Cycling = "cycling", Swimming = "swimming",
    Rowing = "rowing", Skiing = "skiing", Snowboarding = "snowboarding", Skating = "skating",
    Strength = "strength", Fitness = "fitness", Yoga = "yoga", Dance = "dance", TeamSport = "team_sport",
    RacketSport = "racket_sport", Climbing = "climbing", WaterSport = "water_sport", Diving = "diving",
    Multisport = "multisport", Other = "other",
}

impl Sport {
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|sport| sport.as_str() == text)
    }
}

impl fmt::Display for Sport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
