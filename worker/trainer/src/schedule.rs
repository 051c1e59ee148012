//! The learning rate of every step: a linear warm-up, then as the schedule has it, to exactly the last
//! step.

use sweep_core::variant::{OptimiserSpec, RateSchedule};

/// Learning rates of a run of `steps` steps.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    kind: RateSchedule,
    peak: f64,
    last: f64,
    warmup_steps: u64,
    /// The first step of the last phase is the one after this.
    stable_steps: u64,
    steps: u64,
}

impl Schedule {
    #[must_use]
    pub fn new(optimiser: &OptimiserSpec, steps: u64) -> Self {
        let whole = |share: f64| (share * steps as f64).round() as u64;
        // The last step belongs to what follows the warm-up however short the run is.
        let warmup_steps = whole(optimiser.warmup_share).min(steps.saturating_sub(1));
        let decay_steps = whole(optimiser.decay_share).max(1);
        Self {
            kind: optimiser.schedule,
            peak: optimiser.learning_rate,
            last: optimiser.learning_rate * optimiser.final_share,
            warmup_steps,
            stable_steps: steps.saturating_sub(decay_steps).max(warmup_steps),
            steps,
        }
    }

    /// The rate of optimiser step `step`, counted from 1.
    #[must_use]
    pub fn learning_rate(&self, step: u64) -> f64 {
        if step <= self.warmup_steps {
            return self.peak * step as f64 / self.warmup_steps as f64;
        }
        // How much of the phase that began after `from` is done.
        let done = |from: u64| ((step - from) as f64 / (self.steps - from) as f64).min(1.0);
        let between = |share: f64| self.last + (self.peak - self.last) * share;
        match self.kind {
            RateSchedule::Cosine => {
                between(0.5 * (1.0 + (std::f64::consts::PI * done(self.warmup_steps)).cos()))
            }
            RateSchedule::InverseSqrt => {
                self.peak * (self.warmup_steps.max(1) as f64 / step as f64).sqrt()
            }
            RateSchedule::Wsd if step > self.stable_steps => between(1.0 - done(self.stable_steps)),
            RateSchedule::TwoStep if step > self.stable_steps => self.last,
            RateSchedule::Constant | RateSchedule::Wsd | RateSchedule::TwoStep => self.peak,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(steps: u64, final_share: f64) -> Schedule {
        let optimiser =
            OptimiserSpec { learning_rate: 0.5, final_share, ..OptimiserSpec::for_width(64) };
        Schedule::new(&optimiser, steps)
    }

    #[test]
    fn it_rises_to_the_peak_and_ends_at_the_final_share() {
        for final_share in [0.0, 0.01, 1.0] {
            let schedule = schedule(200, final_share);
            assert_eq!(schedule.learning_rate(1), 0.5 / 20.0);
            assert_eq!(schedule.learning_rate(20), 0.5);
            assert!((schedule.learning_rate(200) - 0.5 * final_share).abs() < 1e-15);
        }
    }

    #[test]
    fn it_rises_then_falls() {
        let schedule = schedule(1000, 0.0);
        let rates: Vec<f64> = (1..=1000).map(|step| schedule.learning_rate(step)).collect();
        assert!(rates[..100].is_sorted());
        assert!(rates[99..].iter().rev().is_sorted());
    }

    const KINDS: [RateSchedule; 5] = [
        RateSchedule::Cosine,
        RateSchedule::Constant,
        RateSchedule::Wsd,
        RateSchedule::TwoStep,
        RateSchedule::InverseSqrt,
    ];

    fn of(kind: RateSchedule, steps: u64) -> Schedule {
        let optimiser = OptimiserSpec {
            learning_rate: 0.5,
            schedule: kind,
            decay_share: if kind.has_decay() { 0.2 } else { 0.0 },
            final_share: 0.1,
            ..OptimiserSpec::for_width(64)
        };
        Schedule::new(&optimiser, steps)
    }

    #[test]
    fn the_shortest_runs_have_finite_rates() {
        for kind in KINDS {
            for steps in 1..=12 {
                for step in 1..=steps {
                    let rate = of(kind, steps).learning_rate(step);
                    assert!((0.0..=0.5).contains(&rate), "{kind:?}: {rate} at {step} of {steps}");
                }
            }
        }
    }

    #[test]
    fn every_schedule_has_its_own_course_after_one_warm_up() {
        for (kind, expected) in KINDS.into_iter().zip([
            // At steps 20, 100, 160, 180 and 200 of 200.
            [
                0.5,
                0.275 + 0.225 * (std::f64::consts::PI * 80.0 / 180.0).cos(),
                f64::NAN,
                f64::NAN,
                0.05,
            ],
            [0.5; 5],
            [0.5, 0.5, 0.5, 0.275, 0.05],
            [0.5, 0.5, 0.5, 0.05, 0.05],
            [0.5, 0.5 * 0.2_f64.sqrt(), 0.5 * 0.125_f64.sqrt(), 0.5 / 3.0, 0.5 * 0.1_f64.sqrt()],
        ]) {
            let schedule = of(kind, 200);
            assert_eq!(schedule.learning_rate(10), 0.25, "{kind:?}");
            for (step, expected) in [20, 100, 160, 180, 200].into_iter().zip(expected) {
                let rate = schedule.learning_rate(step);
                assert!(
                    expected.is_nan() || (rate - expected).abs() < 1e-12,
                    "{kind:?} {step}: {rate}"
                );
            }
        }
    }
}
