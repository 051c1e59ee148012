//! One text of DDL for both databases: written in PostgreSQL's words, translated for SQLite.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::SchemaManager;
use sea_orm_migration::sea_orm::DbErr;

/// PostgreSQL's types and those that STRICT tables of SQLite have for them, as sqlx stores them.
const SQLITE_TYPES: [(&str, &str); 6] = [
    ("BIGINT", "INTEGER"),
    ("BYTEA", "BLOB"),
    ("DOUBLE PRECISION", "REAL"),
    ("JSONB", "TEXT"),
    ("TIMESTAMPTZ", "TEXT"),
    ("UUID", "BLOB"),
];

/// Runs DDL. A table's closing parenthesis stands at the beginning of its line.
pub(super) async fn ddl(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let sql = match manager.get_database_backend() {
        DbBackend::Sqlite => SQLITE_TYPES
            .iter()
            .fold(sql.to_owned(), |sql, (postgres, sqlite)| sql.replace(postgres, sqlite))
            .replace("\n)", "\n) STRICT"),
        _ => sql.to_owned(),
    };
    manager.get_connection().execute_unprepared(&sql).await.map(drop)
}

/// Makes a table's rows final: neither changed nor removed.
pub(super) async fn immutable(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let sql = match manager.get_database_backend() {
        DbBackend::Sqlite => ["UPDATE", "DELETE"]
            .map(|change| {
                format!(
                    "CREATE TRIGGER {table}_refuses_{change} BEFORE {change} ON {table} BEGIN
                         SELECT RAISE(ABORT, 'rows of {table} are immutable');
                     END;"
                )
            })
            .join("\n"),
        _ => format!(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger AS $$
             BEGIN
                 RAISE EXCEPTION 'rows of % are immutable', TG_TABLE_NAME;
             END
             $$ LANGUAGE plpgsql;
             CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE ON {table}
                 FOR EACH ROW EXECUTE FUNCTION refuse_change();"
        ),
    };
    manager.get_connection().execute_unprepared(&sql).await.map(drop)
}
