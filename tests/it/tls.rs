//! A coordinator that speaks TLS, with certificates that are made for the test.

use std::process::Command;

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use sweep_core::run::RunState;

use crate::sandbox::{Sandbox, small_budget};
use crate::served::{Served, free_address, secret};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(sandbox: &Sandbox, name: &str) -> Result<Authority> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    std::fs::write(sandbox.path(&format!("{name}.pem")), authority.pem())?;
    Ok(authority)
}

/// A certificate for this machine, valid until a year begins.
fn certificate(sandbox: &Sandbox, by: &Authority, name: &str, until: i32) -> Result<[String; 4]> {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
    params.not_after = date_time_ymd(until, 1, 1);
    // Of the authority's own name it would pass for signed by itself.
    params.distinguished_name.push(DnType::CommonName, "coordinator");
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, by)?;
    let [cert_file, key_file] = ["pem", "key"].map(|kind| sandbox.path(&format!("{name}.{kind}")));
    std::fs::write(&cert_file, certificate.pem())?;
    std::fs::write(&key_file, key.serialize_pem())?;
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    Ok(["--tls-cert".to_owned(), path(&cert_file), "--tls-key".to_owned(), path(&key_file)])
}

/// What a command that broke says.
fn broken(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.run(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}\n{said}");
    said
}

#[tokio::test]
async fn a_sweep_is_trained_over_tls_and_what_does_not_fit_is_told() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    let ours = authority(&sandbox, "ca")?;
    authority(&sandbox, "other")?;
    let options = certificate(&sandbox, &ours, "server", 2999)?;
    let options: Vec<&str> =
        ["--auth", "tokens"].into_iter().chain(options.iter().map(String::as_str)).collect();
    let http = free_address()?;
    let served = Served::start(&sandbox, &[&options[..], &["--http", &http]].concat()).await?;
    assert!(served.log()?.contains("others can read the key"), "{}", served.log()?);
    let [ca, other] = ["ca.pem", "other.pem"].map(|name| sandbox.path(name));
    let (ca, other) = (ca.to_string_lossy(), other.to_string_lossy());
    let admin = served.bootstrap_token();

    let common = ["--server", &served.url, "--ca", &ca, "--token-file", &admin];
    let _worker = sandbox.spawn(&[&["worker"], &common[..]].concat());
    sandbox.succeed(&[&["submit", "budget.yaml"], &common[..]].concat());
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    assert!(stored.runs.iter().all(|run| run.state == RunState::Succeeded));

    // The HTTP side has the same certificate, and asks for the same tokens.
    let secret = format!("Authorization: Bearer {}", secret(&admin)?.expose());
    let list = format!("https://{http}/api/v1/sweeps");
    let curl = |options: &[&str]| Command::new("curl").args(["-sf", &list]).args(options).output();
    let answer = curl(&["--cacert", &ca, "-H", &secret])?;
    let answer = String::from_utf8(answer.stdout)?;
    assert!(answer.contains("\"name\":\"small\""), "{answer}");
    // As its manual has it: 22 for a status of 400 and more, 60 for a peer that nobody vouches for; 35 where
    // the signature is not even that of the authority's namesake.
    assert_eq!(curl(&["--cacert", &ca])?.status.code(), Some(22));
    let distrusted = curl(&["--cacert", &other, "-H", &secret])?.status.code();
    assert!(matches!(distrusted, Some(35 | 60)), "{distrusted:?}");
    let clear = Command::new("curl").args(["-sf", &list.replace("https", "http")]).output()?;
    assert!(!clear.status.success());

    // Without its scheme, an address that goes with an authority is one of TLS.
    let plain = served.url.replace("https", "http");
    let bare = plain.replace("http://", "");
    sandbox.succeed(&["status", "--server", &bare, "--ca", &ca, "--token-file", &admin]);
    for ask in ["status", "worker"] {
        let said = broken(&sandbox, &[ask, "--server", &served.url, "--ca", &other]);
        assert!(said.contains("nobody that is trusted here vouches"), "{said}");
        assert!(said.contains("hint: `--ca FILE` or SWEEP_CA"), "{said}");
        let said = broken(&sandbox, &[ask, "--server", &served.url]);
        assert!(said.contains("nobody that is trusted here vouches"), "{said}");
        let said = broken(&sandbox, &[ask, "--server", &plain]);
        assert!(said.contains("speaks TLS") && said.contains("begins with `https://`"), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn an_expired_certificate_and_none_at_all_are_told_apart() -> Result<()> {
    let sandbox = Sandbox::new(&small_budget("small"));
    let ours = authority(&sandbox, "ca")?;
    let options = certificate(&sandbox, &ours, "old", 2020)?;
    let ca = sandbox.path("ca.pem");
    let ca = ca.to_string_lossy();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    {
        let served = Served::start(&sandbox, &options).await?;
        let said = broken(&sandbox, &["status", "--server", &served.url, "--ca", &ca]);
        assert!(said.contains("certificate has expired"), "{said}");
        let other_name = served.url.replace("127.0.0.1", "localhost");
        let said = broken(&sandbox, &["status", "--server", &other_name, "--ca", &ca]);
        assert!(said.contains("expired") || said.contains("another name"), "{said}");
    }
    let served = Served::start(&sandbox, &[]).await?;
    let secure = served.url.replace("http://", "https://");
    for ask in ["status", "worker"] {
        let said = broken(&sandbox, &[ask, "--server", &secure, "--ca", &ca]);
        assert!(said.contains("speaks no TLS") && said.contains("begins with `http://`"), "{said}");
    }
    // One of two files, and one in place of the other.
    let output = sandbox.run(&["serve", "--tls-cert", options[1]]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("one of them is missing"), "{said}");
    let output = sandbox.run(&["serve", "--tls-cert", options[3], "--tls-key", options[1]]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("no CERTIFICATE in PEM"), "{said}");
    Ok(())
}
