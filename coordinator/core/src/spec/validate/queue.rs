//! What a sweep may ask of the queue: whose share it uses, its place there, and how often it comes back.

use super::{Check, check_name};
use crate::spec::{Backoff, RetrySpec, SweepSpec};

const RETRIES_MAX: u32 = 100;
const PRIORITY_MAX: u32 = 100;

pub(super) fn check(check: &mut Check, spec: &SweepSpec) {
    check_name(check, "project", &spec.project);
    let priority = spec.priority;
    if priority.unsigned_abs() > PRIORITY_MAX {
        let message =
            format!("{priority} is out of range, expected -{PRIORITY_MAX} to {PRIORITY_MAX}");
        check.wrong("priority", message);
    }
    check_retries(check, &spec.retries);
}

fn check_retries(check: &mut Check, retries: &RetrySpec) {
    let RetrySpec { worker_lost, out_of_memory, trainer_error, backoff } = retries;
    for (key, limit) in [
        ("workerLost", worker_lost),
        ("outOfMemory", out_of_memory),
        ("trainerError", trainer_error),
    ] {
        if *limit > RETRIES_MAX {
            let message = format!("{limit} retries are out of range, expected 0 to {RETRIES_MAX}");
            check.wrong(format!("retries.{key}"), message);
        }
    }
    if backoff.first > backoff.max {
        let Backoff { first, max } = backoff;
        let message = format!("the longest wait, {max}, is shorter than the first, {first}");
        check.wrong("retries.backoff.max", message);
    }
}
