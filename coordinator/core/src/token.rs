//! API tokens: how one is written, and what is known of it. Whoever holds the text has its rights;
//! the coordinator keeps a hash only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::access::{Actor, Role};
use crate::clock::Timestamp;
use crate::units::WallTime;

/// What every token begins with, so that people and scanners of leaked secrets know it for one.
const PREFIX: &str = "swp_";
/// Random bytes of a token: as many as its hash has.
pub const SECRET_BYTES: usize = 32;
/// Letters that 32 bytes take, six bits each.
const SECRET_LETTERS: usize = 43;
/// RFC 4648, section 5: safe in URLs, headers and shells.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// As long as a name of a project may be.
const NAME_LETTERS_MAX: usize = 64;

/// The public part of a token: lists and journals name it by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub u32);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:08x}", self.0))
    }
}

impl FromStr for TokenId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_written_so =
            text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let id = u32::from_str_radix(text, 16).ok().filter(|_| is_written_so);
        id.map(Self).ok_or_else(|| "the id of a token has eight digits, 0 to f".to_owned())
    }
}

impl Serialize for TokenId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Text that must not be seen: it has no form to print, and none in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for whoever sends, hashes or hands it over.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A token as it is written, from random numbers: `swp_0123abcd_` and 43 letters.
#[must_use]
pub fn compose(id: TokenId, random: &[u8; SECRET_BYTES]) -> Secret {
    let mut text = format!("{PREFIX}{id}_");
    let bit = |n: usize| random.get(n / 8).map_or(0, |byte| usize::from(byte >> (7 - n % 8) & 1));
    for letter in 0..SECRET_LETTERS {
        let index = (0..6).fold(0, |index, n| index << 1 | bit(letter * 6 + n));
        text.push(char::from(ALPHABET[index]));
    }
    Secret(text)
}

/// The id within a token; none for what is not written like one.
#[must_use]
pub fn id_of(token: &Secret) -> Option<TokenId> {
    let (id, secret) = token.0.strip_prefix(PREFIX)?.split_once('_')?;
    let is_written_so =
        secret.len() == SECRET_LETTERS && secret.bytes().all(|byte| ALPHABET.contains(&byte));
    id.parse().ok().filter(|_| is_written_so)
}

/// What is known of a token. Never its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    pub id: TokenId,
    /// Given once and never again, so that a journal says which token it was.
    pub name: String,
    pub role: Role,
    /// The one project that it is bound to; none for all.
    pub project: Option<String>,
    pub created_by: String,
    pub created_at: Timestamp,
    /// From when on it is not accepted any more; none for never.
    pub expires_at: Option<Timestamp>,
    pub revoked: Option<Revocation>,
}

/// Who took a token back, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    pub by: String,
    pub at: Timestamp,
}

/// A token that was just made, with its text: the one time that anybody sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    pub token: ApiToken,
    pub secret: Secret,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Valid,
    Expired(Timestamp),
    Revoked(Timestamp),
}

impl ApiToken {
    #[must_use]
    pub fn standing(&self, now: Timestamp) -> Standing {
        match (&self.revoked, self.expires_at) {
            (Some(revoked), _) => Standing::Revoked(revoked.at),
            (None, Some(at)) if at <= now => Standing::Expired(at),
            _ => Standing::Valid,
        }
    }

    /// Whether whoever holds it may do everything.
    #[must_use]
    pub fn administers(&self, now: Timestamp) -> bool {
        let is_valid = self.standing(now) == Standing::Valid;
        is_valid && self.role == Role::Admin && self.project.is_none()
    }

    /// Whoever comes in with it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let (name, project) = (self.name.clone(), self.project.clone());
        Actor { token: Some(self.id), name, role: self.role, project }
    }
}

/// A token that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenOrder {
    pub name: String,
    pub role: Role,
    pub project: Option<String>,
    /// None for a token that does not expire.
    pub expires_in: Option<WallTime>,
}

