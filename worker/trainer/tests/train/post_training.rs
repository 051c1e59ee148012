//! Finished runs in few bits.

use std::path::{Path, PathBuf};

use sweep_core::variant::{Family, NumberFormat, PostMethod, PostTraining, ScaleGroup};
use sweep_corpus::{Corpus, Text};

use super::{run, uninterrupted};

/// The first fourteen migrations of the database. What rounding costs depends on the text, the bounds below
/// are of this one, and a migration that is released never changes.
fn migrations() -> Text {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../coordinator/store/src/migration");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // They are named by their dates, so that later ones come behind.
    files.retain(|file| file.to_string_lossy().contains("/m2026"));
    files.sort();
    files.truncate(14);
    Corpus::from_documents("migrations", files.iter().map(|file| std::fs::read(file).unwrap()))
        .into()
}

#[test]
fn fewer_bits_after_training_lose_more_and_leave_the_model_as_it_is() {
    use NumberFormat::{Fp4E2m1, Int3, Int4, Int8};
    let corpus = migrations();
    for family in [Family::Gpt, Family::Qlstm] {
        let mut run = run(family, 200, &corpus);
        let (plain, points) = uninterrupted(&run, &corpus);
        let is_after = |name: &str| name.starts_with("post_training");
        assert!(!points.iter().any(|point| is_after(point.metric.as_str())));
        let mut added = |weights: &[NumberFormat], activations, methods: &[PostMethod]| {
            run.model.variant.post_training = Some(PostTraining {
                weights: weights.to_vec(),
                activations,
                group: ScaleGroup::Size(32),
                methods: methods.to_vec(),
            });
            let (result, points) = uninterrupted(&run, &corpus);
            assert_eq!((result.loss, &result.weights_hash), (plain.loss, &plain.weights_hash));
            let find = |name: String| {
                let mut points = points.iter().filter(|point| point.metric.as_str() == name);
                points.next().map(|point| point.value).unwrap()
            };
            let mut all = Vec::new();
            for format in weights {
                for method in methods {
                    let name = format!("{}/{method}", format.as_str());
                    let added = find(format!("post_training_added/{name}"));
                    let told = find(format!("post_training/{name}")) - result.loss;
                    assert!((told - added).abs() < 1e-12);
                    all.push(added);
                }
            }
            all
        };
        let methods = [PostMethod::Round, PostMethod::Awq];
        let [eight, _, four, awq4, three, awq3] = added(&[Int8, Int4, Int3], None, &methods)[..]
        else {
            panic!("three formats by two methods")
        };
        assert!(eight.abs() < 2e-3, "{family}: {eight}");
        assert!(eight < four && 2.0 * four < three, "{family}: {four} {three}");
        // AWQ looks at the layers, not at the loss, which gains where channels differ much.
        let awq = [awq4 / four, awq3 / three];
        let most = if family == Family::Gpt { 1.1 } else { 2.0 };
        assert!(awq.iter().all(|ratio| *ratio < most), "{family}: {awq:?}");
        if family != Family::Gpt {
            continue;
        }
        // It gives weights what it takes from activations, so it may lose as well.
        let methods = [PostMethod::Round, PostMethod::LlmFp4];
        let [rounded, fp4] = added(&[Fp4E2m1], Some(Fp4E2m1), &methods)[..] else {
            panic!("a format by two methods")
        };
        assert!(0.0 < fp4 && fp4 < 2.0 * rounded, "{family}: {fp4} {rounded}");
        let [tuned] = added(&[Int8], Some(Int8), &[PostMethod::OutlierTune])[..] else {
            panic!("a format by a method")
        };
        assert!(tuned < 0.05, "{family}: {tuned}");
    }
}
