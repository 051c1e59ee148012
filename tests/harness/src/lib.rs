//! What tests need around the program: throw-away servers.
//!
//! Nothing here ships, and nothing here knows sweepctl's crates, so that every one of them may use
//! it in its tests.
//!
//! ```no_run
//! let server = sweep_harness::postgres::Postgres::start()?;
//! let url = server.create_database()?;
//! assert!(url.starts_with("postgres://"));
//! # Ok::<(), anyhow::Error>(())
//! ```

pub mod postgres;
pub mod proxy;
