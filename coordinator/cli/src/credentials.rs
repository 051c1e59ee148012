//! What people and workers sign in with: from a file or a variable, never from an option, whose value
//! everybody on the machine could read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sweep_core::token::{Secret, id_of};

use crate::failure::Failure;

/// Holds a token itself, where no file is named.
const VARIABLE: &str = "SWEEP_TOKEN";
const SHAPE: &str = "a token is `swp_`, eight digits 0 to f, `_` and 43 letters";

/// The token to show, if there is one.
pub(crate) fn token(file: Option<&Path>) -> Result<Option<Secret>, Failure> {
    let (text, from) = match file {
        Some(path) => {
            let unreadable = |error| {
                Failure::refused(format!("the token cannot be read from {}", path.display()))
                    .with_cause(std::io::Error::to_string(&error))
                    .with_hint("`--token-file` or SWEEP_TOKEN_FILE names the file that holds it")
            };
            let text = std::fs::read_to_string(path).map_err(unreadable)?;
            (text, path.display().to_string())
        }
        None => match std::env::var(VARIABLE) {
            Ok(text) if !text.is_empty() => (text, VARIABLE.to_owned()),
            _ => return Ok(None),
        },
    };
    let token = Secret::new(text.trim().to_owned());
    match id_of(&token) {
        Some(_) => Ok(Some(token)),
        // What was found may be half of a token, and is not told.
        None => Err(Failure::refused(format!("{from} does not hold a token")).with_hint(SHAPE)),
    }
}

/// The certificates of those who may vouch for a coordinator.
pub(crate) fn authority(file: &Path) -> Result<Vec<u8>, Failure> {
    let bad = |cause: String| {
        Failure::refused(format!("no certificate can be read from {}", file.display()))
            .with_cause(cause)
            .with_hint("`--ca` or SWEEP_CA names a file in PEM: `-----BEGIN CERTIFICATE-----`")
    };
    let pem = std::fs::read(file).map_err(|error| bad(error.to_string()))?;
    let begin = b"-----BEGIN CERTIFICATE-----";
    if !pem.windows(begin.len()).any(|part| part == begin) {
        return Err(bad("it holds none".to_owned()));
    }
    Ok(pem)
}

/// Writes a token into a new file that only its owner reads.
pub(crate) fn write(path: &Path, token: &Secret) -> Result<(), Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| writeln!(file, "{}", token.expose()));
    written.map_err(|error| {
        Failure::refused(format!("the token cannot be written to {}", path.display()))
            .with_cause(error.to_string())
            .with_hint("it was made all the same, and nobody can tell it again: revoke it")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use sweep_core::token::{TokenId, compose};

    use super::*;

    #[test]
    fn a_token_is_written_for_its_owner_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let secret = compose(TokenId(7), &[1; 32]);
        write(&file, &secret).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(token(Some(&file)).unwrap(), Some(secret.clone()));
        let again = write(&file, &secret).unwrap_err().render(false);
        assert!(again.contains("revoke it") && !again.contains(secret.expose()), "{again}");
    }

    #[test]
    fn what_is_no_token_is_named_by_its_place_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let missing = token(Some(&file)).unwrap_err().render(false);
        assert!(missing.contains("cannot be read") && missing.contains("SWEEP_TOKEN_FILE"));
        std::fs::write(&file, "swp_0123abcd_half").unwrap();
        let half = token(Some(&file)).unwrap_err().render(false);
        assert!(half.contains("does not hold a token") && !half.contains("half"), "{half}");
    }
}
