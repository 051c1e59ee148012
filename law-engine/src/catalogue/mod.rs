//! The laws of the field, one file each: equation, symbols, source, published fits, and the function
//! itself.
//!
//! ```
//! use law_engine::catalogue::{self, Data, Options};
//!
//! // Hoffmann et al.'s law at a grid of sizes and tokens, and the fit that gets it back.
//! let law = catalogue::find("chinchilla").expect("it is in the catalogue");
//! let truth = [1.69, 406.4, 410.7, 0.34, 0.28];
//! let rows: Vec<Vec<f64>> = [1e8, 3e8, 1e9, 3e9]
//!     .iter()
//!     .flat_map(|n| [1e9, 1e10, 1e11].map(|d| vec![*n, d]))
//!     .collect();
//! let losses = rows.iter().map(|row| law.predict(&truth, row)).collect();
//! let data = Data::new(&["N", "D"], rows, losses, None)?;
//! let fit = law.estimate(&data, &Options::default())?;
//! assert!((fit.coefficients[3] - 0.34).abs() < 1e-6);
//! # Ok::<(), law_engine::catalogue::Refusal>(())
//! ```

mod annealing;
mod attack_linear;
mod bivariate_product;
mod bnsl;
pub mod card;
mod chinchilla;
mod chinchilla_gamma;
mod coverage;
pub mod data;
mod data_constrained;
mod dimension_power;
mod distill;
pub mod equation;
mod err_exp_loss;
pub mod estimate;
mod exp_floor;
mod farseer;
pub mod frontier;
mod gap_power;
mod ground;
pub mod hold_out;
pub mod inference_cost;
pub mod influence;
mod kaplan_c;
mod kaplan_d;
mod kaplan_n;
mod kaplan_nd;
mod kaplan_ns;
mod kept;
mod ladder_accuracy;
mod ladder_bpb;
mod linear;
mod log_power;
pub mod log_projection;
mod lr_anneal;
mod mixture_effective_n;
mod moe_clark;
mod moe_granular;
mod moe_joint;
mod multi_loglinear;
pub mod multi_power;
mod opt_batch;
mod opt_lr;
mod overtrain_cm;
mod parscale;
pub mod post_training;
mod power_const;
mod power_const_ratio;
mod power_floor_hours;
mod power_hours;
mod power_ratio;
mod power_scaled;
pub mod power_vs_exp;
mod precision;
pub mod profile;
mod qat_error;
pub mod rank;
mod refit;
mod relu_logspace_power;
pub mod resample;
mod saturating_power;
pub mod schedule;
pub mod shape;
mod silu_power;
mod sparse_weights;
mod task_power;
mod trajectory_nsb;
mod utility_decay;
pub mod utility_mixture;
pub mod verdict;
mod width_power;

pub use annealing::{AnnealingFit, AnnealingSums};
pub use card::{Card, Form, Kind, Parameter, Published, Symbol};
pub use data::{Data, Refusal};
pub use equation::{Equation, Formula, Row};
pub use estimate::{Estimate, Options, Prior};
pub use hold_out::{HoldOut, hold_out};
pub use influence::Influence;
pub use kept::{Kept, Optimum};
pub use profile::Profile;
pub use resample::Scheme;
pub use verdict::{Verdict, cross_checks, standouts, verdicts};

pub(crate) use equation::Fittable;
pub(crate) use ground::Ground;

use equation::gradient;

/// A law of the catalogue, whatever its number of coefficients.
pub trait Law: Send + Sync {
    fn card(&self) -> Card;

    /// The response at `x`, variables and coefficients in the order of the card.
    ///
    /// # Panics
    /// With another number of coefficients than the card has.
    fn predict(&self, coefficients: &[f64], x: &[f64]) -> f64;

    /// The exact gradient of the response by the coefficients.
    ///
    /// # Panics
    /// As [`Law::predict`].
    fn gradient(&self, coefficients: &[f64], x: &[f64]) -> Vec<f64>;

    /// The best fit that the search finds.
    ///
    /// # Errors
    /// What keeps the data from being fitted. Not converging is part of the estimate.
    fn estimate(&self, data: &Data, options: &Options) -> Result<Estimate, Refusal>;

    /// A fit that is kept up while rows come and go, with the rows it begins with.
    ///
    /// # Errors
    /// As [`Law::estimate`], except that there may be too few rows as yet.
    fn keep(&self, data: &Data, options: &Options) -> Result<Box<dyn Kept + '_>, Refusal>;

    /// Refits to resampled data, for intervals: by draw, the coefficients, spread about the estimate
    /// as far as so few groups call for (see [`resample`]).
    ///
    /// # Errors
    /// As [`Law::estimate`].
    fn draws(
        &self,
        data: &Data,
        options: &Options,
        estimate: &Estimate,
        draws_n: u32,
        seed: u64,
    ) -> Result<Vec<Vec<f64>>, Refusal>;

    /// What each run does to the estimate, by a refit without it.
    ///
    /// # Errors
    /// As [`Law::estimate`].
    fn influences(
        &self,
        data: &Data,
        options: &Options,
        estimate: &Estimate,
    ) -> Result<Vec<Influence>, Refusal>;

    /// By coefficient, which values of it the data allow at `level`, by its profile: no resampling.
    /// None for a coefficient that is given or tied to another.
    ///
    /// # Errors
    /// As [`Law::estimate`].
    fn profiles(
        &self,
        data: &Data,
        options: &Options,
        estimate: &Estimate,
        level: f64,
    ) -> Result<Vec<Option<Profile>>, Refusal>;
}

/// An equation as a law of any size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<E, const P: usize>(pub(crate) E);

