//! Layers of settings: each variable and flag is one of its own, so that a fault can name it.

use figment::{
    Error, Metadata, Profile, Provider,
    value::{Dict, Map, Value},
};

use super::{Fault, PREFIX, Sources};

/// Values from one place.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) origin: String,
    pub(super) values: Dict,
    pub(super) is_environment: bool,
}

impl Layer {
    pub(super) fn new(origin: impl Into<String>, values: Dict) -> Self {
        Self { origin: origin.into(), values, is_environment: false }
    }

    /// One setting, `a.b.c`, with a value in the manner of environment variables: numbers and booleans are read.
    fn of_one(origin: String, setting: &str, value: &str) -> Self {
        let value: Value = value.parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
        let values = match figment::util::nest(setting, value) {
            Value::Dict(_, dict) => dict,
            _ => Dict::new(),
        };
        Self::new(origin, values)
    }

    pub(super) fn holds(&self, setting: &str) -> bool {
        let mut path = setting.split('.');
        let Some(mut value) = path.next().and_then(|first| self.values.get(first)) else { return false };
        for key in path {
            match value.as_dict().and_then(|dict| dict.get(key)) {
                Some(inner) => value = inner,
                // A whole value above the setting was replaced.
                None => return value.as_dict().is_none(),
            }
        }
        true
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

pub(super) fn of(sources: &Sources, faults: &mut Vec<Fault>) -> Vec<Layer> {
    let mut layers = Vec::new();
    if let Some(path) = &sources.file {
        let origin = path.display().to_string();
        let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
        match read.and_then(|text| toml::from_str::<Dict>(&text).map_err(|error| error.to_string())) {
            Ok(values) => layers.push(Layer::new(origin, values)),
            Err(what) => faults.push(Fault { setting: String::new(), what, origin }),
        }
    }
    let mut variables = sources.environment.clone();
    variables.sort();
    for (name, value) in &variables {
        let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| !rest.is_empty()) else { continue };
        let setting = rest.to_lowercase().replace("__", ".");
        let mut layer = Layer::of_one(format!("environment {name}"), &setting, value);
        layer.is_environment = true;
        layers.push(layer);
    }
    for (flag, setting, value) in &sources.flags {
        layers.push(Layer::of_one(format!("flag {flag}"), setting, value));
    }
    layers
}

/// `(a.b.c, value)` of every value that is not a table; an empty table stands for what may be in it.
pub(super) fn leaves(dict: &Dict) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (key, value) in dict {
        match value {
            Value::Dict(_, inner) if !inner.is_empty() => {
                found.extend(leaves(inner).into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)));
            }
            _ => found.push((key.clone(), value.clone())),
        }
    }
    found
}

/// Removes `a.b.c`.
pub(super) fn drop_key(dict: &mut Dict, key: &str) {
    match key.split_once('.') {
        None => {
            dict.remove(key);
        }
        Some((first, rest)) => {
            if let Some(Value::Dict(_, inner)) = dict.get_mut(first) {
                drop_key(inner, rest);
            }
        }
    }
}

/// A value for people; secrets stay secret.
pub(super) fn shown(setting: &str, value: &Value) -> String {
    let text = plain(value);
    let name = setting.rsplit('.').next().unwrap_or_default();
    if !text.is_empty() && ["secret", "password", "kek"].iter().any(|word| name.ends_with(word)) {
        return "(secret)".to_owned();
    }
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://(secret)@{rest}"),
        None => text,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(_, text) => text.clone(),
        Value::Char(_, one) => one.to_string(),
        Value::Bool(_, yes) => yes.to_string(),
        Value::Num(_, number) => match (number.to_i128(), number.to_u128(), number.to_f64()) {
            (Some(number), ..) => number.to_string(),
            (_, Some(number), _) => number.to_string(),
            (_, _, Some(number)) => number.to_string(),
            _ => String::new(),
        },
        Value::Empty(..) => String::new(),
        Value::Dict(_, dict) => {
            let inner: Vec<String> =
                dict.iter().map(|(key, value)| format!("{key} = {}", plain(value))).collect();
            format!("{{{}}}", inner.join(", "))
        }
        Value::Array(_, list) => {
            let inner: Vec<String> = list.iter().map(plain).collect();
            format!("[{}]", inner.join(", "))
        }
    }
}
