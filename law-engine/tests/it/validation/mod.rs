//! The engine against published figures.
//!
//! Each case is written once, as data: what is computed, what was published, how far apart they may
//! be, and the source. It is used twice: as a test, and by the example `validate`, which writes
//! `docs/validation.md`. The published rows are not part of the repository.

pub(crate) mod annealing;
pub(crate) mod broken;
pub(crate) mod check;
pub(crate) mod chinchilla;
pub(crate) mod constants;
pub(crate) mod crossing;
pub(crate) mod curves;
pub(crate) mod gadre;
pub(crate) mod gemstones;
pub(crate) mod ladder;
pub(crate) mod languini;
pub(crate) mod parscale;
pub(crate) mod robust;
pub(crate) mod routed;
pub(crate) mod rows;
pub(crate) mod schedules;
#[cfg(test)]
mod tests;

use law_engine::catalogue::{Law, Published, find};

use check::{Case, Trouble};

/// All cases, in the order of the report.
pub(crate) const CASES: &[Case] = &[
    languini::STEPS,
    gadre::FORECASTS,
    gadre::CORPORA,
    chinchilla::OPTIMUM,
    chinchilla::INTERVALS,
    chinchilla::OUTLIERS,
    chinchilla::OBJECTIVES,
    gemstones::CHECKPOINTS,
    constants::REPEATED,
    parscale::STREAMS,
    annealing::MULTI_POWER,
    annealing::MULTI_POWER_FIT,
    annealing::ANNEALING,
    broken::ADDITION,
    curves::LEARNING,
    curves::TRAINING,
    curves::TRIED,
    routed::ROUTERS,
    constants::STEP_LAW,
    constants::QUANTISED,
    constants::SPARSITY,
    constants::GRANULAR,
    constants::KAPLAN,
    crossing::SIMULATED,
    ladder::FORECASTS,
    ladder::INTERVALS,
];

/// A published result that cannot be reproduced.
pub(crate) struct Missing {
    /// As of a case.
    pub(crate) numbers: &'static [u32],
    pub(crate) result: &'static str,
    pub(crate) why: &'static str,
}

pub(crate) const NOT_REPRODUCIBLE: &[Missing] = &[
    Missing {
        numbers: &[17],
        result: "superposition's width law over 27 models, a_m 0.9098 and A 476.08 (arXiv 2505.10465)",
        why: "needs the released losses of the models, which are not at hand",
    },
    Missing {
        numbers: &[19],
        result: "PassUntil's forecast of 0.05987 for 0.05990 (arXiv 2310.03262)",
        why: "the pass rates of the smaller models were not found; a check of the two printed \
              figures against each other would not touch the engine",
    },
    Missing {
        numbers: &[],
        result: "Languini's crossing at about 50,000 accelerator-hours (arXiv 2309.11197)",
        why: "the repository releases no losses, and no copy of the paper's result tables was \
              found; step counts and throughputs are reproduced, and crossings are simulated",
    },
    Missing {
        numbers: &[],
        result: "of T8 and T9, the multi-power and annealing laws on the curves of 400M parameters \
                 (arXiv 2503.12811)",
        why: "the curves of 25M and 100M are at hand; of 400M two single points of the published \
              fit are computed",
    },
    Missing {
        numbers: &[],
        result: "the printed coefficients of Clark's, ParScale's and Epoch's tables to the last digit",
        why: "they are rounded, and their optimisers stop short of the optimum: the objective is \
              what is compared",
    },
];

/// The law called `name`.
pub(crate) fn law(name: &str) -> Result<&'static dyn Law, Trouble> {
    find(name).ok_or_else(|| Trouble::Bad(format!("no law {name} in the catalogue")))
}

/// The fit of a law that was published under `label`.
pub(crate) fn published(name: &str, label: &str) -> Result<Published, Trouble> {
    let fits = law(name)?.card().published;
    let fit = fits.iter().find(|fit| fit.label == label);
    fit.copied().ok_or_else(|| Trouble::Bad(format!("the law {name} has no fit called {label}")))
}
