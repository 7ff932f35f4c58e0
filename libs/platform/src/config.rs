//! Settings: defaults → file → environment → flags, each setting with one name, a value and a known origin.
//!
//! `http.addr` in code is `addr` under `[http]` in the file and `STADION_HTTP__ADDR` in the environment. Everything is
//! read and checked before anything is opened: [`Loading::finish`] tells all faults at once, each with its origin.

mod engines;
mod layers;
mod mail;
mod settings;

use std::{collections::BTreeSet, fmt, path::PathBuf};

use figment::{
    Figment,
    value::{Dict, Value},
};
use serde::{Serialize, de::DeserializeOwned};

pub use engines::{BusEngine, BusEngines, StoreEngine, Stores};
use layers::{Layer, leaves};
pub use mail::{Mail, MailTls};
pub use settings::{Admin, Format, Grpc, Http, Installation, Limits, Log, Settings, Telemetry};

/// The prefix of environment variables.
pub const PREFIX: &str = "STADION_";

/// A part of the settings: one struct of `libs/platform` or of a service. Numbers carry their unit in the name.
pub trait Section: Default + Serialize + DeserializeOwned {
    /// What types cannot say: `(key within the section, what is wrong)`.
    fn faults(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Where settings may come from, the later over the earlier.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub file: Option<PathBuf>,
    /// Variables, names with the prefix.
    pub environment: Vec<(String, String)>,
    /// `(flag as typed, setting, value)`.
    pub flags: Vec<(String, String, String)>,
}

impl Sources {
    /// This process' environment.
    pub fn of_process() -> Self {
        let environment = std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)).collect();
        Self { environment, ..Self::default() }
    }

    #[must_use]
    pub fn file(mut self, file: Option<PathBuf>) -> Self {
        self.file = file;
        self
    }

    /// A flag that was given; `None` changes nothing.
    #[must_use]
    pub fn flag(mut self, flag: &str, setting: &str, value: Option<String>) -> Self {
        if let Some(value) = value {
            self.flags.push((flag.to_owned(), setting.to_owned(), value));
        }
        self
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub setting: String,
    pub what: String,
    pub origin: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.setting.as_str(), self.origin.as_str()) {
            ("", origin) => write!(f, "{} ({origin})", self.what),
            (setting, "") => write!(f, "{setting}: {}", self.what),
            (setting, origin) => write!(f, "{setting}: {} ({origin})", self.what),
        }
    }
}

/// Everything that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<Fault>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings are not valid:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
impl std::error::Error for ConfigError {}

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Effective {
    pub setting: String,
    /// Secrets are masked.
    pub value: String,
    pub origin: String,
}

/// Settings being read, section by section.
pub struct Loading {
    given: Vec<Layer>,
    defaults: Dict,
    faults: Vec<Fault>,
}

impl Loading {
    pub fn new(sources: &Sources) -> Self {
        let mut faults = Vec::new();
        let given = layers::of(sources, &mut faults);
        Self { given, defaults: Dict::new(), faults }
    }

    /// The settings at the root, by `S`'s own field names.
    pub fn root<S: Section>(&mut self) -> S {
        if let Ok(Value::Dict(_, dict)) = Value::serialize(S::default()) {
            self.defaults.extend(dict);
        }
        match self.figment().extract::<S>() {
            Ok(section) => {
                for (key, what) in section.faults() {
                    self.fault(&key, what);
                }
                section
            }
            Err(errors) => {
                self.note(errors);
                S::default()
            }
        }
    }

    /// The settings under `[name]`.
    pub fn section<S: Section>(&mut self, name: &str) -> S {
        let section = self.part::<S>(name, &[]);
        for (key, what) in section.faults() {
            self.fault(&format!("{name}.{key}"), what);
        }
        section
    }

    /// The settings under `[name]`, into a service's own struct. `elsewhere`: keys that have another name (the
    /// service is given them by its host), so that each setting has one.
    pub fn part<T>(&mut self, name: &str, elsewhere: &[&str]) -> T
    where
        T: Default + Serialize + DeserializeOwned,
    {
        if let Ok(Value::Dict(tag, mut dict)) = Value::serialize(T::default()) {
            elsewhere.iter().for_each(|key| layers::drop_key(&mut dict, key));
            self.defaults.insert(name.to_owned(), Value::Dict(tag, dict));
        }
        match self.figment().extract_inner::<T>(name) {
            Ok(part) => part,
            Err(errors) => {
                self.note(errors);
                T::default()
            }
        }
    }

    /// Something else that is wrong with a setting.
    pub fn fault(&mut self, setting: &str, what: impl Into<String>) {
        let origin = origin_of(&self.given, setting);
        self.faults.push(Fault { setting: setting.to_owned(), what: what.into(), origin });
    }

    /// The whole of it, when nothing is wrong.
    pub fn finish(mut self) -> Result<Config, ConfigError> {
        self.note_unknown();
        if !self.faults.is_empty() {
            return Err(ConfigError(self.faults));
        }
        Ok(Config { defaults: self.defaults, given: self.given })
    }

    fn figment(&self) -> Figment {
        figment(&self.defaults, &self.given)
    }

    fn note(&mut self, errors: figment::Error) {
        for error in errors {
            let setting = error.path.join(".");
            let origin = error.metadata.as_ref().map(|metadata| metadata.name.to_string());
            let origin = origin.unwrap_or_else(|| origin_of(&self.given, &setting));
            self.faults.push(Fault { what: error.kind.to_string(), origin, setting });
        }
    }

    /// A name that nobody reads is a mistake that nobody would notice.
    fn note_unknown(&mut self) {
        let known: BTreeSet<String> =
            leaves(&self.defaults).into_iter().map(|(setting, _)| setting).collect();
        let is_known = |setting: &str| {
            known.iter().any(|one| {
                one == setting || setting.strip_prefix(one.as_str()).is_some_and(|rest| rest.starts_with('.'))
            })
        };
        for layer in &self.given {
            for (setting, _) in leaves(&layer.values) {
                let room = setting.split('.').next().unwrap_or_default();
                let strange_variable = layer.is_environment && !self.defaults.contains_key(room);
                if !strange_variable && !is_known(&setting) {
                    let what = "there is no such setting".to_owned();
                    self.faults.push(Fault { setting, what, origin: layer.origin.clone() });
                }
            }
        }
    }
}

/// Settings in force.
#[derive(Clone)]
pub struct Config {
    defaults: Dict,
    given: Vec<Layer>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.effective()).finish()
    }
}

impl Config {
    /// Every setting with its value and where it came from.
    pub fn effective(&self) -> Vec<Effective> {
        let figment = figment(&self.defaults, &self.given);
        let mut settings: BTreeSet<String> =
            leaves(&self.defaults).into_iter().map(|(setting, _)| setting).collect();
        settings
            .extend(self.given.iter().flat_map(|layer| leaves(&layer.values)).map(|(setting, _)| setting));
        let in_force = settings.into_iter().filter_map(|setting| {
            let value = figment.find_value(&setting).ok()?;
            let value = layers::shown(&setting, &value);
            let origin = origin_of(&self.given, &setting);
            Some(Effective { setting, value, origin })
        });
        in_force.collect()
    }
}

fn figment(defaults: &Dict, given: &[Layer]) -> Figment {
    let mut figment = Figment::from(Layer::new("default", defaults.clone()));
    for layer in given {
        figment = figment.merge(layer.clone());
    }
    figment
}

fn origin_of(given: &[Layer], setting: &str) -> String {
    let source = given.iter().rev().find(|layer| layer.holds(setting));
    source.map_or_else(|| "default".to_owned(), |layer| layer.origin.clone())
}
