//! Whether a coordinator and its surroundings are well: what it tells of itself, and what that means.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::access::Role;
use crate::clock::Timestamp;
use crate::words::counted;

/// Clocks that differ by more than this are worth a word: times of journals are of different machines.
pub const SKEW_WARN_MS: i64 = 5_000;
/// Half of the time after which a lease is lost.
pub const SKEW_FAIL_MS: i64 = 15_000;
/// With less the disk may fill within a sweep.
pub const DISK_WARN_BYTES: u64 = 1 << 30;
/// With less a checkpoint may find no room.
pub const DISK_FAIL_BYTES: u64 = 100 << 20;
/// A token that expires sooner is to be replaced now.
const EXPIRY_WARN_MS: i64 = 7 * 24 * 3_600_000;

/// What a coordinator tells of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerReport {
    /// Of the program.
    pub version: String,
    pub at: Timestamp,
    pub database: DatabaseReport,
    /// Free for the coordinator's data directory; none where the system does not say.
    pub disk_free_bytes: Option<u64>,
    /// Workers that have asked lately or hold a lease.
    pub workers_n: u32,
    /// None where nobody has to sign in.
    pub token: Option<TokenReport>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseReport {
    /// `SQLite` or `PostgreSQL`.
    pub kind: String,
    pub version: String,
    /// By its own clock.
    pub at: Timestamp,
    /// The newest migration that was applied; none for an empty database.
    pub schema: Option<String>,
    /// The newest migration that the coordinator knows.
    pub schema_known: String,
}

/// The token of whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenReport {
    pub name: String,
    pub role: Role,
    pub project: Option<String>,
    pub expires_at: Option<Timestamp>,
}

/// What the client saw of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientView {
    /// Of the program.
    pub version: String,
    pub url: String,
    /// By the client's clock, before and after the call.
    pub sent_at: Timestamp,
    pub received_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    pub verdict: Verdict,
    pub says: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Check {
    #[must_use]
    pub fn new(name: &str, verdict: Verdict, says: impl Into<String>) -> Self {
        Self { name: name.to_owned(), verdict, says: says.into(), hint: None }
    }

    /// With a hint, unless all is well.
    #[must_use]
    pub fn hint(mut self, hint: &str) -> Self {
        self.hint = (self.verdict != Verdict::Ok).then(|| hint.to_owned());
        self
    }
}

/// What a report means, in the order in which to look at it.
#[must_use]
pub fn checks(report: &ServerReport, client: &ClientView) -> Vec<Check> {
    vec![
        connection(client),
        versions(report, client),
        database(&report.database),
        schema(&report.database),
        client_clock(report, client),
        database_clock(report),
        disk(report.disk_free_bytes),
        workers(report.workers_n),
        token(report),
    ]
}

fn connection(ClientView { url, sent_at, received_at, .. }: &ClientView) -> Check {
    let took_ms = received_at.0.saturating_sub(sent_at.0);
    Check::new("connection", Verdict::Ok, format!("{url} answers in {took_ms} ms"))
}

fn versions(report: &ServerReport, client: &ClientView) -> Check {
    let (server, client) = (&report.version, &client.version);
    let verdict = if server == client { Verdict::Ok } else { Verdict::Warn };
    let says = format!("coordinator {server}, this program {client}");
    Check::new("version", verdict, says).hint("take the same version on both sides")
}

fn database(DatabaseReport { kind, version, .. }: &DatabaseReport) -> Check {
    Check::new("database", Verdict::Ok, format!("{kind} {version}"))
}

fn schema(DatabaseReport { schema, schema_known, .. }: &DatabaseReport) -> Check {
    let (verdict, says) = match schema {
        Some(schema) if schema == schema_known => (Verdict::Ok, schema.clone()),
        Some(schema) => (Verdict::Fail, format!("at {schema}, and {schema_known} is known")),
        None => (Verdict::Fail, format!("empty, and {schema_known} is known")),
    };
    Check::new("schema", verdict, says).hint("`sweepctl migrate` brings it to the newest")
}

fn skewed(name: &str, skew_ms: i64, says: &str) -> Check {
    let verdict = match skew_ms.saturating_abs() {
        skew if skew > SKEW_FAIL_MS => Verdict::Fail,
        skew if skew > SKEW_WARN_MS => Verdict::Warn,
        _ => Verdict::Ok,
    };
    let limits =
        format!("{} s is worth a word, {} s too much", SKEW_WARN_MS / 1000, SKEW_FAIL_MS / 1000);
    Check::new(name, verdict, format!("{says}; {limits}")).hint("keep the clocks by NTP")
}

/// Told to half of what the call took: nobody knows when on its way the report was made.
fn client_clock(report: &ServerReport, client: &ClientView) -> Check {
    let took_ms = client.received_at.0.saturating_sub(client.sent_at.0).max(0);
    let skew_ms = report.at.0.saturating_sub(client.sent_at.0.saturating_add(took_ms / 2));
    let says = format!(
        "that of the coordinator is {skew_ms:+} ms from this machine's, known to {} ms",
        took_ms / 2 + 1
    );
    skewed("clock", skew_ms, &says)
}

fn database_clock(report: &ServerReport) -> Check {
    let skew_ms = report.database.at.0.saturating_sub(report.at.0);
    let says = format!("that of the database is {skew_ms:+} ms from the coordinator's");
    skewed("database clock", skew_ms, &says)
}

