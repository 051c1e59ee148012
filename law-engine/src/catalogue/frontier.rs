//! The best division of compute between parameters and tokens, by the Chinchilla law.
//!
//! ```text
//! minimise E + A N^-alpha + B D^-beta  at  6 N D = C
//!
//! N* = G (C/6)^(beta/(alpha+beta))       G = (alpha A / (beta B))^(1/(alpha+beta))
//! D* = (C/6)^(alpha/(alpha+beta)) / G
//! L* = E + K (C/6)^-(alpha beta/(alpha+beta)),  K = A G^-alpha + B G^beta
//! ```
//!
//! Source: Hoffmann et al., arXiv 2203.15556, equation 4.

/// FLOPs of one token for each parameter, forwards and backwards.
pub const FLOPS_PER_TOKEN: f64 = 6.0;

/// The compute-optimal frontier of one fit of the law `chinchilla`.
///
/// ```
/// use law_engine::catalogue::frontier::Frontier;
///
/// let frontier = Frontier::new([1.8172, 482.01, 2085.43, 0.3478, 0.3658]);
/// let best = frontier.at(5.76e23);
/// assert!((best.tokens_d / best.params_n - 18.4).abs() < 0.05);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frontier {
    /// G, which divides between parameters and tokens.
    pub balance: f64,
    /// By which N* grows with compute, beta/(alpha+beta).
    pub size_exponent: f64,
    /// By which D* grows with compute, alpha/(alpha+beta).
    pub data_exponent: f64,
    /// E, the loss that no compute removes.
    pub floor: f64,
    /// K, the reducible loss at 6 FLOP.
    pub amplitude: f64,
    /// By which the reducible loss falls with compute, alpha beta/(alpha+beta).
    pub loss_exponent: f64,
}

/// A compute-optimal run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allocation {
    /// N*, parameters.
    pub params_n: f64,
    /// D*, tokens.
    pub tokens_d: f64,
    /// L*, the law's loss there.
    pub loss: f64,
}

impl Frontier {
    /// The frontier by the coefficients of `chinchilla`: E, A, B, alpha, beta.
    #[must_use]
    pub fn new([floor, a, b, alpha, beta]: [f64; 5]) -> Self {
        let sum = alpha + beta;
        // By logarithms: fits reach amplitudes whose ratio is beyond any number.
        let ln_balance = ((alpha / beta).ln() + a.ln() - b.ln()) / sum;
        Self {
            balance: ln_balance.exp(),
            size_exponent: beta / sum,
            data_exponent: alpha / sum,
            floor,
            amplitude: (a.ln() - alpha * ln_balance).exp() + (b.ln() + beta * ln_balance).exp(),
            loss_exponent: alpha * beta / sum,
        }
    }

    /// The best run of `flops_c`.
    #[must_use]
    pub fn at(&self, flops_c: f64) -> Allocation {
        let product = flops_c / FLOPS_PER_TOKEN;
        Allocation {
            params_n: self.balance * product.powf(self.size_exponent),
            tokens_d: product.powf(self.data_exponent) / self.balance,
            loss: self.floor + self.amplitude * product.powf(-self.loss_exponent),
        }
    }

    /// The compute at which the frontier reaches `loss`; None at the floor and below.
    #[must_use]
    pub fn flops_c(&self, loss: f64) -> Option<f64> {
        let reducible = loss - self.floor;
        (reducible > 0.0).then(|| {
            FLOPS_PER_TOKEN * (self.amplitude / reducible).powf(self.loss_exponent.recip())
        })
    }
}
