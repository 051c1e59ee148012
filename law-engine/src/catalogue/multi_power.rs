//! Fitting the multi-power law to whole loss curves under any schedules (arXiv 2503.12811).
//!
//! The equation is that of [`MultiPower`]. What a change of the rate is worth at a later step depends
//! on the coefficients only through the learning rate spent since and the rate after it, so that each
//! point of a curve is a list of terms `(fall, ln S_k(t), ln eta_k)`, made once:
//!
//! ```text
//! LD(t) = B sum of fall (1 - (1 + exp(ln C + ln S_k - gamma ln eta_k))^-beta)
//! ```
//!
//! Neighbouring changes long before a step are worth nearly the same. They are taken together while
//! the rate spent since differs by less than a 64th of itself: the loss is then off by less than 1e-5
//! (a test holds it), and a point has some hundred terms instead of one for each step before it.
//!
//! Begun at a grid over the exponents with the best L0, A and B for each (the law is linear in them),
//! and descended by [`DampedNewton`](crate::newton::DampedNewton) with exact derivatives. The authors
//! descend by Adam from the fit of a simpler law, and end above (docs/validation.md).

use nalgebra::{Matrix3, Vector3};
use sweep_core::fit::Convergence;

use super::data::Refusal;
use super::schedule::{MultiPower, forward_area};
use crate::curve::{Cell, Point};
use crate::fit::{Fit, polish};
use crate::law::{Jet, Parameter, ScalingLaw, Theta};
use crate::objective::{Huber, Objective};

/// A loss curve with the schedule that it was trained under.
#[derive(Clone, Copy, Debug)]
pub struct Trained<'a> {
    /// The learning rate of each step from the first, warm-up included.
    pub rates: &'a [f64],
    /// Steps at which the loss was logged, counted from zero, below the number of rates.
    pub steps: &'a [usize],
    pub losses: &'a [f64],
}

/// The law at its optimum.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub law: MultiPower,
    /// Summed Huber loss of the log residuals, without taking changes together.
    pub objective: f64,
    pub convergence: Convergence,
}

/// Coefficients: L0, ln A, alpha, ln B, ln C, beta, gamma.
const P: usize = 7;
/// Changes are taken together while the rate spent since them differs by this share at most.
const BLOCK: f64 = 1.0 / 64.0;
/// Smallest rate, relative to the largest: a schedule that ends at zero has a last change to it.
const RATE_MIN: f64 = 1e-9;
/// Places of the grid that are descended from.
const STARTS_N: usize = 4;

