//! `sweepctl fit` and the catalogue, on files that a user might bring.

mod bad_input;
mod compare;
mod propose;

use std::fmt::Write as _;

use crate::transcript::{Transcript, sweepctl, sweepctl_in, sweepctl_reading};

/// Runs on a grid of sizes and tokens: Hoffmann et al.'s rounded law with four digits of loss, and a
/// ripple that stands for noise.
fn runs() -> String {
    let mut text = String::from("run_id,params,tokens,loss\n");
    for (i, n) in [7e7, 2e8, 6e8, 1.8e9].iter().enumerate() {
        for (j, d) in [1e9_f64, 5e9, 2.5e10, 1.2e11].iter().enumerate() {
            let ripple = 1.0 + 0.002 * ((i * 7 + j * 3) as f64).sin();
            let loss = 1.69 + 406.4 * f64::powf(*n, -0.34) + 410.7 * d.powf(-0.28);
            let name = format!("run-{i}{j}");
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name},{n},{d},{:.4}", loss * ripple);
        }
    }
    text
}

fn fit(text: &str, arguments: &[&str]) -> Transcript {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("runs.csv"), text).expect("the folder is writable");
    sweepctl_in(folder.path(), &[&["fit", "runs.csv"], arguments].concat())
}

#[test]
fn a_file_of_runs_is_fitted() {
    insta::assert_snapshot!(fit(&runs(), &["--law", "chinchilla"]));
}

#[test]
fn a_fit_shows_the_profiles_of_its_coefficients() {
    let arguments = ["--law", "chinchilla", "--profile", "--fix", "E=1.69", "--bootstrap", "0"];
    insta::assert_snapshot!(fit(&runs(), &arguments));
}

/// The column of sizes says that embeddings are left out, the rows that runs have checkpoints.
#[test]
fn what_runs_count_is_said_beside_what_the_literature_counts() {
    let mut text = runs().replacen("params", "params_non_embedding", 1);
    for (run, row) in [("run-00", "7e7,5e8,4.52"), ("run-10", "2e8,5e8,4.35")] {
        let _ = writeln!(text, "{run},{row}");
    }
    let arguments = ["--law", "chinchilla", "--convention", "L=nats", "--bootstrap", "20"];
    insta::assert_snapshot!(fit(&text, &arguments));
}

#[test]
fn runs_may_come_from_standard_input() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let input = folder.path().join("runs.csv");
    std::fs::write(&input, runs()).expect("the folder is writable");
    let arguments = ["--law", "chinchilla", "--json"];
    let piped = sweepctl_reading(&input, &[&["fit", "-"][..], &arguments].concat());
    let read = sweepctl_in(folder.path(), &[&["fit", "runs.csv"][..], &arguments].concat());
    assert_eq!(piped.stdout, read.stdout.replace("runs.csv", "standard input"));
}

#[test]
fn fixed_and_tied_coefficients_stay_so() {
    let arguments = ["--law", "chinchilla", "--fix", "E=1.69", "--tie", "alpha=beta", "--json"];
    let transcript = fit(&runs(), &arguments);
    assert_eq!(transcript.status, Some(0), "{transcript}");
    let report: serde_json::Value = serde_json::from_str(&transcript.stdout).unwrap();
    let value = |i: usize| report["coefficients"][i]["value"].as_f64().unwrap();
    assert_eq!(value(0), 1.69);
    assert_eq!(value(3), value(4));
}

#[test]
fn bounds_priors_and_weights_are_heard() {
    let weighted: String = runs()
        .lines()
        .enumerate()
        .map(|(i, line)| match i {
            0 => format!("{line},trust\n"),
            1..=4 => format!("{line},20\n"),
            _ => format!("{line},1\n"),
        })
        .collect();
    let value = |arguments: &[&str], i: usize| {
        let common = ["--law", "chinchilla", "--bootstrap", "0", "--json"];
        let transcript = fit(&weighted, &[&common[..], arguments].concat());
        assert_eq!(transcript.status, Some(0), "{transcript}");
        let report: serde_json::Value = serde_json::from_str(&transcript.stdout).unwrap();
        report["coefficients"][i]["value"].as_f64().unwrap()
    };
    let (floor, exponent) = (value(&[], 0), value(&[], 3));
    assert_eq!(value(&["--bound", "alpha=0.5..0.9"], 3), 0.5);
    let pulled = value(&["--prior", "E=1.2+-0.001", "--noise", "0.002"], 0);
    assert!((pulled - 1.2).abs() < 0.1 && (floor - 1.2).abs() > 0.3, "{floor} {pulled}");
    let trusting = value(&["--weight", "trust"], 3);
    assert!((trusting / exponent - 1.0).abs() > 1e-4, "{trusting} {exponent}");

    let refused = fit(&weighted, &["--law", "chinchilla", "--bound", "alpha=0.5"]);
    insta::assert_snapshot!("a_bound_without_its_end", refused);
    let refused = fit(&weighted, &["--law", "chinchilla", "--bound", "alpha=0.5..7"]);
    insta::assert_snapshot!("a_bound_outside_the_law", refused);
}

