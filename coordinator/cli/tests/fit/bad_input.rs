//! What is in no table, or in no question, on every command that fits a law: an error that says where,
//! and never a panic.

use std::fmt::Write as _;

use crate::transcript::{Transcript, sweepctl_in};

/// Every command that reads runs, with what it has to be asked.
const COMMANDS: [&[&str]; 7] = [
    &["check"],
    &["fit", "--law", "chinchilla"],
    &["predict", "--law", "chinchilla", "--families", "--at", "N=70B,D=1T"],
    &["invert", "--law", "chinchilla", "--for", "D", "--loss", "2", "--at", "N=7B"],
    &["allocate", "--law", "chinchilla", "--flops", "1e22"],
    &["propose", "--law", "chinchilla", "--for", "loss", "--at", "flops=1e22", "--hours", "500"],
    &["compare", "--axis", "flops"],
];

/// Rows of Chinchilla's law.
fn rows() -> Vec<[f64; 3]> {
    let sizes = [1e7_f64, 3e7, 1e8, 3e8, 1e9];
    let row = |n: f64, ratio: f64| {
        let d = ratio * n;
        [n, d, 1.8 + 480.0 * n.powf(-0.35) + 2000.0 * d.powf(-0.37)]
    };
    sizes.iter().flat_map(|n| [5.0, 20.0, 80.0, 320.0].map(|ratio| row(*n, ratio))).collect()
}

fn csv(rows: &[[f64; 3]]) -> String {
    let lines = rows.iter().map(|[n, d, loss]| format!("{n:e},{d:e},{loss:e}\n"));
    lines.fold("N,D,loss\n".to_owned(), |text, line| text + &line)
}

fn ask(text: &str, command: &[&str]) -> Transcript {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("bad.csv"), text).expect("the folder is writable");
    std::fs::write(folder.path().join("good.csv"), csv(&rows())).expect("the folder is writable");
    let (name, rest) = command.split_first().expect("a command");
    let mut arguments = vec![*name, "bad.csv"];
    arguments.extend(rest);
    match *name {
        "compare" => arguments.push("good.csv"),
        "propose" => arguments.extend(["--throughput", "2e11*N^-0.7"]),
        _ => {}
    }
    if !matches!(*name, "check" | "propose") {
        arguments.extend(["--bootstrap", "20"]);
    }
    sweepctl_in(folder.path(), &arguments)
}

#[test]
fn a_bad_cell_is_named_by_its_line_whatever_is_asked() {
    for (column, cell) in [(2, "nan"), (2, "0"), (2, "-1"), (2, "1e300"), (0, "1e-300"), (1, "")] {
        let mut lines: Vec<String> = csv(&rows()).lines().map(str::to_owned).collect();
        let mut cells: Vec<&str> = lines[4].split(',').collect();
        cells[column] = cell;
        lines[4] = cells.join(",");
        let text = lines.join("\n");
        for command in COMMANDS {
            let transcript = ask(&text, command);
            assert_eq!(transcript.status, Some(1), "{command:?} {cell}: {transcript}");
            let name = ["N", "D", "loss"][column];
            let is = if cell.is_empty() { "missing".to_owned() } else { format!("`{cell}`") };
            let expected = format!("bad.csv:5: {name} is {is}");
            assert!(transcript.stderr.contains(&expected), "{command:?} {cell}: {transcript}");
        }
    }
}

/// Numbers at the ends of what is read, constants and repetitions are answered or refused.
#[test]
fn no_table_of_numbers_is_a_panic() {
    let map = |with: fn([f64; 3]) -> [f64; 3]| rows().into_iter().map(with).collect::<Vec<_>>();
    for table in [
        map(|[n, d, loss]| [n * 1e50, d, loss]),
        map(|[n, d, loss]| [n * 1e-60, d, loss]),
        map(|[n, d, loss]| [n, d * 1e48, loss]),
        map(|[n, d, loss]| [n, d, loss * 1e59]),
        map(|[n, d, loss]| [n, d, loss * 1e-59]),
        map(|[_, d, loss]| [1e8, d, loss]),
        map(|[n, d, _]| [n, d, 2.5]),
        map(|_| [1e8, 1e9, 2.5]),
        [rows(), rows()].concat(),
        rows()[..1].to_vec(),
        rows()[..6].to_vec(),
    ] {
        let text = csv(&table);
        for command in COMMANDS {
            let transcript = ask(&text, command);
            let ended = matches!(transcript.status, Some(0 | 1));
            assert!(ended, "{command:?} of {text}: {transcript}");
            // A comparison writes its coefficients out, whatever their unit.
            if command[0] == "compare" {
                continue;
            }
            let digits = |text: &str| {
                let runs = text.split(|letter: char| !letter.is_ascii_digit());
                runs.map(str::len).max().unwrap_or_default()
            };
            assert!(digits(&transcript.stdout) < 25, "{command:?} of {text}: {transcript}");
        }
    }
}

#[test]
fn what_is_asked_twice_or_of_nothing_is_refused() {
    let text = csv(&rows());
    let mut said = String::new();
    for options in [
        &["--fix", "E=1", "--fix", "E=2"][..],
        &["--fix", "E=-1"],
        &["--fix", "alpha=nan"],
        &["--bound", "alpha=0.9..0.1"],
        &["--tie", "alpha=alpha"],
        &["--column", "Q=N"],
        &["--column", "N=N", "--column", "N=D"],
        &["--column", "N=loss"],
        &["--response", "D", "--column", "D=D"],
        &["--objective", "huber-log:1e-300"],
        &["--convention", "N=active,D=seen"],
        &["--convention", "=active"],
        &["--convention", "D="],
    ] {
        let transcript = ask(&text, &[&["fit", "--law", "chinchilla"], options].concat());
        assert_eq!(transcript.status, Some(1), "{transcript}");
        // Writing to a string cannot fail.
        let _ = writeln!(said, "$ {}\n{}", options.join(" "), transcript.stderr);
    }
    insta::assert_snapshot!(said);
}

#[test]
fn a_table_without_a_law_in_it_is_checked() {
    let one = csv(&rows()[..1]);
    let flat: Vec<[f64; 3]> = rows().iter().map(|[n, d, _]| [*n, *d, 2.5]).collect();
    let same = csv(&[[1e8, 1e9, 2.5]; 20]);
    insta::assert_snapshot!("one_row_is_checked", ask(&one, &["check"]));
    insta::assert_snapshot!("a_flat_loss_is_checked", ask(&csv(&flat), &["check"]));
    insta::assert_snapshot!("equal_rows_are_checked", ask(&same, &["check"]));
    let predict = ["predict", "--law", "chinchilla", "--families", "--at", "N=70B,D=1T"];
    insta::assert_snapshot!("a_prediction_of_one_row", ask(&one, &predict));
}