/// Fits the law to `curves`, with `huber` over log residuals.
///
/// # Errors
/// [`Refusal::Ragged`] for a curve with another number of losses than steps, [`Refusal::BadValue`] for
/// a rate, a step or a loss that cannot be, each with the number of the curve as its row;
/// [`Refusal::Constant`] where no schedule changes its rate; [`Refusal::TooFew`] with no more points
/// than coefficients; [`Refusal::NoStart`] where no place of the grid describes a positive loss.
pub fn fit(curves: &[Trained<'_>], huber: Huber) -> Result<Found, Refusal> {
    check(curves)?;
    let places: Vec<Place> = curves.iter().flat_map(places).collect();
    if places.len() <= P {
        let (law, places, needed) = ("multi-power", places.len(), P + 1);
        return Err(Refusal::TooFew { law, places, needed });
    }
    let is_flat = |curve: &Trained<'_>| curve.rates.windows(2).all(|pair| pair[0] == pair[1]);
    if !curves.is_empty() && curves.iter().all(is_flat) {
        return Err(Refusal::Constant { column: "learning rate".to_owned() });
    }
    let law = Curves { places: &places };
    let losses = curves.iter().flat_map(|curve| curve.losses);
    let points: Vec<Point<usize>> = losses
        .enumerate()
        .map(|(x, loss)| Point {
            cell: Cell { class: x, seed: 0 },
            x,
            ln_loss: loss.ln(),
            weight: 1.0,
        })
        .collect();
    let objective = Objective::of_logs(law, &points);
    let mut starts: Vec<(f64, Theta<P>)> = grid()
        .filter_map(|exponents| law.project(exponents, &points))
        .map(|theta| (objective.value(&theta, huber), theta))
        .filter(|(value, _)| value.is_finite())
        .collect();
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let fits = starts.iter().take(STARTS_N).map(|(_, start)| polish(&objective, huber, *start));
    let best: Option<Fit<P>> = fits.min_by(|a, b| a.objective.total_cmp(&b.objective));
    let Fit { theta, convergence, .. } = best.ok_or(Refusal::NoStart)?;
    let law = of_theta(&theta);
    Ok(Found { law, objective: objective_of(&law, curves, huber), convergence })
}

fn check(curves: &[Trained<'_>]) -> Result<(), Refusal> {
    for (index, Trained { rates, steps, losses }) in curves.iter().enumerate() {
        let row = index + 1;
        if steps.len() != losses.len() {
            return Err(Refusal::Ragged { row, found: losses.len(), expected: steps.len() });
        }
        let is_rate = |rate: &f64| rate.is_finite() && *rate >= 0.0;
        let is_loss = |loss: &f64| loss.is_finite() && *loss > 0.0;
        let bad = [
            ("learning rate", rates.iter().copied().find(|rate| !is_rate(rate))),
            ("step", steps.iter().find(|step| **step >= rates.len()).map(|step| *step as f64)),
            ("loss", losses.iter().copied().find(|loss| !is_loss(loss))),
        ];
        if let Some((column, value)) =
            bad.into_iter().find_map(|(column, value)| Some((column.to_owned(), value?)))
        {
            return Err(Refusal::BadValue { row, column, value });
        }
    }
    Ok(())
}

/// Summed Huber loss of the log residuals of `law` on `curves`.
#[must_use]
pub fn objective_of(law: &MultiPower, curves: &[Trained<'_>], huber: Huber) -> f64 {
    let of_curve = |curve: &Trained<'_>| -> f64 {
        let predicted = law.predict(curve.rates, curve.steps);
        let pairs = curve.losses.iter().zip(predicted);
        pairs.map(|(loss, law)| huber.value((loss / law).ln())).sum()
    };
    curves.iter().map(of_curve).sum()
}

fn of_theta(theta: &Theta<P>) -> MultiPower {
    let [l0, ln_a, alpha, ln_b, ln_c, beta, gamma]: [f64; P] = (*theta).into();
    MultiPower { l0, a: ln_a.exp(), alpha, b: ln_b.exp(), c: ln_c.exp(), beta, gamma }
}

/// Exponents and C to begin at: about the published ones, and far to both sides of them.
fn grid() -> impl Iterator<Item = [f64; 4]> {
    let alphas = [0.25, 0.5, 0.9].into_iter();
    alphas.flat_map(|alpha| {
        [0.1_f64, 1.0, 10.0].into_iter().flat_map(move |c| {
            [0.3, 0.8].into_iter().flat_map(move |beta| {
                [0.3, 0.7].into_iter().map(move |gamma| [alpha, c.ln(), beta, gamma])
            })
        })
    })
}

/// Changes of the rate that are worth about the same at a step.
#[derive(Clone, Copy, Debug)]
struct Term {
    fall: f64,
    ln_spent: f64,
    ln_rate: f64,
}

/// A step of a curve, as far as the law knows it.
#[derive(Clone, Debug)]
struct Place {
    /// ln S1.
    ln_area: f64,
    terms: Vec<Term>,
}

/// The places of a curve's logged steps.
fn places(curve: &Trained<'_>) -> Vec<Place> {
    let area = forward_area(curve.rates);
    let least = RATE_MIN * curve.rates.iter().copied().fold(0.0, f64::max);
    let rates = curve.rates;
    let changes: Vec<usize> = (1..rates.len()).filter(|k| rates[*k] != rates[k - 1]).collect();
    let place = |step: &usize| {
        let mut terms: Vec<Term> = Vec::new();
        // From the last change back, as far as a block goes.
        let mut block: Option<(f64, Block)> = None;
        for k in changes[..changes.partition_point(|k| k <= step)].iter().rev() {
            let spent = (area[*step] - area[k - 1]).max(least);
            let change = (rates[k - 1] - rates[*k], spent.ln(), rates[*k].max(least).ln());
            match &mut block {
                Some((from, block)) if spent <= *from * (1.0 + BLOCK) && block.is_alike(change) => {
                    block.add(change);
                }
                _ => {
                    terms.extend(block.take().map(|(_, block)| block.term()));
                    block = Some((spent, Block::of(change)));
                }
            }
        }
        terms.extend(block.map(|(_, block)| block.term()));
        Place { ln_area: area[*step].max(least).ln(), terms }
    };
    curve.steps.iter().map(place).collect()
}

/// Sums over the changes of a block, weighed by their falls.
#[derive(Clone, Copy, Debug)]
struct Block {
    fall: f64,
    spent: f64,
    rate: f64,
    first_rate: f64,
}

impl Block {
    fn of((fall, ln_spent, ln_rate): (f64, f64, f64)) -> Self {
        Self { fall, spent: fall * ln_spent, rate: fall * ln_rate, first_rate: ln_rate }
    }

    /// Whether a change goes the same way, at nearly the same rate: what is worth alike.
    fn is_alike(&self, (fall, _, ln_rate): (f64, f64, f64)) -> bool {
        self.fall * fall > 0.0 && (ln_rate - self.first_rate).abs() < BLOCK
    }

    fn add(&mut self, (fall, ln_spent, ln_rate): (f64, f64, f64)) {
        self.fall += fall;
        self.spent += fall * ln_spent;
        self.rate += fall * ln_rate;
    }

    fn term(self) -> Term {
        let Self { fall, spent, rate, .. } = self;
        Term { fall, ln_spent: spent / fall, ln_rate: rate / fall }
    }
}

/// The sum of a place's terms with its derivatives by ln C, beta and gamma.
struct Drop {
    value: f64,
    gradient: Vector3<f64>,
    hessian: Matrix3<f64>,
}

impl Place {
    /// The sum of the terms alone.
    fn drop(&self, ln_c: f64, beta: f64, gamma: f64) -> f64 {
        let gain = |term: &Term| {
            let s = (ln_c + term.ln_spent - gamma * term.ln_rate).exp().ln_1p();
            -term.fall * (-beta * s).exp_m1()
        };
        self.terms.iter().map(gain).sum()
    }

    /// With `s = ln(1 + q)`, `p = q / (1 + q)` and `e = exp(-beta s)`, a term is `1 - e`.
    fn expand(&self, ln_c: f64, beta: f64, gamma: f64) -> Drop {
        let mut drop = Drop { value: 0.0, gradient: Vector3::zeros(), hessian: Matrix3::zeros() };
        for Term { fall, ln_spent, ln_rate } in &self.terms {
            let q = (ln_c + ln_spent - gamma * ln_rate).exp();
            let s = q.ln_1p();
            // Where q is beyond any number its share of 1 + q is one.
            let p = if q.is_finite() { q / (1.0 + q) } else { 1.0 };
            let e = (-beta * s).exp();
            drop.value -= fall * (-beta * s).exp_m1();
            // By s: beta e; then by ln C and gamma through s.
            let by_s = fall * beta * e;
            let twice = by_s * (p * (1.0 - p) - beta * p * p);
            let mixed = fall * e * (1.0 - beta * s) * p;
            drop.gradient += Vector3::new(by_s * p, fall * s * e, -by_s * p * ln_rate);
            drop.hessian[(0, 0)] += twice;
            drop.hessian[(0, 2)] -= twice * ln_rate;
            drop.hessian[(2, 2)] += twice * ln_rate * ln_rate;
            drop.hessian[(0, 1)] += mixed;
            drop.hessian[(1, 2)] -= mixed * ln_rate;
            drop.hessian[(1, 1)] -= fall * s * s * e;
        }
        drop.hessian.fill_lower_triangle_with_upper_triangle();
        drop
    }
}

/// The law on the places of curves, by their numbers.
#[derive(Clone, Copy, Debug)]
struct Curves<'a> {
    places: &'a [Place],
}

impl Curves<'_> {
    /// The best L0, A and B at the other coefficients by relative least squares; None where B would
    /// not be positive.
    fn project(&self, exponents: [f64; 4], points: &[Point<usize>]) -> Option<Theta<P>> {
        let [alpha, ln_c, beta, gamma] = exponents;
        let (mut square, mut product) = (Matrix3::zeros(), Vector3::zeros());
        for point in points {
            let place = &self.places[point.x];
            let loss = point.ln_loss.exp();
            let row =
                Vector3::new(1.0, (-alpha * place.ln_area).exp(), -place.drop(ln_c, beta, gamma))
                    / loss;
            square += row * row.transpose();
            product += row;
        }
        let [l0, a, b]: [f64; 3] = square.cholesky()?.solve(&product).into();
        let theta = [l0.max(0.0), a.ln(), alpha, b.ln(), ln_c, beta, gamma];
        theta.iter().all(|value| value.is_finite()).then(|| Theta::from(theta))
    }
}

