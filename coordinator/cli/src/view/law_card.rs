//! A law of the catalogue: what it says, where from, and what others found.

use law_engine::catalogue::{Card, Form};
use serde_json::{Value, json};

use super::fit::as_given;
use super::table::{Column, draw};

/// All laws, a line each.
pub(crate) fn list(cards: &[Card]) -> String {
    let columns = [
        Column::Text("law"),
        Column::Text("over"),
        Column::Number("coefficients"),
        Column::Text("about"),
    ];
    let rows = cards.iter().map(|card| {
        let variables = card.letters();
        let mark = if card.form == Form::Verified { "" } else { " (unverified)" };
        vec![
            card.name.to_owned(),
            variables.join(", "),
            card.parameters.len().to_string(),
            format!("{}{mark}", card.title),
        ]
    });
    draw(&columns, rows.collect())
        + "unverified: the form was not checked against its source; `sweepctl laws show LAW` says why\n"
}

/// One law in full.
pub(crate) fn show(card: &Card) -> String {
    let mut text = format!("{}: {}\n\n    {}\n\n", card.name, card.title, card.equation);
    let symbol = [Column::Text("symbol"), Column::Text("meaning"), Column::Text("unit")];
    let response = [&card.response];
    let symbols = response.into_iter().chain(card.variables).map(|symbol| {
        vec![symbol.symbol.to_owned(), symbol.meaning.to_owned(), symbol.unit.to_owned()]
    });
    let parameters = card.parameters.iter().map(|parameter| {
        vec![parameter.symbol.to_owned(), parameter.meaning.to_owned(), "fitted".to_owned()]
    });
    text += &draw(&symbol, symbols.chain(parameters).collect());
    text += &format!("\nsource: {}\nrange: {}\n", card.source, card.range);
    if let Form::Unverified(reason) = card.form {
        text += &format!("unverified: {reason}\n");
    }
    for note in card.notes {
        text += &format!("note: {note}\n");
    }
    if !card.published.is_empty() {
        let mut columns = vec![Column::Text("published fit")];
        columns.extend(card.parameters.iter().map(|parameter| Column::Number(parameter.symbol)));
        columns.push(Column::Text("source"));
        let rows = card.published.iter().map(|published| {
            let mut cells = vec![published.label.to_owned()];
            cells.extend(published.coefficients.iter().map(|value| as_given(*value)));
            cells.push(published.source.to_owned());
            cells
        });
        text += &format!("\n{}", draw(&columns, rows.collect()));
    }
    text
}

/// The same as data.
pub(crate) fn document(card: &Card) -> Value {
    let published = card.published.iter().map(|published| {
        json!({
            "label": published.label,
            "source": published.source,
            "convention": published.convention,
            "coefficients": published.coefficients,
        })
    });
    let symbols = card.variables.iter().map(
        |symbol| json!({ "symbol": symbol.symbol, "meaning": symbol.meaning, "unit": symbol.unit }),
    );
    let parameters = card
        .parameters
        .iter()
        .map(|parameter| json!({ "symbol": parameter.symbol, "meaning": parameter.meaning }));
    json!({
        "name": card.name,
        "title": card.title,
        "equation": card.equation,
        "response": { "symbol": card.response.symbol, "meaning": card.response.meaning,
                      "unit": card.response.unit },
        "variables": symbols.collect::<Vec<_>>(),
        "coefficients": parameters.collect::<Vec<_>>(),
        "source": card.source,
        "range": card.range,
        "notes": card.notes,
        "unverified": match card.form { Form::Verified => None, Form::Unverified(why) => Some(why) },
        "published": published.collect::<Vec<_>>(),
    })
}
