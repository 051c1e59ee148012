//! What each method of the gRPC services needs. One that is not in the table lets nobody in.

use sweep_core::access::Action::{
    self, Diagnose, Import, ManageTokens, Read, SetProject, Steer, Submit, Work,
};

const TABLE: &[(&str, Action)] = &[
    ("/sweep.v1.SweepService/Submit", Submit),
    // It measures on the workers, and reads the corpora that it is told.
    ("/sweep.v1.SweepService/Preview", Submit),
    ("/sweep.v1.SweepService/List", Read),
    ("/sweep.v1.SweepService/Status", Read),
    ("/sweep.v1.SweepService/Watch", Read),
    ("/sweep.v1.SweepService/Forecast", Read),
    ("/sweep.v1.SweepService/ForecastHistory", Read),
    ("/sweep.v1.SweepService/Observations", Read),
    ("/sweep.v1.SweepService/Import", Import),
    ("/sweep.v1.SweepService/WithdrawImport", Import),
    // To raise a budget is asked for in the same way, and takes a right of its own on top.
    ("/sweep.v1.SweepService/Control", Steer),
    ("/sweep.v1.SweepService/Proposals", Read),
    // What is approved is paid for by the budget that there is.
    ("/sweep.v1.SweepService/Decide", Steer),
    ("/sweep.v1.SweepService/Scoreboard", Read),
    ("/sweep.v1.SweepService/Output", Read),
    ("/sweep.v1.SweepService/Metrics", Read),
    ("/sweep.v1.SweepService/Queue", Read),
    ("/sweep.v1.SweepService/Projects", Read),
    ("/sweep.v1.SweepService/SetProject", SetProject),
    ("/sweep.v1.WorkerService/Lease", Work),
    ("/sweep.v1.WorkerService/Start", Work),
    ("/sweep.v1.WorkerService/Heartbeat", Work),
    ("/sweep.v1.WorkerService/PushMetrics", Work),
    ("/sweep.v1.WorkerService/RecordCheckpoint", Work),
    ("/sweep.v1.WorkerService/Finish", Work),
    ("/sweep.v1.WorkerService/FinishCalibration", Work),
    ("/sweep.v1.OperatorService/Diagnose", Diagnose),
    ("/sweep.v1.OperatorService/CreateToken", ManageTokens),
    ("/sweep.v1.OperatorService/ListTokens", ManageTokens),
    ("/sweep.v1.OperatorService/RevokeToken", ManageTokens),
];

/// What the method at this path needs; none for one that is unknown.
pub(super) fn needs(path: &str) -> Option<Action> {
    TABLE.iter().find(|(method, _)| *method == path).map(|(_, action)| *action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_one_row() {
        let known: Vec<&str> = TABLE.iter().map(|(method, _)| *method).collect();
        for method in sweep_proto::METHODS {
            let rows_n = known.iter().filter(|known| *known == method).count();
            assert_eq!(rows_n, 1, "{method} needs one row in the table");
        }
        assert_eq!(known.len(), sweep_proto::METHODS.len(), "a row is of no method");
        assert_eq!(needs("/sweep.v1.SweepService/Nothing"), None);
    }
}
