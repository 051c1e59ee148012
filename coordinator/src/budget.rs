//! Reads a budget.yaml with all that can be wrong in it, laws of one's own included.

use law_engine::catalogue::Law;
use law_engine::expression::{self, NoLaw};
use sweep_core::spec::{Mistake, SpecErrors, SweepSpec, parse_with};

/// The letters that runs of a sweep have.
const LETTERS: [&str; 5] = ["N", "D", "U", "C", "h"];

/// Reads and checks one budget.yaml.
///
/// # Errors
/// Every mistake with its place, as [`sweep_core::spec::parse`], and those in `forecast.laws`.
pub fn read(yaml: &str) -> Result<SweepSpec, SpecErrors> {
    parse_with(yaml, |spec| {
        let laws = &spec.forecast.laws;
        let mistake = |(number, text): (usize, &String)| {
            let twice = || {
                let is_there = laws[..number].iter().any(|before| are_one(before, text));
                is_there.then(|| (format!("the law `{text}` is listed twice"), None))
            };
            let (message, hint) = law(text).err().or_else(twice)?;
            Some(Mistake { field: format!("forecast.laws[{number}]"), message, hint })
        };
        laws.iter().enumerate().filter_map(mistake).collect()
    })
}

/// Whether two texts differ in nothing but spaces around names and signs.
fn are_one(a: &str, b: &str) -> bool {
    let parts = |text: &str| {
        let (mut parts, mut is_apart) = (String::new(), false);
        for letter in text.trim().chars() {
            // A space between two names multiplies them.
            let joins = |c: char| c.is_alphanumeric() || c == '_';
            if is_apart && joins(letter) && parts.ends_with(joins) {
                parts.push(' ');
            }
            is_apart = letter.is_whitespace();
            if !is_apart {
                parts.push(letter);
            }
        }
        parts
    };
    parts(a) == parts(b)
}

/// A law of the catalogue or of one's own that runs of a sweep can be fitted by.
///
/// # Errors
/// What is wrong with it, and a hint.
pub fn law(text: &str) -> Result<&'static dyn Law, (String, Option<String>)> {
    let law = expression::find(text, &[]).map_err(|no_law| {
        let hint = match &no_law {
            NoLaw::Misread(_) => None,
            NoLaw::Unknown { nearest: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            NoLaw::Unknown { .. } => {
                Some("`sweepctl laws list` names them; or write one: `E + A*N^-alpha`".to_owned())
            }
        };
        (no_law.to_string(), hint)
    })?;
    match law.card().variables.iter().find(|variable| !LETTERS.contains(&variable.symbol)) {
        Some(variable) => Err((
            format!("`{text}` is of {}, {}", variable.symbol, variable.meaning),
            Some(format!("runs of a sweep have {}", LETTERS.join(", "))),
        )),
        None => Ok(law),
    }
}

#[cfg(test)]
mod tests {
    use sweep_core::spec::ArmSpec;
    use sweep_core::variant::Variant;

    use super::*;

    const YAML: &str = include_str!("../../examples/budget.yaml");

    #[test]
    fn the_other_examples_are_read() {
        let spec = read(include_str!("../../examples/variants.yaml")).unwrap();
        let variants: Vec<Variant> = spec.arms.iter().map(ArmSpec::variant).collect();
        for (i, variant) in variants.iter().enumerate() {
            assert!(!variants[..i].contains(variant), "{variant:?} twice");
        }
    }

    fn with(laws: &str) -> Result<SweepSpec, SpecErrors> {
        read(&YAML.replace("  level: 90 %", &format!("  level: 90 %\n  laws: {laws}")))
    }

    #[test]
    fn laws_of_ones_own_and_of_the_catalogue_are_read() {
        let spec = with("[chinchilla, data-constrained, \"L(N, D) = E + A*N^-alpha + B*D^-beta\"]")
            .unwrap();
        assert_eq!(spec.forecast.laws.len(), 3);
        assert_eq!(read(YAML).unwrap().forecast.laws, Vec::<String>::new());
    }

    #[test]
    fn a_law_that_is_listed_twice_is_named() {
        for (laws, law) in [
            ("chinchilla, chinchilla", "chinchilla"),
            ("chinchilla, \" chinchilla \"", " chinchilla "),
            ("E+A*N^-alpha, E + A * N^-alpha", "E + A * N^-alpha"),
        ] {
            let said = with(&format!("[{laws}]")).unwrap_err().to_string();
            let expected = format!("forecast.laws[1]: the law `{law}` is listed twice");
            assert!(said.contains(&expected), "{said}");
        }
        assert!(with("[E + A B N^-alpha, E + AB N^-alpha]").is_ok(), "AB is one name");
    }

    #[test]
    fn laws_are_a_list() {
        let said = with("chinchilla").unwrap_err().to_string();
        assert!(said.contains("forecast.laws: expected a list such as `[a, b]`"), "{said}");
    }

    #[test]
    fn laws_that_are_none_are_named_by_their_place() {
        for (law, expected) in [
            (
                "chinchila",
                "forecast.laws[0]: no law of the catalogue is called `chinchila` (did \
                           you mean `chinchilla`?)",
            ),
            ("\"E + A*N^\"", "forecast.laws[0]: expected"),
            ("\"\"", "forecast.laws[0]: the law has no name (`sweepctl laws list` names them"),
            ("~", "forecast.laws[0]: expected a text, found nothing"),
            ("precision", "forecast.laws[0]: `precision` is of "),
        ] {
            let said = with(&format!("[{law}]")).unwrap_err().to_string();
            assert!(said.starts_with("line 59, column 1") && said.contains(expected), "{said}");
        }
    }
}
