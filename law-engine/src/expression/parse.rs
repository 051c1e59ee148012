//! From text to tree.

use super::Mistake;
use super::program::is_small;
use super::tree::{Function, Tree};

/// Letters that are variables where no left-hand side names any.
const USUAL: [&str; 4] = ["N", "D", "C", "h"];
/// Deeper brackets than these are no law.
const DEPTH_MAX: usize = 64;

/// A law as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parsed {
    pub(super) response: String,
    pub(super) variables: Vec<String>,
    /// In the order in which they are named.
    pub(super) coefficients: Vec<String>,
    pub(super) tree: Tree,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Name(String),
    Sign(char),
}

/// Reads a law; `variables` are names that are variables beside the usual ones.
pub(super) fn parse(text: &str, variables: &[&str]) -> Result<Parsed, Mistake> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        depth: 0,
        may_be: USUAL.iter().chain(variables).map(ToString::to_string).collect(),
        variables: Vec::new(),
        coefficients: Vec::new(),
    };
    let response = parser.left_hand_side()?;
    let tree = parser.sum()?;
    if parser.at < parser.tokens.len() {
        return Err(parser.mistake("expected an operator"));
    }
    let Parser { variables, coefficients, .. } = parser;
    let whole = |what: String| Err(Mistake { text: text.to_owned(), at: 0, what });
    let is_unused = |i: &usize| !tree.any(&|part| *part == Tree::Variable(*i));
    if let Some(unused) = (0..variables.len()).find(is_unused) {
        return whole(format!("the variable {} is on the left alone,", variables[unused]));
    }
    if variables.is_empty() {
        let usual = "there is no variable (N, D, C and h are, or name yours as in `L(x) = ...`)";
        return whole(usual.to_owned());
    }
    if !is_small(&tree) {
        return whole("there are too many brackets within brackets".to_owned());
    }
    Ok(Parsed { response, variables, coefficients, tree })
}

struct Parser<'a> {
    text: &'a str,
    /// Each with its place in characters.
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
    /// Names that are variables.
    may_be: Vec<String>,
    variables: Vec<String>,
    coefficients: Vec<String>,
}

