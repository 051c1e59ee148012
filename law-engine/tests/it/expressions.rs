//! Laws that somebody writes down, against the catalogue and against what they mean.

use law_engine::catalogue::{self, Data, Form, Kind, Law, Options};
use law_engine::expression::{self, law};
use law_engine::random::Stream;
use proptest::prelude::*;

fn written(text: &str) -> &'static dyn Law {
    law(text, &[]).unwrap_or_else(|mistake| panic!("{mistake}"))
}

/// Runs on a grid with the losses of `truth` and a little noise.
fn data(law: &dyn Law, truth: &[f64], noise: f64) -> Data {
    let symbols = law.card().letters();
    let mut rows = vec![Vec::new()];
    for _ in &symbols {
        let values = [1e7, 5e7, 2.5e8, 1e9, 6e9];
        rows = rows
            .iter()
            .flat_map(|row| values.map(|value| [row.clone(), vec![value]].concat()))
            .collect();
    }
    let error = |i: usize| (noise * Stream::keyed(5, [i as u64, 0, 0]).normal()).exp();
    let losses =
        rows.iter().enumerate().map(|(i, row)| law.predict(truth, row) * error(i)).collect();
    Data::new(&symbols, rows, losses, None).expect("a grid of good rows")
}

#[test]
fn chinchilla_written_down_is_chinchilla() {
    let known = catalogue::find("chinchilla").unwrap();
    let yours = written("L(N, D) = E + A N^-alpha + B*D^-beta");
    let data = data(known, &[1.69, 406.4, 410.7, 0.34, 0.28], 0.003);
    let options = Options::default();
    let [a, b] = [known, yours].map(|law| law.estimate(&data, &options).unwrap());
    // The order of the coefficients is that of the text: E, A, alpha, B, beta.
    let ours = [0, 1, 3, 2, 4].map(|i| b.coefficients[i]);
    for (ours, theirs) in ours.iter().zip(&a.coefficients) {
        assert!((ours / theirs - 1.0).abs() < 1e-6, "{ours} {theirs}");
    }
    assert!((a.objective / b.objective - 1.0).abs() < 1e-12);
    let draws = yours.draws(&data, &options, &b, 20, 1).unwrap();
    assert!(draws.iter().all(|draw| draw.iter().all(|value| value.is_finite())));
}

#[test]
fn coefficients_come_back_from_laws_of_many_shapes() {
    for (text, truth) in [
        ("E + A*N^-alpha", vec![1.7, 90.0, 0.3]),
        ("a + b*log(N)", vec![9.0, -0.3]),
        ("log10(C) * b + a", vec![-0.2, 8.0]),
        ("E + A/(N + N0)^alpha", vec![1.5, 300.0, 8e7, 0.4]),
        ("L(x) = E + (s/x)^p", vec![1.2, 4e7, 0.5]),
        ("E + A*exp(-k*(D/1e9)) ", vec![2.0, 1.5, 0.8]),
        ("exp(a - b*log(N)) + E", vec![5.0, 0.35, 1.1]),
        ("(A*N^-alpha)*(B + D^-beta)", vec![70.0, 0.2, 0.5, 0.1]),
        ("E + A*sqrt(1/N) + B*D^-beta", vec![1.0, 900.0, 200.0, 0.25]),
    ] {
        let law = written(text);
        let found = law.estimate(&data(law, &truth, 0.0), &Options::default()).unwrap();
        for (parameter, (found, truth)) in
            law.card().parameters.iter().zip(found.coefficients.iter().zip(&truth))
        {
            let name = parameter.symbol;
            assert!((found / truth - 1.0).abs() < 1e-3, "{text}: {name} is {found}, not {truth}");
        }
    }
}

#[test]
fn the_card_says_what_may_be() {
    let card = written("y(S, N) = c - a*log(S) + B*N^-beta + (N/K)^q").card();
    let kinds: Vec<(&str, Kind)> = card.parameters.iter().map(|p| (p.symbol, p.kind)).collect();
    let either = Kind::Within(-1e6, 1e6);
    assert_eq!(
        kinds,
        [
            ("c", either),
            ("a", either),
            ("B", Kind::Amplitude),
            ("beta", Kind::Exponent),
            ("K", Kind::Amplitude),
            ("q", Kind::Within(-2.0, 2.0)),
        ]
    );
    assert_eq!(card.response.symbol, "y");
    assert!(matches!(card.form, Form::Unverified(_)));
    let named = card.letters();
    assert_eq!(named, ["S", "N"]);
    let extra = law("E + A*steps^-alpha", &["steps"]).unwrap().card();
    assert_eq!(extra.variables[0].symbol, "steps");
}

#[test]
fn mistakes_name_their_place() {
    for (text, at, what) in [
        ("E + ", 3, "expected a number, a name or `(`, found the end"),
        ("E + A*N^", 8, "expected a number, a name or `(`, found the end"),
        ("E + (A*N", 8, "expected `)`, found the end"),
        ("E + A*N)", 7, "expected an operator, found `)`"),
        ("E + A#N", 5, "`#` has no meaning in a law"),
        ("E + 1.2.3*N", 4, "`1.2.3` is no number"),
        ("log N", 4, "expected `(` after `log`, found `N`"),
        ("L(N = E", 4, "expected `,` or `)` among the variables, found `=`"),
        ("L(N, N) = E + N", 5, "expected another variable, found `N`"),
        ("L(N, D) = E + A*N^-a", 0, "the variable D is on the left alone,"),
        ("E + A*x^-a", 0, "there is no variable"),
        ("2*N + 1", 0, "there is no coefficient to fit"),
        ("N + a+b+c+d+e+f+g+i+j+k+l", 0, "11 coefficients are more than the 10 of a law"),
    ] {
        let mistake = law(text, &[]).err().unwrap_or_else(|| panic!("{text} is a law"));
        assert!(mistake.what.starts_with(what), "{text}: {mistake}");
        assert_eq!(mistake.at, at, "{text}: {mistake}");
    }
}

/// Any expression of a small grammar, as text.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("N".to_owned()),
        Just("D".to_owned()),
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just("c".to_owned()),
        (1..9_u32).prop_map(|n| format!("{n}.5")),
    ];
    leaf.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} + {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} * {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} / {b})")),
            inner.clone().prop_map(|a| format!("({a})^-a")),
            inner.clone().prop_map(|a| format!("log(1 + {a})")),
            inner.prop_map(|a| format!("exp(-{a} / 10)")),
        ]
    })
    .prop_map(|text| format!("a + b*N + c*D + {text}"))
}

proptest! {
    #[test]
    fn no_text_is_a_panic(text in "[-+*/^(),=. a-eN0-9]{0,40}") {
        let _ = law(&text, &[]);
        let _ = expression::is_expression(&text);
    }

    #[test]
    fn gradients_are_those_of_finite_differences(text in expressions()) {
        let law = law(&text, &[]).unwrap();
        let (at, x) = ([0.7, 0.4, 1.3], [1.9, 0.6]);
        let gradient = law.gradient(&at, &x);
        for i in 0..3 {
            let step = 1e-5;
            let value = |by: f64| {
                let mut moved = at;
                moved[i] += by;
                law.predict(&moved, &x)
            };
            let difference = (value(step) - value(-step)) / (2.0 * step);
            let error = (gradient[i] - difference).abs() / (1.0 + difference.abs());
            prop_assert!(error < 1e-5, "{text}: {} {difference}", gradient[i]);
        }
    }
}
