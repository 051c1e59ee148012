//! The texts that can be trained on.

use sweep_core::units::human_count;
use sweep_corpus::{Details, Summary};

use super::counted;
use super::table::{Column, draw};

/// Hexadecimal digits that tell corpora apart at a glance.
const HASH_DIGITS: usize = 12;

pub(crate) fn list(corpora: &[Summary]) -> String {
    let columns = [
        Column::Text("corpus"),
        Column::Number("documents"),
        Column::Number("train bytes"),
        Column::Number("validation bytes"),
        Column::Text("SHA-256"),
        Column::Text("source"),
    ];
    let rows = corpora.iter().map(|corpus| {
        let unprepared = || ["-"; 4].map(ToOwned::to_owned).to_vec();
        let known = corpus.reference.as_ref().map_or_else(unprepared, |reference| {
            vec![
                reference.documents_n.to_string(),
                human_count(reference.train_bytes as f64),
                human_count(reference.validation_bytes as f64),
                reference.hash.chars().take(HASH_DIGITS).collect(),
            ]
        });
        let mut cells = vec![corpus.name.clone()];
        cells.extend(known);
        cells.push(corpus.source.clone());
        cells
    });
    draw(&columns, rows.collect())
}

pub(crate) fn details(details: &Details) -> String {
    let Details { summary, bytes, train_documents_n, validation_documents_n, .. } = details;
    let mut text = format!("{}\n", summary.name);
    let mut line = |name: &str, value: &str| text += &format!("{name:<12} {value}\n");
    line("source", &summary.source);
    line("licence", &summary.licence);
    if let Some(reference) = &summary.reference {
        line("SHA-256", &reference.hash);
    }
    line("bytes", &format!("{bytes} of {} distinct values", details.distinct_bytes));
    line("training", &counted(*train_documents_n as usize, "document"));
    line("validation", &counted(*validation_documents_n as usize, "document"));
    text + &format!("\n{}\n", details.sample.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn summary(name: &str, prepared: bool) -> Summary {
        Summary {
            name: name.to_owned(),
            source: "documentation comments".to_owned(),
            licence: "as the crates".to_owned(),
            reference: prepared.then(fixtures::corpus),
        }
    }

    #[test]
    fn corpora_and_one_of_them() {
        insta::assert_snapshot!(list(&[summary("docs", true), summary("sotu", false)]));
        let shown = Details {
            summary: summary("docs", true),
            bytes: 11_000_000,
            train_documents_n: 900,
            validation_documents_n: 100,
            distinct_bytes: 180,
            sample: "An iterator that yields nothing.\n".to_owned(),
        };
        insta::assert_snapshot!(details(&shown));
    }
}
