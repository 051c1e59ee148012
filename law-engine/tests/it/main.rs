//! The law engine from outside.

mod catalogue;
mod catalogue_a;
mod catalogue_b;
mod compare;
mod coverage;
mod expressions;
mod extremes;
mod fits;
mod influence;
mod keeping;
mod laws;
mod options;
mod profiles;
mod properties;
mod proposals;
mod proposing;
mod queries;
mod robust_widths;
mod study;
mod validation;
