use std::collections::BTreeSet;

use sea_orm::{
    ColumnTrait, ConnectOptions, ConnectionTrait, Database, DbBackend, EntityTrait, IdenStatic,
    Iterable, Statement,
};
use sweep_core::clock::{Clock as _, SystemClock};
use sweep_core::control::Control;
use sweep_core::forecast::Forecast;
use sweep_core::ids::ForecastId;
use sweep_core::metric::Metric;
use sweep_core::observation::Observation;
use sweep_core::output::OutputPart;
use sweep_core::project::Project;
use sweep_core::proposal::Decider;

use super::Fixture;
use super::sample::proposal as proposal_of;
use super::sample::{NOW, claim, ms, new_import, new_sweep, order, point, queued, result};
use crate::entity::{
    api_token, api_token_revocation, attempt_output, control_event, forecast, import,
    import_withdrawal, lease, ledger, ledger_entry, metric_chunk, observation, plan, plan_run,
    project, project_change, proposal, proposal_decision, run, sweep, throughput,
};
use crate::tx::writing;
use crate::{Back, Error, MigrationReport, ProjectOrder, Ruling, Store};

pub(super) async fn migrating_twice_does_nothing(fixture: &Fixture) {
    let first = fixture.store.migrate().await.unwrap();
    assert_eq!(first.applied.len(), 16);
    assert_eq!(first.applied[0], "m20261124_120000_sweep");
    let second = fixture.store.migrate().await.unwrap();
    assert_eq!(second, MigrationReport { applied: Vec::new() });
    Store::open(&fixture.url).await.unwrap();
}

pub(super) async fn of_racing_migrations_each_is_applied_once(fixture: &Fixture) {
    let mut tasks = Vec::new();
    for _ in 0..4 {
        // Each with connections of its own, as processes have.
        let store = Store::open(&fixture.url).await.unwrap();
        tasks.push(tokio::spawn(async move { store.migrate().await.unwrap().applied.len() }));
    }
    let mut applied = Vec::new();
    for task in tasks {
        applied.push(task.await.unwrap());
    }
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, 0, 16]);
}

pub(super) async fn a_newer_schema_is_refused(fixture: &Fixture) {
    fixture.store.migrate().await.unwrap();
    let future = "INSERT INTO seaql_migrations VALUES ('m29990101_000000_future', 0)";
    fixture.store.db.execute_unprepared(future).await.unwrap();
    let opened = Store::open(&fixture.url).await.map(drop);
    let migrated = fixture.store.migrate().await.map(drop);
    for refused in [opened, migrated] {
        let Err(Error::NewerSchema { found, known }) = refused else { panic!("{refused:?}") };
        assert_eq!(found, "m29990101_000000_future");
        assert_eq!(known, "m20261203_120000_proposal");
    }
}

pub(super) async fn a_database_tells_how_it_is(fixture: &Fixture) {
    let before = fixture.store.condition().await.unwrap();
    assert_eq!(before.schema, None);
    fixture.store.migrate().await.unwrap();
    fixture.store.ping().await.unwrap();
    let condition = fixture.store.condition().await.unwrap();
    assert_eq!(condition.schema.as_ref(), Some(&condition.schema_known));
    assert!(condition.version.starts_with(|first: char| first.is_ascii_digit()), "{condition:?}");
    // The database of a test is of this machine.
    let skew_ms = SystemClock.now().0 - condition.at.0;
    assert!((0..60_000).contains(&skew_ms), "{skew_ms} ms");
}

pub(super) async fn entities_agree_with_the_schema(fixture: &Fixture) {
    fixture.store.migrate().await.unwrap();
    let mut tables = BTreeSet::from(["seaql_migrations".to_owned()]);
    macro_rules! compare {
        ($($entity:ident)*) => {$(
            let (table, columns) = declared($entity::Entity);
            assert_eq!(columns, actual(&fixture.store, &table).await, "{table}");
            tables.insert(table);
        )*};
    }
    compare! {
        api_token api_token_revocation attempt_output control_event forecast import import_withdrawal lease ledger ledger_entry metric_chunk observation plan plan_run project project_change proposal proposal_decision run sweep throughput
    }
    let all = match fixture.store.db.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        }
        _ => {
            "SELECT relname::text AS name FROM pg_class
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
                 AND NOT relispartition"
        }
    };
    let all: BTreeSet<String> = rows(&fixture.store, all)
        .await
        .iter()
        .map(|row| row.try_get("", "name").unwrap())
        .collect();
    assert_eq!(tables, all);
    let readme = include_str!("../../README.md");
    for table in tables.iter().filter(|table| *table != "seaql_migrations") {
        assert!(readme.contains(&format!("| `{table}` |")), "the README lists `{table}`");
    }
}

/// Columns and whether they may be null, as the code believes.
fn declared<E: EntityTrait>(entity: E) -> (String, BTreeSet<(String, bool)>) {
    let columns = E::Column::iter();
    let columns = columns.map(|column| (column.as_str().to_owned(), column.def().is_null()));
    (entity.table_name().to_owned(), columns.collect())
}

