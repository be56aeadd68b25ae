//! The one integration binary: the tree, the program as users run it, and what other programs say of its files.

mod layers;
mod program;
mod samples;
