//! Ways to train the same model: in pieces, by its width, judged otherwise.

use super::*;

/// Rounding apart it is the same run: the same data, almost the same losses.
#[test]
fn a_batch_in_pieces_trains_as_the_whole() {
    let corpus = corpus();
    for family in [Family::Gpt, Family::Qlstm] {
        let whole = run(family, 100, &corpus);
        let pieces = RunSpec { micro_batch: Some(1), ..whole.clone() };
        let (whole, points) = uninterrupted(&whole, &corpus);
        let (pieces, in_pieces) = uninterrupted(&pieces, &corpus);
        assert!((pieces.loss / whole.loss - 1.0).abs() < 2e-3, "{pieces:?} {whole:?}");
        assert_ne!(pieces.weights_hash, whole.weights_hash);
        for (a, b) in points.iter().zip(&in_pieces).take(30) {
            assert!((a.value / b.value - 1.0).abs() < 1e-3 || a.value == b.value, "{a:?} {b:?}");
        }
    }
}

/// One rate found best at width 64 is no worse at other widths than the default that falls with it.
#[test]
fn a_model_whose_rates_follow_its_width_learns() {
    let corpus = corpus();
    let mut run = run(Family::Qlstm, 300, &corpus);
    let (plain, _) = uninterrupted(&run, &corpus);
    run.optimiser = OptimiserSpec { mu_p: true, ..OptimiserSpec::for_width(64) };
    let (by_width, _) = uninterrupted(&run, &corpus);
    let ratio = by_width.bits_per_byte / plain.bits_per_byte;
    assert!((0.85..1.05).contains(&ratio) && ratio != 1.0, "{ratio}");
}

/// More context for every scored token is no worse, and the weights are the same.
#[test]
fn the_last_tokens_of_windows_can_be_judged_alone() {
    let corpus = corpus();
    let half = run(Family::Gpt, 200, &corpus);
    let last = RunSpec { evaluate_last: Some(8), ..half.clone() };
    let (half, _) = uninterrupted(&half, &corpus);
    let (last, _) = uninterrupted(&last, &corpus);
    assert_eq!(half.weights_hash, last.weights_hash);
    let ratio = last.bits_per_byte / half.bits_per_byte;
    assert!((0.95..1.01).contains(&ratio) && ratio != 1.0, "{ratio}");
}
