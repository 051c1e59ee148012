//! Projects: what each may have, who set that, and what it uses.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait,
    PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect, Statement,
};
use sweep_core::clock::Timestamp;
use sweep_core::project::{Project, ProjectChange, ProjectUse, SHARE_WINDOW_HOURS};
use sweep_core::units::AcceleratorTime;

use crate::column::{from_at, from_ms, from_n, to_at, to_ms};
use crate::entity::{lease, ledger, project, project_change, run, sweep};
use crate::error::Error;
use crate::tx::writing;
use crate::{Store, column};

/// Something to set of a project.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectOrder {
    /// As it shall be from now on.
    pub project: Project,
    pub actor: String,
    pub reason: String,
    pub at: Timestamp,
}

impl Store {
    /// Sets what a project may have, and notes who did. Setting what is so already changes and notes
    /// nothing.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_project(&self, order: &ProjectOrder) -> Result<Option<ProjectChange>, Error> {
        writing!(self, |tx| {
            let wanted = row(&order.project)?;
            let found = project::Entity::find_by_id(&order.project.name).lock_exclusive().one(tx);
            match found.await? {
                Some(known) if known == wanted => return Ok(None),
                Some(_) => drop(all_set(&wanted).update(tx).await?),
                None => drop(all_set(&wanted).insert(tx).await?),
            }
            let number = changes_of(&order.project.name).count(tx).await? + 1;
            let change = project_change::ActiveModel {
                project: Set(wanted.name),
                number: Set(column::to_n("number of changes", number)?),
                happened_at: Set(to_at(order.at)?),
                actor: Set(order.actor.clone()),
                reason: Set(order.reason.clone()),
                weight: Set(wanted.weight),
                granted_ms: Set(wanted.granted_ms),
                running_max: Set(wanted.running_max),
            };
            Ok(Some(change_of(change.insert(tx).await?)?))
        })
    }

    /// What was set of a project, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn project_changes(&self, name: &str) -> Result<Vec<ProjectChange>, Error> {
        let rows = changes_of(name).order_by_asc(project_change::Column::Number).all(&self.db);
        rows.await?.into_iter().map(change_of).collect()
    }

    /// Every project that was set or has a sweep, by name, with what it uses.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn projects(&self, now: Timestamp) -> Result<Vec<ProjectUse>, Error> {
        let mut projects: BTreeMap<String, ProjectUse> = BTreeMap::new();
        for row in project::Entity::find().all(&self.db).await? {
            let known = of_row(row)?;
            projects.insert(known.name.clone(), unused(known));
        }
        let mut entry = |name: String, change: &dyn Fn(&mut ProjectUse)| {
            let fresh = || unused(Project::unset(&name));
            change(projects.entry(name.clone()).or_insert_with(fresh));
        };
        for (name, [sweeps, spent, reserved]) in self.summed(BALANCES).await? {
            let (sweeps_n, spent, reserved) =
                (from_n("sweeps", sweeps)?, from_ms(spent)?, from_ms(reserved)?);
            entry(name, &|known| {
                (known.sweeps_n, known.spent, known.reserved) = (sweeps_n, spent, reserved);
            });
        }
        let since = hour(now) - SHARE_WINDOW_HOURS;
        for (name, [running, used, _]) in self.summed(&attempts_since(since)).await? {
            let (running_n, used) = (from_n("runs", running)?, from_ms(used)?);
            entry(name, &|known| (known.running_n, known.used_lately) = (running_n, used));
        }
        Ok(projects.into_values().collect())
    }

    /// Three sums for each project.
    async fn summed(&self, sql: &str) -> Result<Vec<(String, [i64; 3])>, Error> {
        let statement = Statement::from_string(self.db.get_database_backend(), sql);
        let rows = self.db.query_all_raw(statement).await?;
        let sums = |row: &sea_orm::QueryResult| {
            let sum = |name| row.try_get::<i64>("", name);
            Ok((row.try_get("", "project")?, [sum("a")?, sum("b")?, sum("c")?]))
        };
        rows.iter().map(sums).collect()
    }
}

/// Sweeps, milliseconds spent and reserved.
const BALANCES: &str = "
SELECT sweep.project AS project, COUNT(*) AS a, CAST(SUM(ledger.spent_ms) AS BIGINT) AS b,
       CAST(SUM(ledger.reserved_ms) AS BIGINT) AS c
FROM ledger JOIN sweep ON sweep.id = ledger.sweep_id GROUP BY sweep.project";

