//! Long lists, page by page. Pure.

use schemars::JsonSchema;
use serde::Serialize;

use super::problem::Problem;
use super::query::Query;
use super::route::Parameter;

pub(super) const LIMIT: Parameter =
    Parameter::integer("limit", "Items of a page at most, 1 to 1000; 100 by default.");
pub(super) const CURSOR: Parameter =
    Parameter::text("cursor", "Where to go on: the `next_cursor` of the page before.");

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// Part of a list.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Of all pages together.
    pub(super) total_n: usize,
    /// Names the next page; none after the last.
    pub(super) next_cursor: Option<String>,
}

/// The page that is asked for. A cursor is the name of the item before it, so that items which are
/// added or move meanwhile neither repeat nor hide others.
pub(super) fn page<T>(
    mut all: Vec<T>,
    query: &Query,
    name: impl Fn(&T) -> String,
) -> Result<Page<T>, Problem> {
    let limit = query.get::<usize>(LIMIT.name)?.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let detail = format!("the parameter `limit` is {limit}, expected 1 to {LIMIT_MAX}");
        return Err(Problem::bad_request(detail).with_field(LIMIT.name));
    }
    let total_n = all.len();
    if let Some(cursor) = query.text(CURSOR.name) {
        let before = all.iter().position(|item| name(item) == cursor);
        let Some(before) = before else {
            return Err(Problem::bad_request("the parameter `cursor` is none of this list")
                .with_field(CURSOR.name)
                .with_hint("give it with the parameters of the page that it comes from"));
        };
        all.drain(..=before);
    }
    let more = all.len() > limit;
    all.truncate(limit);
    let next_cursor = all.last().filter(|_| more).map(name);
    Ok(Page { items: all, total_n, next_cursor })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(limit: usize, cursor: Option<&str>) -> Query {
        let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let uri = format!("/?limit={limit}{cursor}").parse().unwrap();
        Query::read(&uri, &[LIMIT, CURSOR]).unwrap()
    }

    proptest! {
        /// Whoever follows the cursors sees every item once, in order.
        #[test]
        fn pages_make_the_list(n in 0usize..60, limit in 1usize..20) {
            let all: Vec<usize> = (0..n).collect();
            let (mut seen, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let query = asked(limit, cursor.as_deref());
                let page = page(all.clone(), &query, usize::to_string).unwrap();
                prop_assert!(page.items.len() <= limit && page.total_n == n);
                seen.extend(page.items);
                match page.next_cursor {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
            prop_assert_eq!(seen, all);
        }
    }

    #[test]
    fn a_page_that_cannot_be_is_refused() {
        for query in [asked(0, None), asked(1001, None), asked(1, Some("7"))] {
            assert!(page(vec![1], &query, i32::to_string).is_err(), "{query:?}");
        }
    }
}