impl TokenOrder {
    /// Why there can be no such token.
    #[must_use]
    pub fn mistake(&self) -> Option<String> {
        let Self { name, role, project, expires_in } = self;
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.@".contains(letter);
        let is_name = (1..=NAME_LETTERS_MAX).contains(&name.len()) && name.chars().all(is_plain);
        if !is_name {
            return Some(format!(
                "`{name}` is not a name: 1 to {NAME_LETTERS_MAX} letters, digits, `-`, `_`, `.` or `@`"
            ));
        }
        if name.parse::<TokenId>().is_ok() {
            return Some(format!("`{name}` is not a name: it is written like the id of a token"));
        }
        if *role == Role::Worker && project.is_some() {
            return Some("a worker serves every project: its token is bound to none".to_owned());
        }
        if expires_in.is_some_and(|time| time.ms() == 0) {
            return Some("a token that expires at once is good for nothing".to_owned());
        }
        project.as_deref().and_then(crate::spec::project_mistake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_holds_its_id_and_all_of_its_random_bits() {
        let zero = compose(TokenId(0x00ab_cdef), &[0; 32]);
        assert_eq!(zero.expose(), format!("swp_00abcdef_{}", "A".repeat(43)));
        assert_eq!(id_of(&zero), Some(TokenId(0x00ab_cdef)));
        let mut seen = std::collections::HashSet::from([zero.expose().to_owned()]);
        for bit in 0..256 {
            let mut random = [0; 32];
            random[bit / 8] = 1 << (bit % 8);
            assert!(seen.insert(compose(TokenId(0x00ab_cdef), &random).0), "bit {bit} is lost");
        }
        // RFC 4648, section 10: base64("foobar") is Zm9vYmFy.
        let mut random = [0; 32];
        random[..6].copy_from_slice(b"foobar");
        assert!(compose(TokenId(1), &random).expose().starts_with("swp_00000001_Zm9vYmFy"));
    }

    #[test]
    fn what_is_not_written_like_a_token_is_none() {
        let good = compose(TokenId(1), &[7; 32]).0;
        for text in ["", "swp_", "swp_00000001", &good[1..], &good[..good.len() - 1]] {
            assert_eq!(id_of(&Secret(text.to_owned())), None, "{text}");
        }
        for (from, to) in [("00000001", "0000001"), ("00000001", "0000000G"), ("_00", "_+0")] {
            assert_eq!(id_of(&Secret(good.replace(from, to))), None, "{to}");
        }
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = compose(TokenId(1), &[7; 32]);
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "*** Some(***)");
    }

    #[test]
    fn a_token_stands_until_it_expires_or_is_revoked() {
        let token = ApiToken {
            id: TokenId(1),
            name: "ci".to_owned(),
            role: Role::Viewer,
            project: None,
            created_by: "ada".to_owned(),
            created_at: Timestamp(0),
            expires_at: Some(Timestamp(10)),
            revoked: None,
        };
        assert_eq!(token.standing(Timestamp(9)), Standing::Valid);
        assert_eq!(token.standing(Timestamp(10)), Standing::Expired(Timestamp(10)));
        let by = "ada".to_owned();
        let revoked = ApiToken { revoked: Some(Revocation { by, at: Timestamp(5) }), ..token };
        assert_eq!(revoked.standing(Timestamp(20)), Standing::Revoked(Timestamp(5)));
        let json = serde_json::to_string(&revoked).unwrap();
        assert!(json.contains("\"id\":\"00000001\""), "{json}");
        assert_eq!(serde_json::from_str::<ApiToken>(&json).unwrap(), revoked);
    }

    #[test]
    fn what_cannot_be_a_token_is_told() {
        let good = TokenOrder {
            name: "ci@build-1".to_owned(),
            role: Role::Submitter,
            project: Some("vision".to_owned()),
            expires_in: None,
        };
        assert_eq!(good.mistake(), None);
        let nameless = TokenOrder { name: "a b".to_owned(), ..good.clone() };
        assert!(nameless.mistake().unwrap().contains("`a b` is not a name"));
        let id = TokenOrder { name: "0123abcd".to_owned(), ..good.clone() };
        assert!(id.mistake().unwrap().contains("like the id"));
        let worker = TokenOrder { role: Role::Worker, ..good.clone() };
        assert!(worker.mistake().unwrap().contains("every project"));
        let elsewhere = TokenOrder { project: Some("Vision!".to_owned()), ..good };
        assert!(elsewhere.mistake().unwrap().contains("Vision!"));
    }
}
