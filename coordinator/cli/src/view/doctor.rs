//! What was looked at, a line each.

use sweep_core::diagnosis::{Check, Verdict};

use super::counted;

/// A line for each thing that was looked at, with what to do below it, and one for all.
pub(crate) fn render(checks: &[Check]) -> String {
    let mut text = String::new();
    for Check { name, verdict, says, hint } in checks {
        text += &format!("{verdict:<5} {name:<15} {says}\n");
        if let Some(hint) = hint {
            text += &format!("{:22}hint: {hint}\n", "");
        }
    }
    let of = |verdict: Verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let (warnings, failures) = (of(Verdict::Warn), of(Verdict::Fail));
    text + &match (failures, warnings) {
        (0, 0) => "all is well\n".to_owned(),
        (0, warnings) => format!("{}\n", counted(warnings, "warning")),
        (failures, 0) => format!("{}\n", counted(failures, "failure")),
        (failures, warnings) => {
            format!("{}, {}\n", counted(failures, "failure"), counted(warnings, "warning"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_a_line_with_what_to_do_below() {
        let checks = [
            Check::new("connection", Verdict::Ok, "http://sweeps:7700 answers in 3 ms"),
            Check::new("workers", Verdict::Warn, "0 workers").hint("start one"),
            Check::new("database clock", Verdict::Fail, "16 s off").hint("keep the clocks by NTP"),
        ];
        insta::assert_snapshot!(render(&checks));
        assert!(render(&checks[..1]).ends_with("all is well\n"));
        assert!(render(&checks[..2]).ends_with("1 warning\n"));
    }
}
