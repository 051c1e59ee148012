//! What submitting a budget.yaml would do, as far as it is known.

use sweep_core::corpus::CorpusRef;
use sweep_core::ids::SweepId;
use sweep_core::spec::SweepSpec;
use sweep_core::sweep::Preview;

use crate::Error;
use crate::context::Context;
use crate::planner::{self, PlanInput};
use crate::tasks::planning;

/// One look.
pub(crate) struct Look {
    pub(crate) preview: Preview,
    /// Which throughputs are needed is known: some worker has said what the device is.
    pub(crate) is_known: bool,
}

/// Plans with the throughputs that are known; without a plan where one is missing.
pub(crate) async fn look(
    context: &Context,
    spec: &SweepSpec,
    corpus: &CorpusRef,
) -> Result<Look, Error> {
    let calibrations = planning::calibrations(context, spec).await?;
    let is_known = calibrations.is_some();
    let calibrations = calibrations.unwrap_or_default();
    let plan = if is_known && calibrations.iter().all(|c| c.throughput.is_some()) {
        let (sweep, calibrations) = (SweepId::new(), &calibrations);
        Some(planner::plan(&PlanInput { sweep, spec, calibrations, corpus, parent: None })?)
    } else {
        None
    };
    Ok(Look { preview: Preview { calibrations, plan }, is_known })
}
