//! The learning rate of every step: a linear warm-up, then half a cosine down to the final share
//! at exactly the last step.

use sweep_core::variant::OptimiserSpec;

/// Learning rates of a run of `steps` steps.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    peak: f64,
    last: f64,
    warmup_steps: u64,
    steps: u64,
}

impl Schedule {
    #[must_use]
    pub fn new(optimiser: &OptimiserSpec, steps: u64) -> Self {
        let warmup = (optimiser.warmup_share * steps as f64).round() as u64;
        Self {
            peak: optimiser.learning_rate,
            last: optimiser.learning_rate * optimiser.final_share,
            // The last step belongs to the cosine however short the run is.
            warmup_steps: warmup.min(steps.saturating_sub(1)),
            steps,
        }
    }

    /// The rate of optimiser step `step`, counted from 1.
    #[must_use]
    pub fn learning_rate(&self, step: u64) -> f64 {
        if step <= self.warmup_steps {
            return self.peak * step as f64 / self.warmup_steps as f64;
        }
        let done = (step - self.warmup_steps) as f64 / (self.steps - self.warmup_steps) as f64;
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos());
        self.last + (self.peak - self.last) * cosine
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

    #[test]
    fn the_shortest_runs_have_finite_rates() {
        for steps in 1..=12 {
            for step in 1..=steps {
                let rate = schedule(steps, 0.1).learning_rate(step);
                assert!((0.0..=0.5).contains(&rate), "{rate} at {step} of {steps}");
            }
        }
    }
}
