use platform::config::{Config, ConfigError, Loading, Section, Settings, Sources};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct Mail {
    smtp_url: String,
    smtp_password: String,
    retries_max: u32,
}

impl Default for Mail {
    fn default() -> Self {
        Self { smtp_url: String::new(), smtp_password: String::new(), retries_max: 3 }
    }
}

impl Section for Mail {
    fn faults(&self) -> Vec<(String, String)> {
        if self.retries_max > 10 { vec![("retries_max".into(), "must be at most 10".into())] } else { vec![] }
    }
}

fn environment(pairs: &[(&str, &str)]) -> Sources {
    let environment = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Sources { environment, ..Sources::default() }
}

fn load(sources: &Sources) -> Result<(Settings, Mail, Config), ConfigError> {
    let mut loading = Loading::new(sources);
    let settings = loading.root::<Settings>();
    let mail = loading.section::<Mail>("mail");
    Ok((settings, mail, loading.finish()?))
}

fn file(text: &str) -> (tempfile::TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stadion.toml");
    std::fs::write(&path, text).unwrap();
    (folder, Sources::default().file(Some(path)))
}

fn in_force(config: &Config, setting: &str) -> (String, String) {
    let found = config.effective().into_iter().find(|one| one.setting == setting).unwrap();
    (found.value, found.origin)
}

#[test]
fn without_anything_given_the_defaults_hold() {
    let (settings, mail, config) = load(&Sources::default()).unwrap();
    assert_eq!(settings.http.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.admin.addr.to_string(), "127.0.0.1:9090");
    assert_eq!(settings.limits.writes_per_s, 60);
    assert_eq!(mail.retries_max, 3);
    assert_eq!(in_force(&config, "limits.sign_ups_per_hour"), ("20".into(), "default".into()));
}

#[test]
fn a_flag_wins_over_the_environment_which_wins_over_the_file() {
    let (_folder, mut sources) = file("[http]\nconnections_max = 1\nrequests_max = 1\nstreams_max = 1\n");
    sources.environment.push(("STADION_HTTP__REQUESTS_MAX".into(), "2".into()));
    sources.environment.push(("STADION_HTTP__STREAMS_MAX".into(), "2".into()));
    let sources = sources.flag("--streams", "http.streams_max", Some("3".into()));
    let (settings, _, config) = load(&sources).unwrap();
    assert_eq!(
        (settings.http.connections_max, settings.http.requests_max, settings.http.streams_max),
        (1, 2, 3)
    );
    assert!(in_force(&config, "http.connections_max").1.ends_with("stadion.toml"));
    assert_eq!(in_force(&config, "http.requests_max").1, "environment STADION_HTTP__REQUESTS_MAX");
    assert_eq!(in_force(&config, "http.streams_max").1, "flag --streams");
}

#[test]
fn all_faults_are_told_at_once_each_with_where_it_stands() {
    let (_folder, mut sources) =
        file("[http]\naddr = \"nowhere\"\n[mail]\nretries_max = 99\n[htpt]\naddr = \"x\"\n");
    sources.environment.push(("STADION_LIMITS__READS_PER_S".into(), "many".into()));
    let faults = load(&sources).unwrap_err().0;
    let told: Vec<&str> = faults.iter().map(|fault| fault.setting.as_str()).collect();
    assert!(told.contains(&"mail.retries_max") && told.contains(&"htpt.addr"), "{faults:?}");
    assert!(told.contains(&"http.addr") || told.contains(&"limits.reads_per_s"), "{faults:?}");
    assert!(faults.iter().all(|fault| !fault.origin.is_empty()), "{faults:?}");
}

#[test]
fn a_value_of_the_wrong_type_names_its_variable() {
    let faults = load(&environment(&[("STADION_LIMITS__READS_PER_S", "many")])).unwrap_err().0;
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].setting, "limits.reads_per_s");
    assert_eq!(faults[0].origin, "environment STADION_LIMITS__READS_PER_S");
}

#[test]
fn a_misspelt_variable_of_a_known_room_is_a_fault_and_a_strange_one_is_not() {
    let faults = load(&environment(&[("STADION_LIMITS__REEDS", "1")])).unwrap_err().0;
    assert_eq!(faults[0].what, "there is no such setting");
    assert!(load(&environment(&[("STADION_TEST_POSTGRES", "postgres://x")])).is_ok());
}

#[test]
fn secrets_are_masked_where_settings_are_shown() {
    let sources = environment(&[
        ("STADION_MAIL__SMTP_PASSWORD", "hunter2"),
        ("STADION_MAIL__SMTP_URL", "smtp://me:hunter2@mail.example"),
    ]);
    let (_, mail, config) = load(&sources).unwrap();
    assert_eq!(mail.smtp_password, "hunter2");
    assert!(config.effective().iter().all(|one| !one.value.contains("hunter2")));
    assert_eq!(in_force(&config, "mail.smtp_url").0, "smtp://(secret)@mail.example");
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_its_name() {
    let missing = Sources::default().file(Some("/nowhere/stadion.toml".into()));
    assert!(load(&missing).unwrap_err().to_string().contains("/nowhere/stadion.toml"));
    let (_folder, broken) = file("[http\n");
    assert!(load(&broken).unwrap_err().to_string().contains("stadion.toml"));
}

#[test]
fn peers_are_a_table_of_free_names() {
    let (_folder, sources) = file("[peers]\nauth = \"http://10.0.0.7:7000\"\n");
    assert_eq!(load(&sources).unwrap().0.peers["auth"], "http://10.0.0.7:7000");
    let (_folder, sources) = file("[peers]\nauth = \"10.0.0.7\"\n");
    assert!(load(&sources).unwrap_err().to_string().contains("peers.auth"));
}
