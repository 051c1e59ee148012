//! What is true of every law of the catalogue: its card is complete and consistent, and its gradient
//! is that of its values.

use law_engine::catalogue::{Card, Form, LAWS, Law, Symbol, find};
use law_engine::random::Stream;

/// Combinations of starts that a fit may look at.
const PLACES_MAX: usize = 3000;

#[test]
fn laws_are_sorted_and_found_by_name() {
    let names: Vec<&str> = LAWS.iter().map(|law| law.card().name).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    for name in names {
        let law = find(name).expect("it is in the catalogue");
        assert_eq!(law.card().name, name);
        assert!(name.chars().all(|c| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit()));
    }
    assert!(find("no-such-law").is_none());
}

#[test]
fn cards_are_complete() {
    for law in LAWS {
        let card = law.card();
        let name = card.name;
        for text in [card.title, card.equation, card.source, card.range] {
            assert!(!text.is_empty() && text.trim() == text, "{name}: {text:?}");
        }
        assert!(!card.notes.is_empty(), "{name} has no pitfalls");
        assert!(!card.variables.is_empty() && !card.parameters.is_empty(), "{name}");
        for Symbol { symbol, meaning, .. } in card.variables.iter().chain([&card.response]) {
            assert!(!symbol.is_empty() && !meaning.is_empty(), "{name}: {symbol}");
        }
        let mut symbols: Vec<&str> = card.parameters.iter().map(|p| p.symbol).collect();
        symbols.sort_unstable();
        assert!(symbols.is_sorted_by(|a, b| a < b), "{name} has a letter twice: {symbols:?}");
        for symbol in symbols {
            // One of several, such as d1, may stand there as d_i, or be named by another's formula.
            let letter = symbol.split(|c: char| c == '_' || c.is_ascii_digit()).next();
            let letter = letter.expect("a split has a first part");
            assert!(card.equation.contains(letter), "{name}: no {symbol} in {}", card.equation);
        }
        if let Form::Unverified(why) = card.form {
            assert!(!why.is_empty(), "{name} says not why");
        }
    }
}

#[test]
fn starts_and_published_fits_are_within_bounds() {
    for law in LAWS {
        let Card { name, parameters, published, .. } = law.card();
        let places: usize = parameters.iter().map(|p| p.starts.len().max(1)).product();
        assert!(places <= PLACES_MAX, "{name} searches {places} places");
        for (i, parameter) in parameters.iter().enumerate() {
            let (lower, upper) = parameter.kind.bounds();
            let inside = |value: f64| (lower..=upper).contains(&parameter.kind.to_fit(value));
            // Zero is where a fraction of the way along a variable begins.
            let usable = |start: &f64| *start == 0.0 || inside(*start);
            assert!(parameter.starts.iter().all(usable), "{name}: {parameter:?}");
            if let Some(exponent) = parameter.exponent {
                assert!(parameters.iter().any(|p| p.symbol == exponent), "{name}: {exponent}");
            }
            for fit in published {
                assert_eq!(fit.coefficients.len(), parameters.len(), "{name}, {}", fit.label);
                let value = fit.coefficients[i];
                assert!(inside(value), "{name}, {}: {} is {value}", fit.label, parameter.symbol);
            }
        }
    }
}

fn uniform(stream: &mut Stream, lower: f64, upper: f64) -> f64 {
    lower + (upper - lower) * (stream.below(1 << 20) as f64 + 0.5) / f64::from(1 << 20)
}

/// A place in the usual range of such a variable.
fn draw_variable(stream: &mut Stream, variable: &Symbol) -> f64 {
    let (lower, upper): (f64, f64) = match (variable.symbol, variable.unit) {
        (_, "parameters") => (1e7, 1e10),
        (_, "tokens") => (2e9, 1e12),
        (_, "FLOP") => (1e17, 1e23),
        (_, "steps") => (1e3, 1e5),
        (_, "dimensions") => (64.0, 8192.0),
        (_, "examples") => (1e2, 1e4),
        (_, "none" | "share") => (0.1, 0.9),
        (_, "nats per token" | "bits per byte") => (0.5, 5.0),
        _ => (2.0, 100.0),
    };
    uniform(stream, lower.ln(), upper.ln()).exp()
}

/// Coefficients near a published fit or, without one, near starts, with every linear term about one.
fn draw_coefficients(stream: &mut Stream, law: &dyn Law, x: &[f64]) -> Vec<f64> {
    let Card { parameters, published, .. } = law.card();
    let jitter: Vec<f64> = parameters.iter().map(|_| uniform(stream, 0.95, 1.05)).collect();
    if !published.is_empty() {
        let fit = published[stream.below(published.len())];
        return fit.coefficients.iter().zip(&jitter).map(|(c, jitter)| c * jitter).collect();
    }
    let mut coefficients = vec![0.0; parameters.len()];
    for (i, p) in parameters.iter().enumerate().filter(|(_, p)| !p.is_linear()) {
        coefficients[i] = p.starts[stream.below(p.starts.len())] * jitter[i];
    }
    let base = coefficients.clone();
    for (i, p) in parameters.iter().enumerate().filter(|(_, p)| p.is_linear()) {
        let mut unit = base.clone();
        unit[i] = 1.0;
        let share = (jitter[i] / (law.predict(&unit, x) - law.predict(&base, x)).abs()).abs();
        let exponent = parameters.iter().position(|q| Some(q.symbol) == p.exponent);
        coefficients[i] = share.powf(exponent.map_or(1.0, |e| base[e].recip()));
    }
    coefficients
}

#[test]
fn gradients_equal_finite_differences() {
    const DRAWS: u64 = 200;
    for (number, law) in LAWS.iter().enumerate() {
        let card = law.card();
        let mut checked_n = 0;
        for draw in 0..DRAWS {
            let mut stream = Stream::keyed(1, [number as u64, draw, 0]);
            let x: Vec<f64> =
                card.variables.iter().map(|v| draw_variable(&mut stream, v)).collect();
            let coefficients = draw_coefficients(&mut stream, *law, &x);
            let value = law.predict(&coefficients, &x);
            let usable = |c: &f64| c.is_finite() && c.abs() < 1e30;
            // Some combinations of starts have no value, or one only with absurd amplitudes.
            if !usable(&value) || !coefficients.iter().all(usable) {
                continue;
            }
            checked_n += 1;
            let gradient = law.gradient(&coefficients, &x);
            for (i, parameter) in card.parameters.iter().enumerate() {
                // Of a coefficient that is zero, a tenth.
                let size = if coefficients[i] == 0.0 { 0.1 } else { coefficients[i].abs() };
                let difference = |step: f64| {
                    let at = |step: f64| {
                        let mut moved = coefficients.clone();
                        moved[i] += step;
                        law.predict(&moved, &x)
                    };
                    (at(step) - at(-step)) / (2.0 * step)
                };
                // Two central differences without their error of second order (Richardson).
                let step = 1e-4 * size;
                let slope = (4.0 * difference(0.5 * step) - difference(step)) / 3.0;
                let allowed = 1e-6 * (value.abs() / size + gradient[i].abs());
                assert!(
                    (slope - gradient[i]).abs() <= allowed,
                    "{}: d/d{} is {} and not {slope} at {coefficients:?}, {x:?}",
                    card.name,
                    parameter.symbol,
                    gradient[i],
                );
            }
        }
        assert!(checked_n >= DRAWS / 4, "{} has a value at {checked_n} places only", card.name);
    }
}