#[test]
fn a_fit_is_drawn_in_the_terminal_and_as_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("runs.csv"), runs()).expect("the folder is writable");
    let arguments = ["fit", "runs.csv", "--law", "chinchilla", "--bootstrap", "50", "--plot"];
    let files = ["--figure", "figures/fit.svg", "--residuals", "figures/residuals.svg"];
    insta::assert_snapshot!(sweepctl_in(folder.path(), &[&arguments[..], &files].concat()));
    for (file, name) in [("fit.svg", "fit-chinchilla"), ("residuals.svg", "residuals-chinchilla")] {
        let svg = std::fs::read_to_string(folder.path().join("figures").join(file))
            .expect("the figure was written");
        assert!(svg.starts_with("<svg ") && svg.contains(name), "{file}: {svg}");
        assert!(svg.contains("row 16: "), "{file} lacks the last run");
    }
}

/// The order of the rows and the unit of a variable change no prediction.
#[test]
fn permuted_and_rescaled_runs_have_the_same_law() {
    let report = |text: &str| {
        let transcript = fit(text, &["--law", "chinchilla", "--bootstrap", "0", "--json"]);
        serde_json::from_str::<serde_json::Value>(&transcript.stdout).unwrap()
    };
    let coefficient =
        |report: &serde_json::Value, i: usize| report["coefficients"][i]["value"].as_f64().unwrap();
    let text = runs();
    let as_it_is = report(&text);
    let (header, rows) = text.split_once('\n').unwrap();
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.reverse();
    let reversed = report(&format!("{header}\n{}\n", rows.join("\n")));
    assert_eq!(as_it_is["coefficients"], reversed["coefficients"]);

    let in_thousands = rows.iter().map(|row| {
        let cells: Vec<&str> = row.split(',').collect();
        let n: f64 = cells[1].parse().unwrap();
        format!("{},{},{},{}\n", cells[0], n / 1e3, cells[2], cells[3])
    });
    let rescaled = report(&format!("{header}\n{}", in_thousands.collect::<String>()));
    let alpha = coefficient(&as_it_is, 3);
    for (i, factor) in [1.0, 1e3_f64.powf(-alpha), 1.0, 1.0, 1.0].iter().enumerate() {
        let ratio = coefficient(&rescaled, i) / (coefficient(&as_it_is, i) * factor);
        assert!((ratio - 1.0).abs() < 1e-5, "coefficient {i} is off by {ratio}");
    }
}

#[test]
fn what_cannot_be_fitted_is_named_by_its_line() {
    let bad = runs().replacen("200000000,5000000000,", "200000000,-5000000000,", 1);
    insta::assert_snapshot!("a_bad_cell", fit(&bad, &["--law", "chinchilla"]));
    let few: String = runs().lines().take(5).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!("too_few_runs", fit(&few, &["--law", "chinchilla"]));
    let renamed = runs().replacen("tokens", "words", 1);
    insta::assert_snapshot!("a_missing_column", fit(&renamed, &["--law", "chinchilla"]));
    insta::assert_snapshot!("a_law_misspelt", fit(&runs(), &["--law", "chinchila"]));
    let options = ["--law", "chinchilla", "--fix", "gamma=1"];
    insta::assert_snapshot!("no_such_coefficient", fit(&runs(), &options));
    let options = ["--law", "chinchilla", "--objective", "huber-log"];
    insta::assert_snapshot!("an_objective_without_its_delta", fit(&runs(), &options));
}

#[test]
fn a_file_is_checked_before_it_is_fitted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let last = runs().lines().last().map(|line| format!("{line}\n")).unwrap_or_default();
    let text = runs() + &last;
    std::fs::write(folder.path().join("runs.csv"), text).expect("the folder is writable");
    insta::assert_snapshot!(sweepctl_in(folder.path(), &["check", "runs.csv"]));
}

#[test]
fn a_law_is_shown_with_its_source() {
    insta::assert_snapshot!(sweepctl(&["laws", "show", "chinchilla"]));
}

/// Calls a question on the runs of [`runs`].
fn ask(arguments: &[&str]) -> Transcript {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("runs.csv"), runs()).expect("the folder is writable");
    let (command, rest) = arguments.split_first().expect("a command");
    let common = [*command, "runs.csv", "--law", "chinchilla", "--bootstrap", "50"];
    sweepctl_in(folder.path(), &[&common[..], rest].concat())
}