impl ScalingLaw<P> for Curves<'_> {
    type X = usize;

    fn parameters(&self) -> [Parameter; P] {
        let parameter = |name, lower, upper| Parameter { name, lower, upper };
        [
            parameter("L0", 0.0, f64::MAX),
            parameter("ln A", -40.0, 40.0),
            parameter("alpha", 1e-3, 2.0),
            parameter("ln B", -40.0, 40.0),
            parameter("ln C", -20.0, 20.0),
            parameter("beta", 1e-3, 5.0),
            parameter("gamma", -2.0, 3.0),
        ]
    }

    fn predict(&self, theta: &Theta<P>, x: usize) -> f64 {
        let place = &self.places[x];
        let power = (theta[1] - theta[2] * place.ln_area).exp();
        theta[0] + power - theta[3].exp() * place.drop(theta[4], theta[5], theta[6])
    }

    fn jet(&self, theta: &Theta<P>, x: usize) -> Jet<P> {
        let place = &self.places[x];
        let power = (theta[1] - theta[2] * place.ln_area).exp();
        let scale = theta[3].exp();
        let Drop { value, gradient, hessian } = place.expand(theta[4], theta[5], theta[6]);
        let loss = theta[0] + power - scale * value;
        let mut first = Theta::<P>::zeros();
        let mut second = nalgebra::SMatrix::<f64, P, P>::zeros();
        let ln = place.ln_area;
        (first[0], first[1], first[2], first[3]) = (1.0, power, -ln * power, -scale * value);
        (second[(1, 1)], second[(2, 2)]) = (power, ln * ln * power);
        (second[(1, 2)], second[(2, 1)]) = (-ln * power, -ln * power);
        second[(3, 3)] = -scale * value;
        for i in 0..3 {
            first[4 + i] = -scale * gradient[i];
            second[(3, 4 + i)] = -scale * gradient[i];
            second[(4 + i, 3)] = -scale * gradient[i];
            for j in 0..3 {
                second[(4 + i, 4 + j)] = -scale * hessian[(i, j)];
            }
        }
        let first = first / loss;
        Jet {
            ln_loss: loss.ln(),
            gradient: first,
            hessian: second / loss - first * first.transpose(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Warm-up, a long flat phase, and a cosine down to a tenth; and steps all along.
    fn cosine(total: usize) -> (Vec<f64>, Vec<usize>) {
        let rate = |step: usize| {
            if step < 200 {
                3e-4 * step as f64 / 199.0
            } else {
                let share = (step - 200) as f64 / (total - 200) as f64;
                3e-5 + 1.35e-4 * (1.0 + (std::f64::consts::PI * share).cos())
            }
        };
        ((0..total).map(rate).collect(), (300..total).step_by(61).collect())
    }

    /// Two steps down.
    fn stairs() -> (Vec<f64>, Vec<usize>) {
        let rate = |step: usize| match step {
            0..200 => 3e-4 * step as f64 / 199.0,
            200..2000 => 3e-4,
            2000..3000 => 1e-4,
            _ => 3e-5,
        };
        ((0..4000).map(rate).collect(), (300..4000).step_by(50).collect())
    }

    fn truth() -> MultiPower {
        MultiPower::PUBLISHED[1].1
    }

    #[test]
    fn curves_that_cannot_be_are_refused() {
        let (rates, steps) = stairs();
        let losses = truth().predict(&rates, &steps);
        let refused = |rates: &[f64], steps: &[usize], losses: &[f64]| {
            let curve = Trained { rates, steps, losses };
            fit(&[curve], Huber::STANDARD).unwrap_err().to_string()
        };
        let said = refused(&rates, &steps[1..], &losses);
        assert!(said.contains("row 1 has 74 values, 73 are expected"), "{said}");
        let said = refused(&rates[..3000], &steps, &losses);
        assert!(said.contains("row 1: step is 3000"), "{said}");
        let mut broken = losses;
        broken[3] = f64::NAN;
        assert!(refused(&rates, &steps, &broken).contains("row 1: loss is NaN"));
    }

    #[test]
    fn changes_taken_together_leave_the_loss_as_it_is() {
        let law = truth();
        let (rates, steps) = cosine(6000);
        let exact = law.predict(&rates, &steps);
        let curve = Trained { rates: &rates, steps: &steps, losses: &exact };
        let places = places(&curve);
        let terms_n: usize = places.iter().map(|place| place.terms.len()).sum();
        let changes_n: usize = steps.iter().sum();
        assert!(5 * terms_n < changes_n, "{terms_n} of {changes_n}");
        let theta = Theta::from([
            law.l0,
            law.a.ln(),
            law.alpha,
            law.b.ln(),
            law.c.ln(),
            law.beta,
            law.gamma,
        ]);
        let curves = Curves { places: &places };
        for (x, exact) in exact.iter().enumerate() {
            let found = curves.predict(&theta, x);
            assert!((found / exact - 1.0).abs() < 1e-5, "{x}: {found} {exact}");
        }
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        let (rates, steps) = stairs();
        let losses = truth().predict(&rates, &steps);
        let places = places(&Trained { rates: &rates, steps: &steps, losses: &losses });
        let curves = Curves { places: &places };
        let theta = Theta::from([2.6, -0.4, 0.5, 5.9, 0.6, 0.55, 0.6]);
        for x in [3, 40, 70] {
            let jet = curves.jet(&theta, x);
            for i in 0..P {
                let step = 1e-5;
                let at = |sign: f64| {
                    let mut moved = theta;
                    moved[i] += sign * step;
                    curves.jet(&moved, x)
                };
                let (up, down) = (at(1.0), at(-1.0));
                let slope = (up.ln_loss - down.ln_loss) / (2.0 * step);
                assert!((slope - jet.gradient[i]).abs() < 1e-7, "{i}: {slope}");
                for j in 0..P {
                    let bend = (up.gradient[j] - down.gradient[j]) / (2.0 * step);
                    assert!((bend - jet.hessian[(i, j)]).abs() < 1e-6, "{i} {j}: {bend}");
                }
            }
        }
    }

    #[test]
    fn the_law_is_got_back_from_its_own_curves() {
        let law = truth();
        let (a, b) = (cosine(6000), stairs());
        let losses = [law.predict(&a.0, &a.1), law.predict(&b.0, &b.1)];
        let curves = [
            Trained { rates: &a.0, steps: &a.1, losses: &losses[0] },
            Trained { rates: &b.0, steps: &b.1, losses: &losses[1] },
        ];
        let found = fit(&curves, Huber::STANDARD).expect("two curves");
        assert!(found.objective < 1e-9, "{found:?}");
        assert!((found.law.l0 / law.l0 - 1.0).abs() < 1e-2, "{found:?}");
        let unseen = cosine(9000);
        let forecast = found.law.predict(&unseen.0, &unseen.1);
        for (found, expected) in forecast.iter().zip(law.predict(&unseen.0, &unseen.1)) {
            assert!((found / expected - 1.0).abs() < 1e-3, "{found} {expected}");
        }
    }

    #[test]
    fn what_does_not_determine_the_law_is_refused() {
        let rates = vec![3e-4; 1000];
        let steps: Vec<usize> = (100..1000).step_by(30).collect();
        let losses = truth().predict(&rates, &steps);
        let curve = |n: usize| Trained { rates: &rates, steps: &steps[..n], losses: &losses[..n] };
        let few = fit(&[curve(5)], Huber::STANDARD);
        assert!(matches!(few, Err(Refusal::TooFew { places: 5, needed: 8, .. })), "{few:?}");
        let flat = fit(&[curve(30)], Huber::STANDARD).unwrap_err().to_string();
        assert!(flat.contains("the learning rate is the same everywhere"), "{flat}");
    }
}
