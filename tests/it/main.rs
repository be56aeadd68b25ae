//! The one integration binary: the tree, the program as users run it, and what other programs say of its files.

mod bad_inputs;
mod broken;
mod card_sides;
mod check;
mod crash;
mod debug_pictures;
mod generator;
mod geometry;
mod http;
mod interrupted;
mod judges;
mod layers;
mod log;
mod machine;
mod pades;
mod program;
mod repeat;
mod samples;
mod service;
mod signing;
mod tamper;
mod tokens;
mod watch;
