//! What people call a sweep or a run, and which one they mean.

use sweep_core::access::Actor;
use sweep_core::ids::RunId;
use sweep_core::metric::Series;
use sweep_core::nearest::nearest;
use sweep_core::sweep::RunRecord;

use crate::context::Context;
use crate::{Error, read_model};

/// Digits of an id that are enough to name a run by, where only one begins so.
const PREFIX_MIN: usize = 4;
/// Names that a refusal lists.
const LISTED_MAX: usize = 10;

/// Says that there is no such sweep, and which there are.
pub(crate) fn no_sweep(name: &str, known: &[&str]) -> String {
    let mut text = format!("no sweep is called `{name}`");
    match nearest(name, known) {
        Some(near) => text += &format!("; did you mean `{near}`?"),
        None if known.is_empty() => text += "; none was submitted here yet",
        None => {
            text += &format!("; there are {}", known[..known.len().min(LISTED_MAX)].join(", "));
            if known.len() > LISTED_MAX {
                text += &format!(" and {} more", known.len() - LISTED_MAX);
            }
        }
    }
    text
}

/// How `find_run` knows a run beside its id: `gpt/d64x2/20s/1`.
fn path(run: &RunRecord) -> String {
    let spec = &run.spec;
    let class = spec.class.to_string().replace(' ', "");
    format!("{}/{}/{class}/{}", spec.arm, spec.size, spec.seed)
}

/// The run of this id, beginning of an id, or `arm/size/class/seed`.
///
/// # Errors
/// [`Error::NotFound`] where none or several are meant, naming the nearest.
pub(crate) fn find_run<'a>(runs: &'a [RunRecord], text: &str) -> Result<&'a RunRecord, Error> {
    let is_prefix = text.len() >= PREFIX_MIN;
    let squeezed = text.replace(' ', "");
    let is_meant = |run: &&RunRecord| {
        (is_prefix && run.spec.id.to_string().starts_with(&text.to_lowercase()))
            || path(run) == squeezed
    };
    let mut meant = runs.iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(run), None) => Ok(run),
        (Some(one), Some(other)) => Err(Error::NotFound {
            what: format!(
                "several runs begin with `{text}`: {} ({}) and {} ({}) among them",
                one.spec.id,
                path(one),
                other.spec.id,
                path(other)
            ),
        }),
        (None, _) => Err(Error::NotFound { what: no_run(runs, text) }),
    }
}

/// The run that is called so in the sweep of this name.
///
/// # Errors
/// As [`find_run`], and for an unknown sweep.
pub(crate) async fn run_of(
    context: &Context,
    actor: &Actor,
    sweep: &str,
    run: &str,
) -> Result<RunId, Error> {
    let sweep = read_model::find(context, actor, sweep).await?;
    let runs = context.store.runs(sweep.id).await?;
    Ok(find_run(&runs, run)?.spec.id)
}

fn no_run(runs: &[RunRecord], text: &str) -> String {
    let paths: Vec<String> = runs.iter().map(path).collect();
    let known: Vec<&str> = paths.iter().map(String::as_str).collect();
    let said = format!("the sweep has no run `{text}`");
    match (nearest(text, &known), known.first()) {
        (Some(near), _) => format!("{said}; did you mean `{near}`?"),
        (None, Some(first)) => format!(
            "{said}; a run is named by its id as `sweepctl runs` shows it, or by arm, size, class and \
             seed, such as `{first}`"
        ),
        (None, None) => format!("{said}: it is not planned yet"),
    }
}

/// The series of this name, or all for an empty one.
///
/// # Errors
/// [`Error::NotFound`] for what the run has no points of, naming what it has.
pub(crate) fn find_series<'a>(all: &'a [Series], name: &str) -> Result<&'a [Series], Error> {
    if name.is_empty() {
        return Ok(all);
    }
    let found = all.iter().position(|series| series.metric.as_str() == name);
    found.map(|index| &all[index..=index]).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|series| series.metric.as_str()).collect();
        let said = format!("the run has no points of `{name}`");
        let what = match (nearest(name, &known), known.is_empty()) {
            (Some(near), _) => format!("{said}; did you mean `{near}`?"),
            (None, true) => format!("{said}, and none of anything yet"),
            (None, false) => format!("{said}; it has {}", known.join(", ")),
        };
        Error::NotFound { what }
    })
}

#[cfg(test)]
mod tests {
    use sweep_core::run::RunState;
    use sweep_core::units::AcceleratorTime;

    use super::*;
    use crate::planner::tests::small_plan;

    fn runs() -> Vec<RunRecord> {
        let record = |spec| RunRecord {
            spec,
            state: RunState::Queued,
            attempts_n: 0,
            spent: AcceleratorTime::ZERO,
            checkpoint: None,
            result: None,
            failure: None,
            attempts: Vec::new(),
            not_before: None,
            stop: None,
            waiting: None,
            progress: None,
        };
        small_plan().runs.into_iter().map(record).collect()
    }

    #[test]
    fn a_run_is_found_by_id_beginning_and_path() {
        let runs = runs();
        for run in &runs {
            let id = run.spec.id.to_string();
            for name in [id.clone(), id[..8].to_uppercase(), path(run)] {
                assert_eq!(find_run(&runs, &name).unwrap().spec.id, run.spec.id, "{name}");
            }
        }
    }

    #[test]
    fn what_is_none_or_several_is_told_with_the_nearest() {
        let mut runs = runs();
        let said = |runs: &[RunRecord], text: &str| find_run(runs, text).unwrap_err().to_string();
        let near = path(&runs[0]);
        let slip = format!("{near}0");
        assert!(said(&runs, &slip).ends_with(&format!("did you mean `{near}`?")), "{near}");
        assert!(said(&runs, "x").contains(&format!("such as `{near}`")));
        assert!(said(&[], "x").ends_with("not planned yet"));
        runs[1].spec.id = runs[0].spec.id;
        let id = runs[0].spec.id.to_string();
        assert!(said(&runs, &id[..8]).contains("several runs"));
    }

    #[test]
    fn an_unknown_sweep_names_the_nearest_or_those_there_are() {
        let meant = no_sweep("dem", &["demo", "other"]);
        assert_eq!(meant, "no sweep is called `dem`; did you mean `demo`?");
        assert_eq!(no_sweep("zzzzzzz", &["demo"]), "no sweep is called `zzzzzzz`; there are demo");
        assert!(no_sweep("x", &[]).ends_with("none was submitted here yet"));
    }
}
