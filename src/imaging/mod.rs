//! placeholder

pub mod binarize;
pub mod skew;