/// Columns and whether they may be null, as the database says.
async fn actual(store: &Store, table: &str) -> BTreeSet<(String, bool)> {
    let sql = match store.db.get_database_backend() {
        // A STRICT table has no null in its primary key.
        DbBackend::Sqlite => format!(
            "SELECT name, (\"notnull\" = 0 AND pk = 0) AS nullable
             FROM pragma_table_info('{table}')"
        ),
        _ => format!(
            "SELECT column_name::text AS name, (is_nullable = 'YES')::int AS nullable
             FROM information_schema.columns WHERE table_name = '{table}'"
        ),
    };
    let column = |row: &sea_orm::QueryResult| {
        let nullable: i32 = row.try_get("", "nullable").unwrap();
        (row.try_get("", "name").unwrap(), nullable == 1)
    };
    rows(store, &sql).await.iter().map(column).collect()
}

async fn rows(store: &Store, sql: &str) -> Vec<sea_orm::QueryResult> {
    let statement = Statement::from_string(store.db.get_database_backend(), sql);
    store.db.query_all_raw(statement).await.unwrap()
}

/// Statements that would break a promise of the schema, on a database with a row in every table.
const REFUSED: [&str; 49] = [
    "UPDATE ledger SET free_ms = free_ms + 1",
    "UPDATE ledger SET free_ms = -1, reserved_ms = granted_ms - spent_ms + 1",
    "UPDATE ledger SET spent_ms = -1, free_ms = granted_ms - reserved_ms + 1",
    "UPDATE ledger_entry SET amount_ms = 0",
    "DELETE FROM ledger_entry",
    "UPDATE lease SET metered_ms = reserved_ms + 1",
    "UPDATE lease SET closed_at = NULL",
    "UPDATE lease SET worker_id = (SELECT id FROM sweep LIMIT 1)",
    "UPDATE run SET state = 'lost'",
    "UPDATE run SET state = 'succeeded'",
    "UPDATE run SET state = 'failed'",
    "UPDATE run SET spent_ms = -1",
    "DELETE FROM run",
    "UPDATE sweep SET name = 'sample'",
    "UPDATE sweep SET phase = 'paused'",
    "DELETE FROM sweep",
    "UPDATE plan SET granted_ms = granted_ms + 1",
    "DELETE FROM plan",
    "UPDATE plan_run SET position = position + 100",
    "INSERT INTO plan (id, sweep_id, parent_id, generation, granted_ms)
     SELECT run_id, sweep_id, plan.id, 2, 0 FROM plan, plan_run",
    "INSERT INTO plan (id, sweep_id, parent_id, generation, granted_ms)
     SELECT run_id, sweep_id, NULL, 1, 0 FROM plan, plan_run WHERE position = 0",
    "UPDATE forecast SET observations_n = observations_n + 1",
    "UPDATE observation SET sweep_id = sweep_id",
    "UPDATE import SET runs_n = runs_n + 1",
    "DELETE FROM import_withdrawal",
    "INSERT INTO import SELECT sweep_id, sweep_id, source, 0, observations, imported_at FROM import",
    "UPDATE control_event SET reason = 'another'",
    "DELETE FROM control_event",
    "INSERT INTO control_event SELECT sweep_id, 9, happened_at, 'raise', actor, reason, run_id, 7, 7
     FROM control_event",
    "INSERT INTO control_event SELECT sweep_id, 9, happened_at, 'pause', actor, reason, run_id, 7, 8
     FROM control_event",
    "UPDATE run SET stop = 'pause' WHERE state = 'succeeded'",
    "UPDATE lease SET ended = 'forgotten' WHERE closed_at IS NOT NULL",
    "UPDATE lease SET ended = 'succeeded' WHERE closed_at IS NULL",
    "UPDATE project_change SET weight = 3",
    "DELETE FROM project_change",
    "UPDATE project SET weight = 0",
    "UPDATE attempt_output SET skipped_n = 1",
    "UPDATE proposal SET number = number + 1",
    "DELETE FROM proposal",
    "DELETE FROM proposal_decision",
    "INSERT INTO proposal_decision SELECT plan_id, decided_at, 'approved', decider, NULL, decision
     FROM proposal_decision",
    "INSERT INTO metric_chunk SELECT run_id, metric, epoch, sequence, 0, 0, 1, steps, point_values
     FROM metric_chunk",
    "UPDATE metric_chunk SET last_step = first_step - 1",
    "UPDATE api_token SET role = 'admin'",
    "DELETE FROM api_token",
    "INSERT INTO api_token SELECT 'ffffffff', name, role, project, hash, created_by, created_at, NULL
     FROM api_token",
    "INSERT INTO api_token SELECT 'ffffffff', 'other', 'owner', NULL, hash, created_by, created_at, NULL
     FROM api_token",
    "UPDATE api_token_revocation SET revoked_by = 'another'",
    "DELETE FROM api_token_revocation",
];

