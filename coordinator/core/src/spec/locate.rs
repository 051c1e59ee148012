//! Where each field of a YAML text stands: the serde model drops places, so mistakes that are
//! found after reading look them up here.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Line and column, both from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

/// Every field of a text with its place, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(String, Position)>);

impl Places {
    /// The places in `text`; none where it is not YAML.
    pub(super) fn of(text: &str) -> Self {
        let mut places = Self::default();
        if let Ok(root) = serde_saphyr::from_str::<Node>(text) {
            places.collect("", &root);
        }
        places
    }

    /// Where `path` stands, or else the nearest field around it.
    pub(super) fn find(&self, path: &str) -> Option<Position> {
        let mut path = path;
        loop {
            if let Some((_, at)) = self.0.iter().find(|(known, _)| known == path) {
                return Some(*at);
            }
            let cut = path.rfind(['.', '['])?;
            path = &path[..cut];
        }
    }

    /// The field whose key or value begins at `position`.
    pub(super) fn path_at(&self, position: Position) -> String {
        let at = self.0.iter().rfind(|(_, place)| *place == position);
        at.map(|(path, _)| path.clone()).unwrap_or_default()
    }

    fn collect(&mut self, path: &str, node: &Node) {
        match node {
            Node::Scalar => {}
            Node::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.enter(&format!("{path}[{index}]"), item);
                }
            }
            Node::Map(entries) => {
                for (key, value) in entries {
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{}", key.value);
                    self.0.push((path.clone(), place(key)));
                    self.enter(&path, value);
                }
            }
        }
    }

    fn enter(&mut self, path: &str, node: &Spanned<Node>) {
        // The value's own place, which is where a reader looks for what is wrong with it.
        self.0.insert(0, (path.to_owned(), place(node)));
        self.collect(path, &node.value);
    }
}

fn place<T>(spanned: &Spanned<T>) -> Position {
    let at = &spanned.referenced;
    Position { line: at.line() as usize, column: at.column() as usize }
}

enum Node {
    Scalar,
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

macro_rules! scalars {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E>(self, _: $type) -> Result<Node, E> {
            Ok(Node::Scalar)
        }
    )*};
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}