#[test]
fn a_fitted_law_answers_questions() {
    let places = ["predict", "--at", "N=70B,D=1.4T", "--at", "N=100M..1B:3,D=20B"];
    insta::assert_snapshot!("a_prediction", ask(&places));
    let reached = ["invert", "--for", "D", "--loss", "2.6", "--at", "N=200M..7B:3"];
    insta::assert_snapshot!("an_inversion", ask(&reached));
    insta::assert_snapshot!("an_allocation_of_flops", ask(&["allocate", "--flops", "1e24"]));
    let hours = ["allocate", "--hours", "20k", "--throughput", "2e11*N^-0.7"];
    insta::assert_snapshot!("an_allocation_of_hours", ask(&hours));
    let families = ["predict", "--families", "--at", "N=70B,D=1.4T"];
    insta::assert_snapshot!("a_prediction_of_several_laws", ask(&families));
}

/// Slices of equal compute about the best size show it without the law.
#[test]
fn an_allocation_stands_beside_isoflop_parabolas() {
    let mut text = String::from("params,tokens,loss\n");
    for flops in [1e18_f64, 1e19, 1e20, 1e21] {
        for step in -2..=2 {
            let n = 0.09 * flops.powf(0.5) * 2_f64.powi(step);
            let d = flops / (6.0 * n);
            let loss = 1.69 + 406.4 * n.powf(-0.34) + 410.7 * d.powf(-0.28);
            let _ = writeln!(text, "{n:.4e},{d:.4e},{loss:.4}");
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("slices.csv"), text).expect("the folder is writable");
    let arguments = ["allocate", "slices.csv", "--law", "chinchilla", "--flops", "1e22"];
    insta::assert_snapshot!(sweepctl_in(folder.path(), &arguments));
}

#[test]
fn a_question_without_sense_is_refused() {
    for (name, arguments) in [
        ("a_place_without_tokens", &["predict", "--at", "N=70B"][..]),
        ("no_such_variable", &["invert", "--for", "C", "--loss", "2.0"]),
        ("hours_without_a_column", &["allocate", "--hours", "100"]),
        ("two_budgets", &["allocate", "--hours", "100", "--flops", "1e20"]),
        ("no_such_throughput", &["allocate", "--hours", "100", "--throughput", "fast"]),
    ] {
        let transcript = ask(arguments);
        assert_eq!(transcript.status, Some(1), "{transcript}");
        insta::assert_snapshot!(name, transcript);
    }
}

#[test]
fn a_law_of_ones_own_is_fitted_and_shown() {
    let arguments = ["--law", "L(N, D) = E + A*N^-alpha + B*D^-beta"];
    insta::assert_snapshot!("a_law_of_ones_own", fit(&runs(), &arguments));
    insta::assert_snapshot!("a_law_of_ones_own_shown", sweepctl(&["laws", "show", arguments[1]]));
    let misspelt = fit(&runs(), &["--law", "E + A*N^-alpha + B*D^"]);
    insta::assert_snapshot!("a_law_that_breaks_off", misspelt);
}

/// The name of a column is a variable of the law.
#[test]
fn a_column_is_a_variable_of_a_law_of_ones_own() {
    let arguments = ["--law", "E + A*size^-alpha", "--column", "size=params", "--json"];
    let transcript = fit(&runs(), &arguments);
    let report: serde_json::Value = serde_json::from_str(&transcript.stdout).unwrap();
    assert_eq!(report["spans"][0]["symbol"], "size", "{transcript}");
}

/// The file was written by pyarrow 26 from the same table, numbers as doubles, with snappy.
#[test]
fn a_parquet_file_is_the_table_that_it_was_written_from() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("runs.csv"), runs()).expect("the folder is writable");
    let parquet = include_bytes!("runs.parquet");
    std::fs::write(folder.path().join("runs.parquet"), parquet).expect("the folder is writable");
    let fit = |file: &str| sweepctl_in(folder.path(), &["fit", file, "--law", "chinchilla"]);
    assert_eq!(fit("runs.parquet").stdout, fit("runs.csv").stdout.replace(".csv", ".parquet"));
    let cut = &parquet[..parquet.len() / 2];
    std::fs::write(folder.path().join("cut.parquet"), cut).expect("the folder is writable");
    insta::assert_snapshot!("a_parquet_file_that_breaks_off", fit("cut.parquet"));
}

/// The runs were made by Chinchilla's law, and it is found among those of N and D.
#[test]
fn the_law_that_forecasts_best_is_chosen() {
    insta::assert_snapshot!("the_best_of_the_catalogue", fit(&runs(), &["--law", "auto"]));
    let invert = ["invert", "runs.csv", "--law", "auto", "--for", "N", "--loss", "2"];
    insta::assert_snapshot!("auto_is_for_fits_alone", sweepctl(&invert));
    let words = fit("words,loss\n1,2\n3,1\n", &["--law", "auto"]);
    insta::assert_snapshot!("no_law_of_these_columns", words);
}
