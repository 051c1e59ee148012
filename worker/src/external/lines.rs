//! The lines that a training command reports: one JSON object each (docs/trainer-protocol.md).

use serde::Deserialize;
use serde_json::{Map, Value};
use sweep_core::metric::{Metric, MetricPoint};

/// One line, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    Step(Step),
    Checkpoint(Saved),
    Result(Found),
}

/// `{"step": 20, "loss": 2.31, "accelerator_s": 1.5, "gradient_norm": 0.4}`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    /// Steps that are done.
    pub(super) step: u64,
    /// Tokens trained so far, where the command counts them.
    pub(super) tokens: Option<u64>,
    pub(super) loss: Loss,
    /// Accelerator time of this attempt so far, where the command measures it.
    pub(super) accelerator_s: Option<f64>,
    pub(super) points: Vec<MetricPoint>,
}

/// What a step says of its loss, in nats per token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Loss {
    Unsaid,
    Finite(f64),
    NotFinite,
}

/// `{"event": "checkpoint", "step": 20, "path": "step-20.json"}`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    pub(super) step: u64,
    /// A file or folder, within the folder of checkpoints.
    pub(super) path: String,
}

/// `{"event": "result", "bits_per_byte": 2.1, "params_n": 8192}`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Found {
    pub(super) bits_per_byte: f64,
    pub(super) params_n: u64,
    /// Nats per token.
    #[serde(default)]
    pub(super) loss: Option<f64>,
}

/// Keys of a step that are no metrics.
const STEP_KEYS: [&str; 4] = ["event", "step", "tokens", "accelerator_s"];

/// Reads one line.
///
/// # Errors
/// What is wrong with it and what would be right, in words.
pub(super) fn read(line: &str) -> Result<Line, String> {
    let value = json(line)?;
    let Value::Object(mut fields) = value else {
        return Err("expected a JSON object such as {\"step\": 1, \"loss\": 2.3}".to_owned());
    };
    let event = match fields.get("event") {
        None => "step",
        Some(Value::String(event)) => event,
        Some(other) => return Err(format!("`event` is {other}, expected a string")),
    };
    match event {
        "step" => step(&fields).map(Line::Step),
        "checkpoint" => {
            fields.remove("event");
            let saved: Saved = fields_of(fields)?;
            Ok(Line::Checkpoint(saved))
        }
        "result" => {
            fields.remove("event");
            let found: Found = fields_of(fields)?;
            if !(found.bits_per_byte.is_finite() && found.bits_per_byte > 0.0) {
                let message = "`bits_per_byte` is {}, expected a positive number";
                return Err(message.replace("{}", &found.bits_per_byte.to_string()));
            }
            if found.params_n == 0 {
                return Err("`params_n` is 0, expected the number of trained parameters".to_owned());
            }
            Ok(Line::Result(found))
        }
        other => Err(format!(
            "the event `{other}` is not known, expected `step`, `checkpoint` or `result`"
        )),
    }
}

/// Python and JavaScript write numbers that JSON does not have; they are read as null.
fn json(line: &str) -> Result<Value, String> {
    serde_json::from_str(line).or_else(|error| {
        let mended =
            line.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null");
        serde_json::from_str(&mended).map_err(|_| format!("this is no JSON: {error}"))
    })
}

fn fields_of<T: for<'de> Deserialize<'de>>(fields: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(fields)).map_err(|error| error.to_string())
}

fn step(fields: &Map<String, Value>) -> Result<Step, String> {
    let whole = |key: &str| match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = value.as_u64();
            number.map(Some).ok_or_else(|| format!("`{key}` is {value}, expected a whole number"))
        }
    };
    let number = whole("step")?.ok_or("`step` is missing, expected the steps that are done")?;
    let accelerator_s = match fields.get("accelerator_s") {
        None => None,
        Some(value) => match value.as_f64() {
            Some(seconds) if seconds >= 0.0 => Some(seconds),
            _ => return Err(format!("`accelerator_s` is {value}, expected seconds")),
        },
    };
    let mut points = Vec::new();
    let mut loss = Loss::Unsaid;
    for (key, value) in fields.iter().filter(|(key, _)| !STEP_KEYS.contains(&key.as_str())) {
        let value = match value {
            Value::Null => None,
            Value::Number(_) => value.as_f64(),
            other => return Err(format!("`{key}` is {other}, expected a number")),
        };
        let metric = if key == "loss" {
            loss = value.map_or(Loss::NotFinite, Loss::Finite);
            Metric::TrainLoss
        } else {
            key.parse().map_err(|error| format!("{error}"))?
        };
        points.extend(value.map(|value| MetricPoint { metric, step: number, value }));
    }
    Ok(Step { step: number, tokens: whole("tokens")?, loss, accelerator_s, points })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_documentation_read() {
        let Ok(Line::Step(step)) = read(
            r#"{"step": 20, "tokens": 640, "loss": 2.5, "accelerator_s": 1.5, "grad/0": 0.4}"#,
        ) else {
            panic!("it is a step")
        };
        assert_eq!((step.step, step.tokens, step.loss), (20, Some(640), Loss::Finite(2.5)));
        let named: Vec<_> = step.points.iter().map(|p| (p.metric.to_string(), p.value)).collect();
        assert_eq!(named, [("grad/0".to_owned(), 0.4), ("train_loss".to_owned(), 2.5)]);
        let saved = Saved { step: 20, path: "a/b".to_owned() };
        let line = r#"{"event": "checkpoint", "step": 20, "path": "a/b"}"#;
        assert_eq!(read(line), Ok(Line::Checkpoint(saved)));
        let found = Found { bits_per_byte: 2.1, params_n: 8192, loss: None };
        let line = r#"{"event": "result", "bits_per_byte": 2.1, "params_n": 8192}"#;
        assert_eq!(read(line), Ok(Line::Result(found)));
    }

    #[test]
    fn a_loss_that_is_not_finite_is_said() {
        for word in ["NaN", "Infinity", "-Infinity", "null"] {
            let line = format!("{{\"step\": 3, \"loss\": {word}}}");
            let Ok(Line::Step(step)) = read(&line) else { panic!("{line}") };
            assert_eq!(step.loss, Loss::NotFinite);
        }
    }

    #[test]
    fn mistakes_say_what_would_be_right() {
        let messages: Vec<String> = [
            "loss 2.3",
            "[1, 2]",
            r#"{"loss": 2.3}"#,
            r#"{"step": -1}"#,
            r#"{"step": 1, "loss": "low"}"#,
            r#"{"step": 1, "with space": 1}"#,
            r#"{"step": 1, "accelerator_s": -2}"#,
            r#"{"event": "done"}"#,
            r#"{"event": 3}"#,
            r#"{"event": "checkpoint", "step": 1}"#,
            r#"{"event": "result", "bits_per_byte": 2.1}"#,
            r#"{"event": "result", "bits_per_byte": 0, "params_n": 1}"#,
            r#"{"event": "result", "bits_per_byte": 2, "params_n": 0}"#,
            r#"{"event": "result", "bits_per_byte": 2, "params_n": 1, "los": 1}"#,
        ]
        .iter()
        .map(|line| format!("{line}\n  {}\n", read(line).unwrap_err()))
        .collect();
        insta::assert_snapshot!(messages.concat());
    }
}
