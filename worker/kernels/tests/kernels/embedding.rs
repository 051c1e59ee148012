//! The embedding.

use crate::check::{self, double, noise};
use crate::reference;
use sweep_kernels::Embedding;

#[test]
fn rows_are_gathered_and_their_gradients_scattered() {
    // Id 2 comes three times, ids 1 and 4 never.
    let ids = [2, 0, 2, 3, 2, 0];
    for learned_positions in [false, true] {
        let embedding =
            Embedding { batch: 2, sequence: 3, width: 5, vocabulary_n: 5, learned_positions };
        let layout = embedding.layout();
        assert_eq!(layout.get("position").is_some(), learned_positions);
        let params = check::params(&layout, 1);
        let mut y = vec![f32::NAN; ids.len() * 5];
        embedding.forward(&params, &ids, &mut y);
        check::close("y", &y, &reference::embedding(&embedding, &double(&params), &ids));

        let dy = noise(y.len(), 1.0, 2);
        let mut dparams = vec![f32::NAN; params.len()];
        embedding.backward(&ids, &dy, &mut dparams);
        let dy = double(&dy);
        check::gradient("dparams", &dparams, &params, |params| {
            check::dot(&reference::embedding(&embedding, params, &ids), &dy)
        });
        assert!(dparams[5..10].iter().all(|&d| d == 0.0), "a row that was not used");
    }
}

#[test]
#[should_panic(expected = "out of range")]
fn an_id_beyond_the_vocabulary_is_refused() {
    let embedding =
        Embedding { batch: 1, sequence: 1, width: 2, vocabulary_n: 3, learned_positions: false };
    embedding.forward(&[0.0; 6], &[3], &mut [0.0; 2]);
}
