//! placeholder

pub mod binarize;
pub mod blank;
pub mod orient;
pub mod skew;
