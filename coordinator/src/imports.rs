//! Takes finished runs of other tools into a sweep: its forecast sees them beside its own.

use std::collections::HashSet;

use sweep_core::access::Actor;
use sweep_core::ids::ImportId;
use sweep_core::import::{Import, Imported, ImportedRun, observations};
use sweep_core::nearest::nearest;
use sweep_core::spec;
use sweep_store::{Error as StoreError, NewImport};

use crate::context::Context;
use crate::{Error, read_model};

/// Mistakes that a refusal lists; of more it gives the number.
const MISTAKES_MAX: usize = 10;

/// Imports all of `runs` or none of them. With `dry_run` nothing is stored.
pub(crate) async fn import(
    context: &Context,
    actor: &Actor,
    name: &str,
    source: &str,
    runs: &[ImportedRun],
    dry_run: bool,
) -> Result<Imported, Error> {
    let record = read_model::find(context, actor, name).await?;
    let spec = spec::parse(&record.yaml)?;
    let arms: Vec<&str> = spec.arms.iter().map(|arm| arm.name.as_str()).collect();
    let mistakes: Vec<String> = runs.iter().filter_map(|run| mistake(run, &arms)).collect();
    if !mistakes.is_empty() {
        return Err(Error::BadImport { sweep: record.name, mistakes: listed(&mistakes) });
    }
    let found = observations(record.id, &spec.classes, runs);
    let before = context.store.observations(record.id).await?;
    let before: HashSet<_> = before.iter().map(|observation| observation.run).collect();
    let mut new = found.clone();
    new.retain(|observation| !before.contains(&observation.run));
    let known_n = u32::try_from(found.len() - new.len()).unwrap_or(u32::MAX);
    let import = if dry_run {
        None
    } else {
        let (sweep, source) = (record.id, source.to_owned());
        let import = NewImport { sweep, source, observations: found, at: context.now() };
        let import = context.store.import(&import).await?;
        context.changed();
        import
    };
    Ok(Imported { sweep_name: record.name, import, new, known_n })
}

/// Takes an import back.
pub(crate) async fn withdraw(
    context: &Context,
    actor: &Actor,
    id: ImportId,
) -> Result<Import, Error> {
    let sweep = context.store.sweep_of_import(id).await?;
    let sweep = context.store.sweep(sweep).await?;
    if !sweep.is_some_and(|sweep| actor.sees(&sweep.project)) {
        return Err(StoreError::NotFound { what: format!("import {id}") }.into());
    }
    let import = context.store.withdraw_import(id, context.now()).await?;
    context.changed();
    Ok(import)
}

fn mistake(run: &ImportedRun, arms: &[&str]) -> Option<String> {
    let label = if run.name.is_empty() { "a run" } else { &run.name };
    if !arms.contains(&run.arm.as_str()) {
        let arm = &run.arm;
        let meant = nearest(arm, arms);
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        return Some(format!(
            "{label}: the sweep has no arm `{arm}`, its arms are {}{meant}",
            arms.join(", ")
        ));
    }
    run.check().err().map(|words| format!("{label}: {words}"))
}

fn listed(mistakes: &[String]) -> String {
    let mut text = mistakes.iter().take(MISTAKES_MAX).cloned().collect::<Vec<_>>().join("; ");
    if mistakes.len() > MISTAKES_MAX {
        text.push_str(&format!("; and {} more", mistakes.len() - MISTAKES_MAX));
    }
    text
}
