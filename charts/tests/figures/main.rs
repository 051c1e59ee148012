//! Figures from the outside: snapshots of what people see, and properties that every figure keeps.

mod fit;
mod fixtures;
mod properties;
mod snapshots;
mod truth;
mod xml;