/// Attempts in progress, and milliseconds of those and of the ones that ended after an hour.
fn attempts_since(hour: i64) -> String {
    format!(
        "SELECT sweep.project AS project,
                CAST(SUM(CASE WHEN lease.closed_at IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS a,
                CAST(SUM(lease.metered_ms) AS BIGINT) AS b, CAST(0 AS BIGINT) AS c
         FROM lease JOIN run ON run.id = lease.run_id JOIN sweep ON sweep.id = run.sweep_id
         WHERE lease.closed_at IS NULL OR lease.closed_hour > {hour} GROUP BY sweep.project"
    )
}

/// Hours since 1970, for the window of the fair share: times themselves do not compare in SQLite.
pub(crate) const fn hour(at: Timestamp) -> i64 {
    at.0.div_euclid(3_600_000)
}

/// What is free of a project's hours, in milliseconds, and whether it may start a run more. Nobody else
/// starts one of it before this transaction ends.
pub(crate) struct Room {
    pub(crate) free_ms: Option<i64>,
    pub(crate) full: Option<Full>,
}

/// A project with as many runs in progress as it may have.
pub(crate) struct Full {
    pub(crate) project: String,
    pub(crate) running_n: u32,
    pub(crate) running_max: u32,
}

/// The room of the project that a sweep is of.
pub(crate) async fn room(
    tx: &impl ConnectionTrait,
    of: sea_orm::prelude::Uuid,
) -> Result<Room, Error> {
    let none = Room { free_ms: None, full: None };
    let Some(sweep) = sweep::Entity::find_by_id(of).one(tx).await? else { return Ok(none) };
    let found = project::Entity::find_by_id(&sweep.project).lock_exclusive().one(tx).await?;
    let Some(limits) = found else { return Ok(none) };
    let free_ms = match limits.granted_ms {
        None => None,
        Some(granted) => {
            let books = ledger::Entity::find()
                .filter(ledger::Column::SweepId.in_subquery(sweeps_of(&limits.name)))
                .all(tx)
                .await?;
            let used: i64 = books.iter().map(|book| book.spent_ms + book.reserved_ms).sum();
            Some((granted - used).max(0))
        }
    };
    let full = match limits.running_max {
        None => None,
        Some(max) => {
            let mut runs = Query::select();
            runs.column(run::Column::Id)
                .from(run::Entity)
                .and_where(run::Column::SweepId.in_subquery(sweeps_of(&limits.name)));
            let running = lease::Entity::find()
                .filter(lease::Column::ClosedAt.is_null())
                .filter(lease::Column::RunId.in_subquery(runs))
                .count(tx)
                .await?;
            let (running_n, running_max) =
                (u32::try_from(running).unwrap_or(u32::MAX), from_n("quota", max)?);
            (running_n >= running_max).then(|| Full {
                project: limits.name.clone(),
                running_n,
                running_max,
            })
        }
    };
    Ok(Room { free_ms, full })
}

fn sweeps_of(project: &str) -> SelectStatement {
    let mut sweeps = Query::select();
    sweeps
        .column(sweep::Column::Id)
        .from(sweep::Entity)
        .and_where(sweep::Column::Project.eq(project));
    sweeps
}

fn changes_of(project: &str) -> sea_orm::Select<project_change::Entity> {
    project_change::Entity::find().filter(project_change::Column::Project.eq(project))
}

const fn unused(project: Project) -> ProjectUse {
    ProjectUse {
        project,
        sweeps_n: 0,
        running_n: 0,
        spent: AcceleratorTime::ZERO,
        reserved: AcceleratorTime::ZERO,
        used_lately: AcceleratorTime::ZERO,
    }
}

fn row(project: &Project) -> Result<project::Model, Error> {
    Ok(project::Model {
        name: project.name.clone(),
        weight: project.weight,
        granted_ms: project.granted.map(to_ms).transpose()?,
        running_max: project.running_max.map(i64::from),
    })
}

fn all_set(row: &project::Model) -> project::ActiveModel {
    project::ActiveModel {
        name: Set(row.name.clone()),
        weight: Set(row.weight),
        granted_ms: Set(row.granted_ms),
        running_max: Set(row.running_max),
    }
}

fn of_row(row: project::Model) -> Result<Project, Error> {
    Ok(Project {
        name: row.name,
        weight: row.weight,
        granted: row.granted_ms.map(from_ms).transpose()?,
        running_max: row.running_max.map(|max| from_n("quota", max)).transpose()?,
    })
}

fn change_of(row: project_change::Model) -> Result<ProjectChange, Error> {
    let project_change::Model { project, weight, granted_ms, running_max, .. } = row;
    Ok(ProjectChange {
        number: from_n("number of changes", row.number)?,
        at: from_at(row.happened_at),
        actor: row.actor,
        reason: row.reason,
        project: of_row(project::Model { name: project, weight, granted_ms, running_max })?,
    })
}
