//! What a learning-rate schedule does to the loss: the areas of the annealing law
//! (arXiv 2408.11029) and the multi-power law (arXiv 2503.12811).
//!
//! A schedule is the learning rate of each step from the first, warm-up included.

/// The forward area S1: the sum of the learning rates up to each step.
#[must_use]
pub fn forward_area(rates: &[f64]) -> Vec<f64> {
    let add = |sum: &mut f64, rate: &f64| {
        *sum += rate;
        Some(*sum)
    };
    rates.iter().scan(0.0, add).collect()
}

/// The annealing area S2 at each step: falls of the learning rate that fade by `lambda` per step,
/// summed.
///
/// ```text
/// S2(s) = sum_{i <= s} m_i,  m_i = lambda m_{i-1} + (eta_{i-1} - eta_i)
/// ```
///
/// The first `warmup_n` changes do not count: a rise would be negative annealing.
#[must_use]
pub fn annealing_area(rates: &[f64], warmup_n: usize, lambda: f64) -> Vec<f64> {
    let (mut momentum, mut sum) = (0.0, 0.0);
    let area = |step: usize| {
        let fall = if step <= warmup_n { 0.0 } else { rates[step - 1] - rates[step] };
        momentum = lambda * momentum + fall;
        sum += momentum;
        sum
    };
    (0..rates.len()).map(area).collect()
}

/// The multi-power law: a power of the learning rate spent, less a power of each of its changes.
///
/// ```text
/// L(t)  = L0 + A S1(t)^-alpha - LD(t)
/// LD(t) = B sum_{k = 1..t} (eta_{k-1} - eta_k) G(eta_k^-gamma S_k(t))
/// G(x)  = 1 - (C x + 1)^-beta,   S_k(t) = sum_{tau = k..t} eta_tau
/// ```
///
/// Here S1 includes the warm-up (the paper's S1 + S_W), and so does the sum over k.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiPower {
    pub l0: f64,
    pub a: f64,
    pub alpha: f64,
    pub b: f64,
    pub c: f64,
    pub beta: f64,
    pub gamma: f64,
}

impl MultiPower {
    /// The published fits, by the size of the model: table of arXiv 2503.12811's repository,
    /// trained on three of its nine schedules.
    pub const PUBLISHED: [(&'static str, Self); 3] = [
        (
            "25M",
            Self {
                l0: 3.040_454_06,
                a: 0.524_686_04,
                alpha: 0.507_868_57,
                b: 363.787_516_22,
                c: 2.065_608_12,
                beta: 0.582_790_13,
                gamma: 0.641_422_57,
            },
        ),
        (
            "100M",
            Self {
                l0: 2.651_447_7,
                a: 0.601_151_52,
                alpha: 0.452_958_11,
                b: 437.946_427_6,
                c: 2.132_456_12,
                beta: 0.597_851_99,
                gamma: 0.655_236_44,
            },
        ),
        (
            "400M",
            Self {
                l0: 2.374_744_66,
                a: 0.654_212_16,
                alpha: 0.428_787_31,
                b: 523.424_643_71,
                c: 2.024_627_35,
                beta: 0.593_504_93,
                gamma: 0.634_724_57,
            },
        ),
    ];

    /// The loss drop LD at `steps`, counted from zero.
    #[must_use]
    pub fn drops(&self, rates: &[f64], steps: &[usize]) -> Vec<f64> {
        let area = forward_area(rates);
        // Only changes of the rate count, which spares long constant phases.
        let changes: Vec<(usize, f64, f64)> = (1..rates.len())
            .filter(|k| rates[*k] != rates[k - 1])
            .map(|k| (k, rates[k - 1] - rates[k], self.c * rates[k].powf(-self.gamma)))
            .collect();
        let drop = |step: &usize| {
            let before = &changes[..changes.partition_point(|(k, ..)| k <= step)];
            let gain = |(k, fall, scale): &(usize, f64, f64)| {
                let spent = area[*step] - area[k - 1];
                // 1 - (C x + 1)^-beta, exact for small x.
                -fall * (-self.beta * (scale * spent).ln_1p()).exp_m1()
            };
            self.b * before.iter().map(gain).sum::<f64>()
        };
        steps.iter().map(drop).collect()
    }

    /// The loss at `steps`, counted from zero, under the schedule `rates`.
    ///
    /// # Panics
    /// With a step beyond the schedule.
    #[must_use]
    pub fn predict(&self, rates: &[f64], steps: &[usize]) -> Vec<f64> {
        let area = forward_area(rates);
        let drops = self.drops(rates, steps);
        let loss =
            |(step, drop): (&usize, f64)| self.l0 + self.a * area[*step].powf(-self.alpha) - drop;
        steps.iter().zip(drops).map(loss).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_of_a_step() {
        let rates = [0.5, 1.0, 1.0, 0.4, 0.4];
        let close = |found: &[f64], expected: &[f64]| {
            found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12)
        };
        assert!(close(&forward_area(&rates), &[0.5, 1.5, 2.5, 2.9, 3.3]));
        // 0.6 once, then faded by half; the rise in the warm-up is not there.
        assert!(close(&annealing_area(&rates, 2, 0.5), &[0.0, 0.0, 0.0, 0.6, 0.9]));
    }

    #[test]
    fn a_constant_rate_drops_nothing() {
        let (_, law) = MultiPower::PUBLISHED[0];
        let rates = vec![3e-4; 1000];
        assert_eq!(law.drops(&rates, &[999]), [0.0]);
        let expected = law.l0 + law.a * 0.3_f64.powf(-law.alpha);
        assert!((law.predict(&rates, &[999])[0] - expected).abs() < 1e-9);
    }
}