impl Parser<'_> {
    fn mistake(&self, what: &str) -> Mistake {
        let end = self.text.chars().count();
        let (at, found) = match self.tokens.get(self.at) {
            None => (end, "the end".to_owned()),
            Some((at, Token::Number(number))) => (*at, format!("`{number}`")),
            Some((at, Token::Name(name))) => (*at, format!("`{name}`")),
            Some((at, Token::Sign(sign))) => (*at, format!("`{sign}`")),
        };
        Mistake { text: self.text.to_owned(), at, what: format!("{what}, found {found}") }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    /// Takes a sign if it is next.
    fn take(&mut self, sign: char) -> bool {
        let is = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(is);
        is
    }

    fn name(&mut self) -> Result<String, Mistake> {
        match self.peek() {
            Some(Token::Name(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.mistake("expected a name")),
        }
    }

    /// `L =` or `L(N, D) =`, if there is one; the name of the response.
    fn left_hand_side(&mut self) -> Result<String, Mistake> {
        if !self.tokens.iter().any(|(_, token)| *token == Token::Sign('=')) {
            return Ok("L".to_owned());
        }
        let response = self.name()?;
        if self.take('(') {
            let mut named = vec![self.name()?];
            while self.take(',') {
                named.push(self.name()?);
                if named.last().is_some_and(|last| named[..named.len() - 1].contains(last)) {
                    self.at -= 1;
                    return Err(self.mistake("expected another variable"));
                }
            }
            if !self.take(')') {
                return Err(self.mistake("expected `,` or `)` among the variables"));
            }
            self.may_be = named.clone();
            self.variables = named;
        }
        if !self.take('=') {
            return Err(self.mistake("expected `=` after the left-hand side"));
        }
        Ok(response)
    }

    fn sum(&mut self) -> Result<Tree, Mistake> {
        let mut tree = self.product()?;
        loop {
            if self.take('+') {
                tree = Tree::Sum(tree.into(), self.product()?.into());
            } else if self.take('-') {
                let negative = Tree::Negative(self.product()?.into());
                tree = Tree::Sum(tree.into(), negative.into());
            } else {
                return Ok(tree);
            }
        }
    }

    fn product(&mut self) -> Result<Tree, Mistake> {
        let mut tree = self.signed()?;
        loop {
            if self.take('*') {
                tree = Tree::Product(tree.into(), self.signed()?.into());
            } else if self.take('/') {
                tree = Tree::Quotient(tree.into(), self.signed()?.into());
            } else if matches!(
                self.peek(),
                Some(Token::Name(_) | Token::Number(_) | Token::Sign('('))
            ) {
                tree = Tree::Product(tree.into(), self.power()?.into());
            } else {
                return Ok(tree);
            }
        }
    }

    fn signed(&mut self) -> Result<Tree, Mistake> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.mistake("expected fewer brackets and signs"));
        }
        let tree =
            if self.take('-') { Tree::Negative(self.signed()?.into()) } else { self.power()? };
        self.depth -= 1;
        Ok(tree)
    }

    fn power(&mut self) -> Result<Tree, Mistake> {
        let base = self.atom()?;
        if self.take('^') {
            return Ok(Tree::Power(base.into(), self.signed()?.into()));
        }
        Ok(base)
    }

    fn bracket(&mut self) -> Result<Tree, Mistake> {
        let tree = self.sum()?;
        if self.take(')') { Ok(tree) } else { Err(self.mistake("expected `)`")) }
    }

    fn atom(&mut self) -> Result<Tree, Mistake> {
        match self.peek().cloned() {
            Some(Token::Number(number)) => {
                self.at += 1;
                Ok(Tree::Number(number))
            }
            Some(Token::Sign('(')) => {
                self.at += 1;
                self.bracket()
            }
            Some(Token::Name(name)) => {
                self.at += 1;
                if let Some(function) = Function::named(&name) {
                    if !self.take('(') {
                        return Err(self.mistake(&format!("expected `(` after `{name}`")));
                    }
                    return Ok(Tree::Of(function, self.bracket()?.into()));
                }
                if self.may_be.contains(&name) {
                    return Ok(Tree::Variable(place(&mut self.variables, name)));
                }
                Ok(Tree::Coefficient(place(&mut self.coefficients, name)))
            }
            _ => Err(self.mistake("expected a number, a name or `(`")),
        }
    }
}

/// The place of a name among those known, where it is added if it is new.
fn place(known: &mut Vec<String>, name: String) -> usize {
    known.iter().position(|other| *other == name).unwrap_or_else(|| {
        known.push(name);
        known.len() - 1
    })
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Mistake> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let begin = at;
        let while_ = |at: usize, is: &dyn Fn(char) -> bool| {
            at + letters[at..].iter().take_while(|letter| is(**letter)).count()
        };
        let token = if letter.is_whitespace() {
            at += 1;
            continue;
        } else if letter.is_ascii_digit() || letter == '.' {
            at = while_(at, &|letter| letter.is_ascii_digit() || letter == '.');
            // An exponent of ten, where digits follow the letter.
            if letters.get(at).is_some_and(|letter| matches!(letter, 'e' | 'E')) {
                let sign = letters.get(at + 1).is_some_and(|letter| matches!(letter, '+' | '-'));
                let digits = at + 1 + usize::from(sign);
                let end = while_(digits.min(letters.len()), &|letter| letter.is_ascii_digit());
                if end > digits {
                    at = end;
                }
            }
            let digits: String = letters[begin..at].iter().collect();
            match digits.parse() {
                Ok(number) => Token::Number(number),
                Err(_) => {
                    let what = format!("`{digits}` is no number");
                    return Err(Mistake { text: text.to_owned(), at: begin, what });
                }
            }
        } else if letter.is_alphabetic() || letter == '_' {
            at = while_(at, &|letter| letter.is_alphanumeric() || letter == '_');
            Token::Name(letters[begin..at].iter().collect())
        } else if "+-*/^(),=".contains(letter) {
            at += 1;
            Token::Sign(letter)
        } else {
            let what = format!("`{letter}` has no meaning in a law");
            return Err(Mistake { text: text.to_owned(), at, what });
        };
        tokens.push((begin, token));
    }
    Ok(tokens)
}
