//! The store's conformance suite: every case runs on an SQLite file and on a real PostgreSQL.

mod books;
mod controls;
mod history;
mod imports;
mod leader;
mod leases;
mod metrics;
mod projects;
mod proposals;
mod sample;
mod schema;
mod sweeps;
mod tokens;

use sweep_harness::postgres::Postgres;
use tempfile::TempDir;

use crate::{Store, sqlite_url};

/// A database of its own for each case.
struct Fixture {
    store: Store,
    url: String,
    _folder: Option<TempDir>,
}

impl Fixture {
    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = sqlite_url(&folder.path().join("with a space?.db"));
        let store = Store::open(&url).await.unwrap();
        Self { store, url, _folder: Some(folder) }
    }

    async fn postgres(server: &Postgres) -> Self {
        let url = server.create_database().unwrap();
        let store = Store::open(&url).await.unwrap();
        Self { store, url, _folder: None }
    }
}

/// Stamps every case out for both databases. PostgreSQL's cases share one test, because each test
/// is a process of its own, and a server per test would be slow.
macro_rules! conformance {
    ($($group:ident: $($case:ident)*;)*) => {
        mod on_sqlite {
            $(mod $group {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let fixture = super::super::Fixture::sqlite().await;
                    super::super::$group::$case(&fixture).await;
                }
            )*})*
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn all_cases_on_postgres() {
            let server = Postgres::start().unwrap();
            $($(
                eprintln!("{}::{}", stringify!($group), stringify!($case));
                let fixture = Fixture::postgres(&server).await;
                $group::$case(&fixture).await;
                fixture.store.db.close().await.unwrap();
            )*)*
        }
    };
}

conformance! {
    schema:
        migrating_twice_does_nothing
        of_racing_migrations_each_is_applied_once
        a_newer_schema_is_refused
        a_database_tells_how_it_is
        entities_agree_with_the_schema
        the_database_refuses_what_must_not_be
        a_full_disk_is_told_apart_and_undoes_the_call;
    sweeps:
        a_name_is_taken_once
        racing_submissions_make_one_sweep
        a_sweep_reads_back_and_moves_on
        the_newest_throughput_wins;
    history:
        a_plan_and_its_runs_read_back_in_order
        plans_form_a_chain
        a_run_that_differs_is_refused
        forecasts_form_a_chain;
    leases:
        a_run_lives_from_plan_to_observation
        of_racing_claims_one_wins
        racing_claims_stop_at_the_budget
        a_worker_holds_one_run
        an_old_epoch_is_refused_everywhere
        ending_twice_settles_once
        a_long_run_extends_its_reservation_while_the_budget_lasts
        a_failed_run_keeps_its_reason
        every_attempt_keeps_how_it_ended
        leases_expire_in_order;
    controls:
        a_cancelled_sweep_frees_what_its_runs_do_not_use
        one_run_is_cancelled_and_brought_back
        a_paused_sweep_goes_on_where_it_was
        a_failed_run_is_retried_and_a_diverged_one_only_by_name
        a_budget_only_grows_and_wakes_a_sweep_that_is_done
        what_cannot_be_asked_is_refused
        racing_orders_are_noted_once
        the_output_of_an_attempt_is_kept_once;
    projects:
        a_project_is_set_and_every_change_noted
        what_a_project_uses_is_told
        racing_claims_stop_at_the_quota
        the_hours_of_a_project_bound_all_its_sweeps;
    proposals:
        proposals_are_counted_and_kept_once
        an_approved_proposal_is_a_plan_and_wakes_its_sweep
        what_is_not_open_cannot_be_decided
        of_racing_decisions_one_stands;
    imports:
        an_import_is_seen_until_it_is_taken_back
        runs_are_imported_once
        of_racing_imports_each_run_is_kept_once
        an_import_into_nothing_is_refused;
    metrics:
        a_replayed_batch_changes_nothing
        a_resumed_attempt_does_not_double_points
        a_large_batch_and_odd_values_are_kept
        chunks_of_an_ended_run_are_put_together
        points_of_a_row_each_are_moved_into_chunks
        reading_a_series_uses_its_key
        months_have_partitions;
    tokens:
        a_token_reads_back_and_its_name_is_given_once
        a_token_is_taken_back_once
        the_first_admin_is_made_once
        an_attempt_knows_its_token;
    leader:
        one_of_two_leads;
    books:
        the_books_agree_with_the_model_event_by_event
        concurrent_events_never_overspend;
}
