//! `provision`: the command line.

fn main() {}