pub(super) async fn the_database_refuses_what_must_not_be(fixture: &Fixture) {
    let store = &fixture.store;
    let (sweep, runs) = queued(store, 100, 3).await;
    store.create_sweep(&new_sweep("other", 7)).await.unwrap();
    // A run with an attempt behind it and one that holds it, another held, and one observed.
    store.claim(&claim(runs[0], 20)).await.unwrap();
    store.append_metrics(runs[0], 1, 0, &[point(Metric::TrainLoss, 1, 2.0)]).await.unwrap();
    store.requeue(runs[0], 1, Some(ms(5)), &Back::preempted(), NOW).await.unwrap();
    store.claim(&claim(runs[0], 20)).await.unwrap();
    store.claim(&claim(runs[1], 20)).await.unwrap();
    store.claim(&claim(runs[2], 20)).await.unwrap();
    store.start(runs[2], 1).await.unwrap();
    let spec = store.run(runs[2]).await.unwrap().unwrap().1.spec;
    let seen = Observation::from_run(&spec, &result());
    store.succeed(runs[2], 1, ms(5), &result(), &seen, NOW).await.unwrap();
    let forecast = Forecast {
        id: ForecastId::new(),
        sweep,
        parent: None,
        made_at: NOW,
        observations_n: 1,
        arms: Vec::new(),
        crossovers: Vec::new(),
    };
    store.put_forecast(&forecast).await.unwrap();
    let import = store.import(&new_import(sweep, &[1.0])).await.unwrap().unwrap();
    store.withdraw_import(import.id, NOW).await.unwrap();

    let plan = store.newest_plan(sweep).await.unwrap().unwrap();
    let proposed = proposal_of(sweep, forecast.id, plan, &[1]);
    store.put_proposal(&proposed).await.unwrap();
    let ruling = Ruling {
        proposal: proposed.id,
        approved: None,
        cost: ms(0),
        decider: Decider::Person,
        actor: String::new(),
        reason: String::new(),
        at: NOW,
    };
    store.decide(&ruling).await.unwrap();

    let order = order(sweep, Control::Pause);
    store.control(&order).await.unwrap();
    let output = OutputPart { epoch: 1, text: "loss 2".to_owned(), skipped_n: 0 };
    store.put_output(runs[0], &output).await.unwrap();

    let project = Project::unset("default");
    let (actor, reason) = (String::new(), String::new());
    store.set_project(&ProjectOrder { project, actor, reason, at: NOW }).await.unwrap();

    let token = super::tokens::token("ci", 7);
    store.create_token(&token, &[7; 32]).await.unwrap();
    store.revoke_token("ci", "ada", NOW).await.unwrap();

    for sql in REFUSED {
        let error = store.db.execute_unprepared(sql).await.expect_err(sql).to_string();
        // Refused for what it asks, not for how it is written.
        assert!(error.contains("constraint") || error.contains("immutable"), "{sql}: {error}");
    }
    assert_eq!(store.balance(sweep).await.unwrap().spent, ms(10));
}

/// SQLite runs into the end of its file. PostgreSQL's disk cannot be filled here: it raises the
/// error that it would raise then.
pub(super) async fn a_full_disk_is_told_apart_and_undoes_the_call(fixture: &Fixture) {
    let (_, runs) = queued(&fixture.store, 100, 1).await;
    let lease = fixture.store.claim(&claim(runs[0], 10)).await.unwrap();
    let points: Vec<_> = (0..5000).map(|step| point(Metric::TrainLoss, step, 1.0)).collect();
    let append = async |store: &Store| store.append_metrics(runs[0], lease.epoch, 0, &points).await;
    // One connection, because the limit is one connection's.
    let mut options = ConnectOptions::new(&fixture.url);
    options.max_connections(1);
    let db = Database::connect(options).await.unwrap();
    let store = Store { db, ..fixture.store.clone() };
    let refused = match store.db.get_database_backend() {
        DbBackend::Sqlite => {
            store.db.execute_unprepared("PRAGMA max_page_count = 1").await.unwrap();
            append(&store).await
        }
        _ => raise_disk_full(&store).await,
    };
    assert!(matches!(refused, Err(Error::DiskFull { .. })), "{refused:?}");
    assert!(store.metrics(runs[0], Metric::TrainLoss).await.unwrap().is_empty());
    if store.db.get_database_backend() == DbBackend::Sqlite {
        store.db.execute_unprepared("PRAGMA max_page_count = 1000000").await.unwrap();
    }
    append(&store).await.unwrap();
    assert_eq!(store.metrics(runs[0], Metric::TrainLoss).await.unwrap(), points);
    store.db.close().await.unwrap();
}

async fn raise_disk_full(store: &Store) -> Result<(), Error> {
    writing!(store, |tx| {
        let full = "DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$";
        tx.execute_unprepared(full).await?;
        Ok(())
    })
}

#[tokio::test]
async fn an_address_of_no_database_is_refused() {
    for url in ["mysql://localhost/x", "sweep.db", ""] {
        let refused = Store::open(url).await.map(drop);
        assert!(matches!(refused, Err(Error::BadUrl { .. })), "{url}: {refused:?}");
    }
    let missing = Store::open("sqlite:///no/such/folder/sweep.db").await.map(drop);
    assert!(matches!(missing, Err(Error::Database { .. })), "{missing:?}");
}
