//! How few hidden units a trained model can do with.

use sweep_core::metric::{Metric, MetricPoint};
use sweep_core::units::Share;
use sweep_core::variant::{Activation, Family, Rise, Variant};

use super::{corpus, run, uninterrupted};

#[test]
fn a_larger_rise_of_perplexity_needs_fewer_units() {
    let corpus = corpus();
    for (family, activation, gated) in
        [(Family::Gpt, Activation::Relu, true), (Family::Qlstm, Activation::Silu, true)]
    {
        let mut run = run(family, 300, &corpus);
        let plain = Variant { activation, gated, ..Variant::BASELINE };
        let mut at = |rise: Option<f64>| {
            let activation_ratio = rise.map(|rise| Rise(Share(rise)));
            run.model.variant = Variant { activation_ratio, ..plain.clone() };
            uninterrupted(&run, &corpus)
        };
        let of = |points: &[MetricPoint], name: &str| {
            let metric: Metric = name.parse().unwrap();
            points.iter().find(|point| point.metric == metric).map(|point| point.value)
        };
        let (dense, points) = at(None);
        assert_eq!(of(&points, "activation_ratio"), None);
        let (little, little_points) = at(Some(0.01));
        let (much, much_points) = at(Some(0.2));
        // It only looks.
        assert_eq!(dense.weights_hash, little.weights_hash);
        assert_eq!((dense.loss, dense.loss), (little.loss, much.loss));
        let ratio = |points: &[MetricPoint]| of(points, "activation_ratio").unwrap();
        let cett = |points: &[MetricPoint]| of(points, "cett").unwrap();
        let (little, much) = (ratio(&little_points), ratio(&much_points));
        assert!(0.0 < much && much < little, "{family}: {much} {little}");
        assert!(little < if activation == Activation::Relu { 0.5 } else { 0.9 }, "{little}");
        assert!(0.0 < cett(&little_points) && cett(&little_points) < cett(&much_points));
    }
}
