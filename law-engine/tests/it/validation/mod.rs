//! The engine against published figures.
//!
//! Each case is written once, as data: what is computed, what was published, how far apart they may
//! be, and the source. It is used twice: as a test, and by `cargo xtask validate`, which writes
//! `docs/validation.md`. The published rows are not part of the repository.

pub(crate) mod annealing;
pub(crate) mod broken;
pub(crate) mod check;
pub(crate) mod chinchilla;
pub(crate) mod gadre;
pub(crate) mod ladder;
pub(crate) mod languini;
pub(crate) mod parscale;
pub(crate) mod robust;
pub(crate) mod routed;
pub(crate) mod rows;
pub(crate) mod schedules;
#[cfg(test)]
mod tests;

use law_engine::catalogue::{Law, find};

use check::{Case, Trouble};

/// All cases, in the order of the report.
pub(crate) const CASES: &[Case] = &[
    languini::STEPS,
    chinchilla::OPTIMUM,
    chinchilla::OUTLIERS,
    chinchilla::OBJECTIVES,
    gadre::FORECASTS,
    gadre::CORPORA,
    routed::ROUTERS,
    parscale::STREAMS,
    annealing::MULTI_POWER,
    annealing::ANNEALING,
    broken::ADDITION,
    ladder::FORECASTS,
];

/// Published results that cannot be reproduced, and why.
pub(crate) const NOT_REPRODUCIBLE: &[(&str, &str)] = &[
    (
        "Languini's crossing at about 50,000 accelerator-hours (arXiv 2309.11197)",
        "the repository releases no losses, and no copy of the paper's result tables was found; the \
         step counts and throughputs are reproduced instead",
    ),
    (
        "Superposition's width law, a_m 0.9098 and A 476.08",
        "needs the released loss files, which are not at hand",
    ),
    (
        "PassUntil's forecast of 0.05990 for 0.05987",
        "the pass rates of the smaller models were not found; the estimator itself has golden tests \
         in `metrics`",
    ),
    (
        "Multi-power law on the 400M curves",
        "only the 25M and 100M curves are at hand; two published points of the 400M fit are \
         computed instead",
    ),
    (
        "ParScale's, Clark's and Epoch's tables to the last digit",
        "their coefficients are printed rounded, and their optimisers stop short of the optimum: \
         the objective is what is compared",
    ),
];

/// The law called `name`.
pub(crate) fn law(name: &str) -> Result<&'static dyn Law, Trouble> {
    find(name).ok_or_else(|| Trouble::Bad(format!("no law {name} in the catalogue")))
}