fn disk(free_bytes: Option<u64>) -> Check {
    let (verdict, says) = match free_bytes {
        None => (Verdict::Warn, "the system does not say how much is free".to_owned()),
        Some(free) => {
            let verdict = match free {
                free if free < DISK_FAIL_BYTES => Verdict::Fail,
                free if free < DISK_WARN_BYTES => Verdict::Warn,
                _ => Verdict::Ok,
            };
            let mebibytes = |bytes: u64| bytes >> 20;
            let (free, warn) = (mebibytes(free), mebibytes(DISK_WARN_BYTES));
            (verdict, format!("{free} MiB are free for the data directory; {warn} MiB are enough"))
        }
    };
    Check::new("disk", verdict, says)
        .hint("free space on the disk of the coordinator's data directory")
}

fn workers(workers_n: u32) -> Check {
    let verdict = if workers_n == 0 { Verdict::Warn } else { Verdict::Ok };
    Check::new("workers", verdict, counted(workers_n as usize, "worker"))
        .hint("`sweepctl worker --server URL` trains runs; without one they wait")
}

fn token(report: &ServerReport) -> Check {
    let Some(TokenReport { name, role, project, expires_at }) = &report.token else {
        return Check::new("token", Verdict::Ok, "nobody has to sign in");
    };
    let of = project.as_deref().unwrap_or("all projects");
    let until = expires_at.map_or_else(|| "revoked".to_owned(), |at| at.to_string());
    let is_short = expires_at.is_some_and(|at| at.0.saturating_sub(report.at.0) < EXPIRY_WARN_MS);
    let verdict = if is_short { Verdict::Warn } else { Verdict::Ok };
    Check::new("token", verdict, format!("{name}: {role} of {of}, until {until}"))
        .hint("it expires soon: `sweepctl token create` makes another")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> ServerReport {
        ServerReport {
            version: "0.1.0".to_owned(),
            at: Timestamp(1_000_010),
            database: DatabaseReport {
                kind: "PostgreSQL".to_owned(),
                version: "15.18".to_owned(),
                at: Timestamp(1_000_011),
                schema: Some("m2".to_owned()),
                schema_known: "m2".to_owned(),
            },
            disk_free_bytes: Some(DISK_WARN_BYTES),
            workers_n: 2,
            token: None,
        }
    }

    fn client() -> ClientView {
        ClientView {
            version: "0.1.0".to_owned(),
            url: "http://sweeps:7700".to_owned(),
            sent_at: Timestamp(1_000_000),
            received_at: Timestamp(1_000_020),
        }
    }

    /// The verdict on one thing; all others have to be well.
    fn only(name: &str, report: &ServerReport, client: &ClientView) -> Verdict {
        let all = checks(report, client);
        assert!(
            all.iter().all(|check| check.name == name || check.verdict == Verdict::Ok),
            "{all:?}"
        );
        assert!(all.iter().all(|check| check.hint.is_some() == (check.verdict != Verdict::Ok)));
        all.iter().find(|check| check.name == name).unwrap().verdict
    }

    #[test]
    fn each_fault_is_told_and_by_its_limit() {
        use Verdict::{Fail, Ok, Warn};
        assert_eq!(only("connection", &report(), &client()), Ok);
        let old = ClientView { version: "0.0.9".to_owned(), ..client() };
        assert_eq!(only("version", &report(), &old), Warn);
        for (schema, verdict) in [(None, Fail), (Some("m1".to_owned()), Fail)] {
            let database = DatabaseReport { schema, ..report().database };
            assert_eq!(only("schema", &ServerReport { database, ..report() }, &client()), verdict);
        }
        for (skew_ms, verdict) in [(5_000, Ok), (5_001, Warn), (-15_000, Warn), (-15_001, Fail)] {
            let shifted = Timestamp(1_000_000 - skew_ms);
            let client =
                ClientView { sent_at: shifted, received_at: shifted.plus_ms(20), ..client() };
            assert_eq!(only("clock", &report(), &client), verdict, "{skew_ms}");
            let database =
                DatabaseReport { at: Timestamp(1_000_010 + skew_ms), ..report().database };
            let report = ServerReport { database, ..report() };
            assert_eq!(only("database clock", &report, &self::client()), verdict, "{skew_ms}");
        }
        for (free, verdict) in [
            (Some(DISK_WARN_BYTES - 1), Warn),
            (Some(DISK_FAIL_BYTES), Warn),
            (Some(DISK_FAIL_BYTES - 1), Fail),
            (None, Warn),
        ] {
            let report = ServerReport { disk_free_bytes: free, ..report() };
            assert_eq!(only("disk", &report, &client()), verdict, "{free:?}");
        }
        assert_eq!(only("workers", &ServerReport { workers_n: 0, ..report() }, &client()), Warn);
        for (days, verdict) in [(6, Warn), (8, Ok)] {
            let token = Some(TokenReport {
                name: "ada".to_owned(),
                role: Role::Submitter,
                project: Some("vision".to_owned()),
                expires_at: Some(report().at.plus_ms(days * 24 * 3_600_000)),
            });
            assert_eq!(only("token", &ServerReport { token, ..report() }, &client()), verdict);
        }
    }
}
