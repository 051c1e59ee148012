//! The head with its loss.

use crate::check::{self, double, noise};
use crate::reference;
use sweep_kernels::{Head, HeadSaved, Norm, Scratch, Streams};

const HEAD: Head =
    Head { tokens_n: 9, width: 7, vocabulary_n: 21, norm: Norm::Layer, z_loss: 0.0, streams: None };

fn targets() -> Vec<u32> {
    (0..HEAD.tokens_n as u32).map(|i| i * 5 % 21).collect()
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

#[test]
fn loss_and_its_gradient_are_those_of_the_formula() {
    let params = check::params(&HEAD.layout(), 1);
    let x = noise(HEAD.tokens_n * HEAD.width, 2.0, 2);
    let (mut saved, mut scratch) = (HeadSaved::default(), Scratch::default());
    let loss = HEAD.forward(&params, &x, &targets(), &mut saved);
    let (mut dx, mut dparams) = (vec![f32::NAN; x.len()], vec![f32::NAN; params.len()]);
    HEAD.backward(&params, &x, &mut dx, &mut dparams, &mut saved, &mut scratch);

    let exact = |params: &[f64], x: &[f64]| mean(&reference::nll(&HEAD, params, x, &targets()));
    let (wide_x, wide_params) = (double(&x), double(&params));
    check::close("loss", &[loss], &[exact(&wide_params, &wide_x)]);
    check::gradient("dx", &dx, &x, |x| exact(&wide_params, x));
    check::gradient("dparams", &dparams, &params, |params| exact(params, &wide_x));

    let mut nll = vec![0.0; HEAD.tokens_n];
    HEAD.nll(&params, &x, &targets(), &mut nll, &mut saved);
    let want = reference::nll(&HEAD, &wide_params, &wide_x, &targets());
    check::close("nll", &nll, &want);
}

#[test]
fn the_gradient_holds_that_of_large_logits() {
    for norm in [Norm::Layer, Norm::Rms] {
        let head = Head { norm, z_loss: 0.3, ..HEAD };
        let params = check::params(&head.layout(), 1);
        let x = noise(HEAD.tokens_n * HEAD.width, 2.0, 2);
        let (mut saved, mut scratch) = (HeadSaved::default(), Scratch::default());
        let loss = head.forward(&params, &x, &targets(), &mut saved);
        let (mut dx, mut dparams) = (vec![f32::NAN; x.len()], vec![f32::NAN; params.len()]);
        head.backward(&params, &x, &mut dx, &mut dparams, &mut saved, &mut scratch);
        let exact = |params: &[f64], x: &[f64]| {
            let squares = reference::log_sums(&head, params, x).iter().map(|z| z * z).sum::<f64>();
            mean(&reference::nll(&head, params, x, &targets()))
                + f64::from(head.z_loss) * squares / HEAD.tokens_n as f64
        };
        let (wide_x, wide_params) = (double(&x), double(&params));
        let told = mean(&reference::nll(&head, &wide_params, &wide_x, &targets()));
        check::close("loss", &[loss], &[told]);
        check::gradient("dx", &dx, &x, |x| exact(&wide_params, x));
        check::gradient("dparams", &dparams, &params, |params| exact(params, &wide_x));
    }
}

#[test]
fn streams_are_weighed_as_the_formula_says() {
    for (count, norm, smoothing) in [(2, Norm::Layer, 0.1), (3, Norm::Rms, 0.25)] {
        let head = Head { norm, streams: Some(Streams { count, smoothing }), ..HEAD };
        let params = check::params(&head.layout(), 1);
        let x = noise(count * HEAD.tokens_n * HEAD.width, 2.0, 2);
        let (mut saved, mut scratch) = (HeadSaved::default(), Scratch::default());
        let loss = head.forward(&params, &x, &targets(), &mut saved);
        let (mut dx, mut dparams) = (vec![f32::NAN; x.len()], vec![f32::NAN; params.len()]);
        head.backward(&params, &x, &mut dx, &mut dparams, &mut saved, &mut scratch);
        let exact = |params: &[f64], x: &[f64]| mean(&reference::nll(&head, params, x, &targets()));
        let (wide_x, wide_params) = (double(&x), double(&params));
        check::close("loss", &[loss], &[exact(&wide_params, &wide_x)]);
        check::gradient("dx", &dx, &x, |x| exact(&wide_params, x));
        check::gradient("dparams", &dparams, &params, |params| exact(params, &wide_x));
    }
}

/// Whatever their weights are, and however even.
#[test]
fn equal_streams_are_one() {
    let one = check::params(&HEAD.layout(), 1);
    let x = noise(HEAD.tokens_n * HEAD.width, 2.0, 2);
    let expected = HEAD.forward(&one, &x, &targets(), &mut HeadSaved::default());
    let head = Head { streams: Some(Streams { count: 4, smoothing: 0.1 }), ..HEAD };
    let mut four = check::params(&head.layout(), 7);
    for name in ["lnf_gain", "lnf_bias", "head_w"] {
        let of = |head: &Head| head.layout().get(name).unwrap().range();
        four[of(&head)].copy_from_slice(&one[of(&HEAD)]);
    }
    let loss = head.forward(&four, &x.repeat(4), &targets(), &mut HeadSaved::default());
    assert!((loss / expected - 1.0).abs() < 1e-6, "{loss} and {expected}");
}

#[test]
fn equal_logits_cost_the_logarithm_of_the_vocabulary() {
    let mut params = check::params(&HEAD.layout(), 3);
    params[HEAD.layout().get("head_w").unwrap().range()].fill(0.0);
    let x = noise(HEAD.tokens_n * HEAD.width, 1.0, 4);
    let loss = HEAD.forward(&params, &x, &targets(), &mut HeadSaved::default());
    assert!((loss - 21f32.ln()).abs() < 1e-6, "{loss}");
}

#[test]
fn a_broken_input_shows_in_the_loss() {
    let params = check::params(&HEAD.layout(), 5);
    let mut x = noise(HEAD.tokens_n * HEAD.width, 1.0, 6);
    x[10] = f32::NAN;
    assert!(HEAD.forward(&params, &x, &targets(), &mut HeadSaved::default()).is_nan());
}
