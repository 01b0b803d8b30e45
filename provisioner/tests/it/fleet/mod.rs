//! `provision image --fleet`: many cards, judged by e2fsprogs, dosfstools, OpenSSL and `sha256sum`.

mod bench;
mod cards;
mod failures;
mod refusals;
mod together;
