//! The HTTP side as a client of it sees it: a real server, a real client, a sweep in a real database.

mod addresses;
mod client;
mod entering;
mod following;
mod problems;
mod reading;
mod schema;
mod stage;
mod submitting;
