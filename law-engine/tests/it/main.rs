//! The law engine from outside.

mod catalogue;
mod catalogue_a;
mod catalogue_b;
mod coverage;
mod fits;
mod laws;
mod options;
mod properties;
mod published_widths;
mod study;
mod validation;