fn exactly<const P: usize>(coefficients: &[f64]) -> [f64; P] {
    coefficients.try_into().expect("as many coefficients as the card has")
}

impl<E: Formula<P>, const P: usize> Law for Entry<E, P> {
    fn card(&self) -> Card {
        *Formula::card(&self.0)
    }

    fn predict(&self, coefficients: &[f64], x: &[f64]) -> f64 {
        let ln: Vec<f64> = x.iter().map(|x| x.ln()).collect();
        self.0.value(exactly::<P>(coefficients), Row::new(x, &ln))
    }

    fn gradient(&self, coefficients: &[f64], x: &[f64]) -> Vec<f64> {
        let ln: Vec<f64> = x.iter().map(|x| x.ln()).collect();
        gradient(&self.0, exactly::<P>(coefficients), Row::new(x, &ln)).as_slice().to_vec()
    }

    fn estimate(&self, data: &Data, options: &Options) -> Result<Estimate, Refusal> {
        estimate::estimate(&self.0, data, options)
    }

    fn keep(&self, data: &Data, options: &Options) -> Result<Box<dyn Kept + '_>, Refusal> {
        Ok(Box::new(kept::Keeper::new(&self.0, data, options)?))
    }

    fn draws(
        &self,
        data: &Data,
        options: &Options,
        estimate: &Estimate,
        draws_n: u32,
        seed: u64,
    ) -> Result<Vec<Vec<f64>>, Refusal> {
        resample::draws(&self.0, data, options, estimate, draws_n, seed)
    }

    fn influences(
        &self,
        data: &Data,
        options: &Options,
        estimate: &Estimate,
    ) -> Result<Vec<Influence>, Refusal> {
        influence::influences(&self.0, data, options, estimate)
    }

    fn profiles(
        &self,
        data: &Data,
        options: &Options,
        estimate: &Estimate,
        level: f64,
    ) -> Result<Vec<Option<Profile>>, Refusal> {
        profile::profiles(&self.0, data, options, estimate, level)
    }
}

/// All laws, in the order of their names.
pub const LAWS: &[&dyn Law] = &[
    &Entry::<_, 1>(attack_linear::AttackLinear),
    &Entry::<_, 4>(bivariate_product::BivariateProduct),
    &Entry::<_, 6>(bnsl::Bnsl1),
    &Entry::<_, 9>(bnsl::Bnsl2),
    &Entry::<_, 12>(bnsl::Bnsl3),
    &Entry::<_, 5>(chinchilla::Chinchilla),
    &Entry::<_, 6>(chinchilla_gamma::ChinchillaGamma),
    &Entry::<_, 2>(coverage::Coverage),
    &Entry::<_, 7>(data_constrained::DataConstrained),
    &Entry::<_, 1>(dimension_power::DimensionPower),
    &Entry::<_, 9>(distill::Distill),
    &Entry::<_, 3>(err_exp_loss::ErrExpLoss),
    &Entry::<_, 4>(exp_floor::ExpFloor),
    &Entry::<_, 9>(farseer::Farseer),
    &Entry::<_, 2>(gap_power::GapPower),
    &Entry::<_, 2>(kaplan_c::KaplanC),
    &Entry::<_, 2>(kaplan_d::KaplanD),
    &Entry::<_, 2>(kaplan_n::KaplanN),
    &Entry::<_, 4>(kaplan_nd::KaplanNd),
    &Entry::<_, 4>(kaplan_ns::KaplanNs),
    &Entry::<_, 4>(ladder_accuracy::LadderAccuracy),
    &Entry::<_, 5>(ladder_bpb::LadderBpb),
    &Entry::<_, 3>(log_power::LogPower),
    &Entry::<_, 4>(lr_anneal::LrAnneal),
    &Entry::<_, 6>(mixture_effective_n::MixtureEffectiveN),
    &Entry::<_, 6>(moe_clark::MoeClark),
    &Entry::<_, 7>(moe_granular::MoeGranular),
    &Entry::<_, 9>(moe_joint::MoeJoint),
    &Entry::<_, 4>(multi_loglinear::MultiLogit),
    &Entry::<_, 4>(multi_loglinear::MultiLoglinear),
    &Entry::<_, 5>(multi_loglinear::MultiLoglinearCross),
    &Entry::<_, 2>(opt_batch::OptBatch),
    &Entry::<_, 3>(opt_lr::OptLr),
    &Entry::<_, 4>(overtrain_cm::OvertrainCm),
    &Entry::<_, 4>(parscale::Parscale),
    &Entry::<_, 4>(post_training::PostTraining),
    &Entry::<_, 3>(power_const::PowerConst),
    &Entry::<_, 3>(power_const_ratio::PowerConstRatio),
    &Entry::<_, 3>(power_floor_hours::PowerFloorHours),
    &Entry::<_, 2>(power_hours::PowerHours),
    &Entry::<_, 2>(power_ratio::PowerRatio),
    &Entry::<_, 2>(power_scaled::PowerScaled),
    &Entry::<_, 8>(precision::Precision),
    &Entry::<_, 4>(qat_error::QatError),
    &Entry::<_, 4>(relu_logspace_power::ReluLogspacePower),
    &Entry::<_, 4>(saturating_power::SaturatingPower),
    &Entry::<_, 3>(silu_power::SiluPower),
    &Entry::<_, 7>(sparse_weights::SparseWeights),
    &Entry::<_, 2>(task_power::TaskPower),
    &Entry::<_, 6>(trajectory_nsb::TrajectoryNsb),
    &Entry::<_, 4>(utility_decay::UtilityDecay),
    &Entry::<_, 3>(width_power::WidthPower),
];

/// The law called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static dyn Law> {
    LAWS.iter().copied().find(|law| law.card().name == name)
}
