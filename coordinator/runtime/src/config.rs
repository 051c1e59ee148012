//! Process configuration: defaults < `sweep.toml` < `SWEEP_*` variables; the caller puts its flags
//! on top.
//!
//! Keys are kebab-case in the file (`data-dir`) and upper-case in the environment
//! (`SWEEP_DATA_DIR`).

use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Read when no file is named, and allowed not to be there.
pub const DEFAULT_FILE: &str = "sweep.toml";

/// Loads a configuration struct over its own defaults.
///
/// Only variables that name a key of `T` are looked at, so that `T` may refuse unknown keys of the
/// file (`deny_unknown_fields`) although other `SWEEP_*` variables exist.
///
/// # Errors
/// When a named file is missing, or a value does not fit its key.
pub fn load<T: Default + Serialize + DeserializeOwned>(file: Option<&Path>) -> Result<T, Error> {
    if let Some(path) = file
        && !path.is_file()
    {
        return Err(Error::ConfigMissing { path: path.to_owned() });
    }
    let defaults = Figment::from(Serialized::defaults(T::default()));
    let keys = keys(&defaults)?;
    let variables = Env::prefixed("SWEEP_")
        .map(|key| key.as_str().replace('_', "-").into())
        .filter(move |key| keys.iter().any(|known| known == &key.as_str().to_lowercase()));
    let default_file = Some(Path::new(DEFAULT_FILE)).filter(|path| path.is_file());
    let settings = match file.or(default_file) {
        Some(path) => defaults.merge(Toml::file_exact(path)),
        None => defaults,
    };
    settings.merge(variables).extract().map_err(|error| broken(&error))
}

/// The configuration as a file that [`load`] reads back.
///
/// # Errors
/// When `config` holds something TOML has no form for.
pub fn dump<T: Serialize>(config: &T) -> Result<String, Error> {
    toml::to_string_pretty(config).map_err(|error| Error::Config { message: error.to_string() })
}

fn keys(defaults: &Figment) -> Result<Vec<String>, Error> {
    let values: figment::value::Dict = defaults.extract().map_err(|error| broken(&error))?;
    Ok(values.into_keys().collect())
}

/// What is wrong, with which key, and where that came from.
fn broken(error: &figment::Error) -> Error {
    let mut message = error.kind.to_string();
    if !error.path.is_empty() {
        message = format!("`{}`: {message}", error.path.join("."));
    }
    if let Some(metadata) = &error.metadata {
        let place = metadata.source.as_ref().map(ToString::to_string);
        message += &format!(" in {}", place.unwrap_or_else(|| metadata.name.to_string()));
    }
    Error::Config { message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
    struct Config {
        listen_port: u16,
        note: Option<String>,
    }

    impl Default for Config {
        fn default() -> Self {
            Self { listen_port: 7700, note: None }
        }
    }

    fn load_text(text: &str) -> Result<Config, Error> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sweep.toml");
        std::fs::write(&file, text).unwrap();
        load(Some(&file))
    }

    #[test]
    fn a_file_overrides_defaults() {
        let config = load_text("note = \"a\"").unwrap();
        assert_eq!(config, Config { listen_port: 7700, note: Some("a".into()) });
    }

    #[test]
    fn an_unknown_key_and_a_wrong_value_are_refused_by_name() {
        let unknown = load_text("listen-prot = 1").unwrap_err().to_string();
        assert!(unknown.contains("listen-prot"), "{unknown}");
        let wrong = load_text("listen-port = \"seven\"").unwrap_err().to_string();
        assert!(wrong.contains("listen-port") && wrong.contains("sweep.toml"), "{wrong}");
    }

    #[test]
    fn without_any_file_the_defaults_hold() {
        assert_eq!(load::<Config>(None).unwrap(), Config::default());
    }

    #[test]
    fn a_named_file_must_exist() {
        let missing = load::<Config>(Some(Path::new("/nowhere/sweep.toml")));
        assert!(matches!(missing, Err(Error::ConfigMissing { .. })));
    }

    #[test]
    fn a_dump_reads_back() {
        let config = Config { listen_port: 1, note: Some("b".into()) };
        assert_eq!(load_text(&dump(&config).unwrap()).unwrap(), config);
    }
}
