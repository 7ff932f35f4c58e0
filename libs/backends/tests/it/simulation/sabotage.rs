//! The simulation is worth what it finds: promises broken on purpose, each of which some seed must give away.

/// What is broken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Sabotage {
    #[default]
    Nothing,
    /// A condition of a statement is left out.
    Sql(&'static [(&'static str, &'static str)]),
    /// The store answers what it then loses.
    AnswersTooEarly,
    /// The store keeps the work of a unit that failed.
    KeepsWhatFailed,
    /// The log says yes and has nothing: as if the relay moved its cursor first.
    LogDropsWhatItTook,
    /// The log gives later records before earlier ones.
    LogMixes,
    /// The log takes what a former owner of a sink still sends.
    LogKeepsEveryOwner,
    /// The log skips what it has forgotten, without a word.
    LogForgetsSilently,
}

pub(super) const ALL: [(&str, Sabotage); 9] = [
    (
        "a cursor moves whoever moved it before",
        Sabotage::Sql(&[
            ("AND epoch = moved.column2", ""),
            ("AND log_offset = moved.column3 AND source_pos = moved.column4", ""),
        ]),
    ),
    (
        "commands are not remembered",
        Sabotage::Sql(&[
            ("FROM es_command WHERE", "FROM es_command WHERE 1 = 0 AND"),
            ("INSERT INTO es_command", "INSERT OR REPLACE INTO es_command"),
        ]),
    ),
    (
        "a newer value is deleted with the one that was published",
        Sabotage::Sql(&[("(key, revision) IN (SELECT column1, column2", "key IN (SELECT column1")]),
    ),
    ("the store answers too early", Sabotage::AnswersTooEarly),
    ("the store keeps what failed", Sabotage::KeepsWhatFailed),
    ("the log drops what it took", Sabotage::LogDropsWhatItTook),
    ("the log mixes", Sabotage::LogMixes),
    ("the log keeps every owner", Sabotage::LogKeepsEveryOwner),
    ("the log forgets silently", Sabotage::LogForgetsSilently),
];
